//! Signals and suspensions: what happens to a thread between any two of its steps.

use std::sync::Arc;

use crate::dropin::{Monitor, Turn};
use crate::platform::{checker, interrupts, this_thread};
use crate::story;
use crate::sync::atomic::Ordering;

/// A signal to a thread that handles it between any two of its steps.
///
/// As with POSIX, one that is raised while it is pending already is not handled twice, and a handler is not
/// interrupted by another signal. A thread that waits for a condvar, to be unparked, or for anything else in
/// [`os`](crate::os) handles it while it waits, and then waits on. One that waits for a mutex or for the
/// end of another thread handles it when that is over.
///
/// Outside of a search, there are no signals without unsafe code: one that was raised is handled when the
/// body has come to its end.
///
/// ```
/// use wakeproof_explore::os::Signal;
/// use wakeproof_explore::sync::Arc;
/// use wakeproof_explore::sync::atomic::{AtomicU32, Ordering};
/// use wakeproof_explore::thread;
///
/// let (signal, handled) = (Signal::new(), Arc::new(AtomicU32::new(0)));
/// let (to_this, counter) = (signal.clone(), handled.clone());
/// let thread = thread::spawn(move || to_this.raise());
/// signal.handle(
///     move || {
///         counter.fetch_add(1, Ordering::Relaxed);
///     },
///     || thread.join().unwrap(),
/// );
/// assert_eq!(handled.load(Ordering::Relaxed), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Signal(Arc<Monitor<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    is_raised: bool,
    /// The thread that handles it.
    handled_by: Option<u64>,
}

impl Default for Signal {
    #[track_caller]
    fn default() -> Self {
        Signal::new()
    }
}

impl Signal {
    /// One that is not raised.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Signal(Arc::new(Monitor::new("signal", Pending::default())))
    }

    /// Raises it.
    ///
    /// # Panics
    ///
    /// Under a checker, if it was made in another execution, or outside.
    #[track_caller]
    pub fn raise(&self) {
        self.0.step(Ordering::Release, |pending| {
            pending.tells("raises {}");
            pending.is_raised = true;
            if let Some(thread) = pending.handled_by {
                interrupts::interrupt(thread);
            }
        });
    }

    /// Does `body`, in which this thread handles the signal with `handler`.
    ///
    /// # Panics
    ///
    /// As [`raise`](Self::raise).
    #[track_caller]
    pub fn handle<R>(&self, handler: impl Fn() + 'static, body: impl FnOnce() -> R) -> R {
        let signal = self.clone();
        let handle = move || {
            while signal.take() {
                handler();
            }
        };
        if checker().is_none() {
            let result = body();
            handle();
            return result;
        }
        let this = this_thread();
        self.0.step(Ordering::Relaxed, |pending| {
            pending.tells("handles {} from here on");
            pending.handled_by = Some(this);
        });
        interrupts::before_each_step(handle, body)
    }

    /// Whether the signal was raised since the last look. The looks are the operating system's, and no part of the
    /// story.
    fn take(&self) -> bool {
        let look = |pending: &mut Turn<'_, Pending>| std::mem::take(&mut pending.is_raised);
        story::inside(|| self.0.step(Ordering::Acquire, look))
    }
}
