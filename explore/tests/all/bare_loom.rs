//! A search in a process in which somebody has run bare loom before.

use std::env;
use std::process::Command;

use wakeproof_explore::suite::Expected::{self, Found, Proved};
use wakeproof_explore::sync::Arc;
use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::{self as explore, Environment, Limits, thread};

fn parks<const IS_UNPARKED: bool>() {
    let is_set = Arc::new(AtomicBool::new(false));
    let (flag, parked) = (is_set.clone(), thread::current());
    let thread = thread::spawn(move || {
        flag.store(true, Ordering::Release);
        if IS_UNPARKED {
            parked.unpark();
        }
    });
    while !is_set.load(Ordering::Acquire) {
        thread::park();
    }
    thread.join().unwrap();
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn bare_loom_first() {
    loom::model(|| {
        loom::thread::spawn(|| ()).join().unwrap();
    });
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    for (body, expected) in [(parks::<true> as fn(), Proved), (parks::<false>, Found)] {
        let explored = explore::loom(quiet, &limits, body);
        assert_eq!(Expected::of(&explored), expected, "{explored}");
        let is_told = expected == Proved || explored.to_string().contains("deadlock");
        assert!(is_told, "{explored}");
    }
}

#[test]
fn a_search_after_bare_loom_says_what_it_finds() {
    let tests = env::current_exe().unwrap();
    let mut child = Command::new(tests);
    child.args(["--exact", "bare_loom::bare_loom_first", "--ignored"]);
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}
