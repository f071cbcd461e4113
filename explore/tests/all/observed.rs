//! An observed platform is that platform, and tells its observer what happens.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::common::with_watchdog;
use wakeproof::inbox::{Inbox, Status, Step};
use wakeproof::platform::{ParkingLot, Platform};
use wakeproof_explore::platform::{Observed, Observer};

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes down what it sees of this thread.
#[derive(Debug)]
struct Writes;

impl Observer for Writes {
    fn step(step: Step, status: Option<Status>) {
        let status = status.map_or(String::new(), |status| format!(" {}", status.queued));
        SEEN.with_borrow_mut(|seen| seen.push(format!("{step:?}{status}")));
    }

    fn notified(somebody: bool) {
        SEEN.with_borrow_mut(|seen| seen.push(format!("notified {somebody}")));
    }
}

type Watched = Observed<ParkingLot, Writes>;

#[test]
fn the_observer_sees_each_step_with_what_it_has_led_to() {
    let inbox = Inbox::<Watched, ()>::new();
    inbox.call_soon(()).unwrap();
    inbox.call_soon_threadsafe(()).unwrap();
    drop(inbox.close());
    let seen = SEEN.take();
    let seen: Vec<_> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "Lock 0",
            "Enqueue 1",
            "Unlock 1",
            "Lock 1",
            "Enqueue 2",
            "Unlock 2",
            "Lock 2",
            "Close 0",
            "Unlock 0",
        ]
    );
}

#[test]
fn the_observer_sees_a_notification_reach_the_loop() {
    with_watchdog(|| {
        let inbox = Arc::new(Inbox::<Watched, ()>::new());
        let taker = inbox.clone();
        let taker = thread::spawn(move || {
            taker.first_batch(&mut Default::default(), None);
        });
        while !inbox.status().asleep {
            thread::yield_now();
        }
        inbox.call_soon_threadsafe(()).unwrap();
        assert_eq!(
            SEEN.take(),
            [
                "Lock 0",
                "Enqueue 1",
                "Notify 1",
                "notified true",
                "Unlock 1"
            ]
        );
        taker.join().unwrap();
    });
}

#[test]
fn everything_else_is_the_platforms() {
    let earlier = ParkingLot::now();
    let between = Watched::now();
    assert!(earlier <= between && between <= ParkingLot::now() && between > Duration::ZERO);

    let condvar = Watched::condvar();
    assert!(!Watched::notify_one(&condvar), "nobody waits");
    assert_eq!(SEEN.take(), ["notified false"]);

    assert!(!Watched::must_not_catch(
        &"in production, every panic is caught"
    ));
    let named = thread::Builder::new().name("named".into());
    let named = named.spawn(|| {
        (
            Watched::thread_name(),
            thread::current().id() == Watched::current_thread(),
        )
    });
    assert_eq!(named.unwrap().join().unwrap(), (Some("named".into()), true));
    assert_eq!(thread::spawn(ParkingLot::thread_name).join().unwrap(), None);
}
