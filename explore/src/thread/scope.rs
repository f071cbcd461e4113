//! Threads that end before their scope does.

use std::fmt;
use std::panic::Location;

use crate::journal::Called;
use crate::platform::{cannot_judge, checker, run_under_shuttle};
use crate::search::supervisor;
use crate::verdict::Checker;

/// What threads are started in that may borrow from around it: [`std::thread::Scope`], but handed over by
/// value.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'scope, 'env: 'scope>(Kind<'scope, 'env>);

#[derive(Debug, Clone, Copy)]
enum Kind<'scope, 'env: 'scope> {
    Real(&'scope std::thread::Scope<'scope, 'env>),
    Shuttle(&'scope shuttle::thread::Scope<'scope, 'env>),
}

/// A thread of a [`Scope`].
pub struct ScopedJoinHandle<'scope, T>(Started<'scope, T>);

enum Started<'scope, T> {
    Real(std::thread::ScopedJoinHandle<'scope, T>),
    Shuttle(shuttle::thread::ScopedJoinHandle<'scope, T>),
}

/// Does `body`, and waits for the threads that it starts in its scope.
///
/// loom starts threads whose body is `'static`, and to lend them less without unsafe code is not possible:
/// it cannot judge a program with a scope, and shuttle can. For loom, share through an
/// [`Arc`](std::sync::Arc) and join the handles.
///
/// # Panics
///
/// If a thread of the scope has panicked and nobody has joined it.
///
/// ```
/// use wakeproof_explore::sync::Mutex;
/// use wakeproof_explore::thread;
///
/// let number = Mutex::new(0);
/// thread::scope(|scope| {
///     scope.spawn(|| *number.lock().unwrap() += 1);
///     scope.spawn(|| *number.lock().unwrap() += 1);
/// });
/// assert_eq!(number.into_inner().unwrap(), 2);
/// ```
pub fn scope<'env, T>(body: impl for<'scope> FnOnce(Scope<'scope, 'env>) -> T) -> T {
    match checker() {
        Some(Checker::Loom) => cannot_judge("loom has no threads that end with a scope"),
        // The scope must not be left by a panic while its threads run.
        Some(Checker::Shuttle) => {
            supervisor::opens_scope();
            shuttle::thread::scope(|scope| {
                supervisor::guarded(|| body(Scope(Kind::Shuttle(scope))))
            })
        }
        _ => std::thread::scope(|scope| body(Scope(Kind::Real(scope)))),
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread, which may borrow what lives for as long as the scope.
    #[track_caller]
    pub fn spawn<T: Send + 'scope>(
        &self,
        body: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, T> {
        let called = Called::StartedAt(Location::caller());
        ScopedJoinHandle(match self.0 {
            Kind::Real(scope) => Started::Real(scope.spawn(body)),
            Kind::Shuttle(scope) => {
                let start = || scope.spawn(move || run_under_shuttle(called, body));
                Started::Shuttle(supervisor::starting(start))
            }
        })
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits for the thread to end, and returns what its body has returned.
    ///
    /// # Errors
    ///
    /// If it has panicked: what with.
    pub fn join(self) -> super::Result<T> {
        match self.0 {
            Started::Real(thread) => thread.join(),
            Started::Shuttle(thread) => thread.join(),
        }
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}
