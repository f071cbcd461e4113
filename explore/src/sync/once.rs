//! What happens once, or is made once.

mod lazy_lock;
mod once_lock;

use std::sync::atomic::Ordering;

use crate::dropin::{Either, Monitor};
use crate::story;

pub use self::lazy_lock::LazyLock;
pub use self::once_lock::OnceLock;

/// [`std::sync::Once`], explored.
///
/// ```
/// use wakeproof_explore::sync::Once;
///
/// let (once, mut times) = (Once::new(), 0);
/// once.call_once(|| times += 1);
/// once.call_once(|| unreachable!());
/// assert!(once.is_completed());
/// assert_eq!(times, 1);
/// ```
#[derive(Debug)]
pub struct Once(Either<std::sync::Once, Progress>);

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    NotBegun,
    Poisoned,
    Running,
    Done,
}

/// What [`Once::call_once_force`] tells of those that have tried before.
#[derive(Debug)]
pub struct OnceState {
    is_poisoned: bool,
}

impl OnceState {
    /// Whether one has tried before, and panicked.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }
}

impl Default for Once {
    #[track_caller]
    fn default() -> Self {
        Once::new()
    }
}

const POISONED: &str = "Once instance has previously been poisoned";

impl Once {
    /// Nothing has happened.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Once(Either::new(
            "once",
            std::sync::Once::new,
            Progress::NotBegun,
        ))
    }

    /// Calls `init` unless it has been done. Waits for another thread that is doing it.
    ///
    /// # Panics
    ///
    /// If another call has panicked; under a checker, also if this was made in another execution, or
    /// outside.
    #[track_caller]
    pub fn call_once(&self, init: impl FnOnce()) {
        match &self.0 {
            Either::Real(once) => once.get().call_once(init),
            Either::Explored(progress) => call(progress, false, |_| init()),
        }
    }

    /// As [`call_once`](Self::call_once), even if another call has panicked.
    ///
    /// # Panics
    ///
    /// Under a checker, if this was made in another execution, or outside.
    #[track_caller]
    pub fn call_once_force(&self, init: impl FnOnce(&OnceState)) {
        match &self.0 {
            Either::Real(once) => once.get().call_once_force(|state| {
                init(&OnceState {
                    is_poisoned: state.is_poisoned(),
                });
            }),
            Either::Explored(progress) => call(progress, true, init),
        }
    }

    /// Whether it has been done, successfully.
    ///
    /// # Panics
    ///
    /// As [`call_once_force`](Self::call_once_force).
    #[must_use]
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        match &self.0 {
            Either::Real(once) => once.get().is_completed(),
            Either::Explored(progress) => progress.step(Ordering::Acquire, |progress| {
                progress.tells(story::LOOKS);
                **progress == Progress::Done
            }),
        }
    }

    /// Waits until it has been done.
    ///
    /// # Panics
    ///
    /// As [`call_once`](Self::call_once).
    #[track_caller]
    pub fn wait(&self) {
        self.wait_until(
            |progress| {
                assert!(progress != Progress::Poisoned, "{POISONED}");
                progress == Progress::Done
            },
            std::sync::Once::wait,
        );
    }

    /// Waits until it has been done, even if a call has panicked.
    ///
    /// # Panics
    ///
    /// As [`call_once_force`](Self::call_once_force).
    #[track_caller]
    pub fn wait_force(&self) {
        self.wait_until(
            |progress| progress == Progress::Done,
            std::sync::Once::wait_force,
        );
    }

    #[track_caller]
    fn wait_until(&self, is_over: fn(Progress) -> bool, wait: fn(&std::sync::Once)) {
        match &self.0 {
            Either::Real(once) => wait(once.get()),
            Either::Explored(progress) => progress.until(Ordering::Acquire, |progress| {
                let is_over = is_over(**progress);
                progress.tells(if is_over {
                    story::LOOKS
                } else {
                    "waits for {}"
                });
                is_over.then_some(())
            }),
        }
    }
}

#[track_caller]
fn call(progress: &Monitor<Progress>, ignores_poison: bool, init: impl FnOnce(&OnceState)) {
    let found = progress.until(Ordering::Acquire, |progress| {
        let found = **progress;
        progress.tells(story::LOOKS);
        match found {
            Progress::Running => {
                progress.tells("waits for {}");
                return None;
            }
            Progress::Poisoned if !ignores_poison => {}
            Progress::NotBegun | Progress::Poisoned => {
                progress.tells("begins {}");
                **progress = Progress::Running;
            }
            Progress::Done => {}
        }
        Some(found)
    });
    if found == Progress::Done {
        return;
    }
    let is_poisoned = found == Progress::Poisoned;
    assert!(ignores_poison || !is_poisoned, "{POISONED}");
    let mut running = Running {
        progress,
        becomes: Progress::Poisoned,
    };
    init(&OnceState { is_poisoned });
    running.becomes = Progress::Done;
}

/// A call that runs. It ends when this is dropped.
struct Running<'a> {
    progress: &'a Monitor<Progress>,
    becomes: Progress,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.progress.step_in_drop(Ordering::Release, |progress| {
            **progress = self.becomes;
            progress.tells("ends {}");
            progress.wake_all();
        });
    }
}
