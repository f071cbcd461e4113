//! `std::hint`, explored.

/// Says that this thread waits in a loop for another one, as [`std::hint::spin_loop`] does.
///
/// Under a checker it is [`thread::yield_now`](crate::thread::yield_now): the checker then knows
/// that another thread should run.
///
/// ```
/// wakeproof_explore::hint::spin_loop();
/// ```
#[inline]
pub fn spin_loop() {
    if crate::platform::checker().is_some() {
        crate::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}
