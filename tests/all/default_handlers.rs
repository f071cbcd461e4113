//! What a loop without handlers prints.

use std::env;
use std::time::Duration;

use wakeproof::EventLoop;

use crate::watchdog::{Watchdog, run_alone};

/// Set in the process whose standard error the test reads. In the test's own, other tests print.
const MISBEHAVE: &str = "WAKEPROOF_TEST_MISBEHAVE";

#[test]
fn a_panic_and_a_slow_callback_are_a_line_each_on_standard_error() {
    if env::var_os(MISBEHAVE).is_some() {
        return misbehave();
    }
    let test = "default_handlers::a_panic_and_a_slow_callback_are_a_line_each_on_standard_error";
    let output = run_alone(test, MISBEHAVE, "1");
    let printed = String::from_utf8(output.stderr).unwrap();
    let ours: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("wakeproof: "))
        .collect();
    let place = format!("wakeproof: the callback scheduled at {}:", file!());
    assert_eq!(ours.len(), 3, "{printed}");
    assert!(
        ours.iter().all(|line| line.starts_with(&place)),
        "{printed}"
    );
    assert!(ours[0].ends_with(" panicked: out of cheese"), "{printed}");
    assert!(ours[1].contains(" ran for "), "{printed}");
    assert!(
        ours[2].ends_with(" panicked: (the panic carries no text)"),
        "{printed}"
    );
}

fn misbehave() {
    let _watchdog = Watchdog::start();
    let event_loop = EventLoop::new();
    let local = event_loop.local();
    local.call_soon(|| panic!("out of {}", "cheese")).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();

    event_loop.set_debug(true);
    event_loop.set_slow_callback_duration(Duration::ZERO);
    let clock = local.clone();
    local
        .call_soon(move || {
            let start = clock.time();
            while clock.time() == start {
                std::hint::spin_loop();
            }
        })
        .unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();

    event_loop.set_debug(false);
    local.call_soon(|| std::panic::panic_any(42)).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();
}
