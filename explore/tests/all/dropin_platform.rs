//! The drop-in as a platform: the loop over it runs for real and under each checker.

use wakeproof::{EventLoop, hazard};
use wakeproof_explore::suite::Expected::{self, Found, Proved};
use wakeproof_explore::{self as explore, DropIn, Environment, Limits, Search, thread};

/// A thread stops a loop by a callback: with the wakeup, or without.
fn stop<const WAKES: bool>() {
    let event_loop = EventLoop::<DropIn>::on_platform();
    let handle = event_loop.handle();
    let thread = thread::spawn(move || {
        let stopping = handle.clone();
        let stop = move || stopping.stop();
        if WAKES {
            handle.call_soon_threadsafe(stop).unwrap();
        } else {
            hazard::call_soon_without_wakeup(&handle, stop).unwrap();
        }
    });
    event_loop.run_forever().unwrap();
    thread.join().unwrap();
}

#[test]
fn the_loop_runs_over_it() {
    stop::<true>();
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    for (body, expected) in [(stop::<true> as fn(), Proved), (stop::<false>, Found)] {
        for explored in [
            explore::loom(quiet, &limits, body),
            explore::shuttle(quiet, Search::Exhaustive, &limits, body),
        ] {
            println!("{explored}");
            assert_eq!(Expected::of(&explored), expected, "{explored}");
            assert!(expected == Proved || explored.to_string().contains("deadlock"));
        }
    }
}
