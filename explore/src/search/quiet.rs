//! Panics are how a checker reports; while it searches, they are nobody else's news.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a thread of its own, on which panics print nothing. A panic that gets out of
/// `work` goes on here.
pub(super) fn on_a_quiet_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    install();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            QUIET.set(true);
            work()
        });
        worker
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    })
}

/// Puts a hook in front of the one that is there, once. It leaves other threads' panics alone.
fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // shuttle puts its own hook, which prints on every thread, in front at its first execution.
        // Let it do so on top of a hook that is thrown away with it.
        let original = panic::take_hook();
        shuttle::Runner::new(
            shuttle::scheduler::RandomScheduler::new_from_seed(0, 1),
            shuttle::Config::new(),
        )
        .run(|| ());
        drop(panic::take_hook());
        panic::set_hook(Box::new(move |news| {
            if !QUIET.get() {
                original(news);
            }
        }));
    });
}

/// Runs `work` on this thread, and returns its panic, which prints nothing.
pub(super) fn catch(work: impl FnOnce()) -> std::thread::Result<()> {
    install();
    QUIET.set(true);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(work));
    QUIET.set(false);
    result
}
