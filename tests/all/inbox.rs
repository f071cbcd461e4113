//! The protocol alone: what a batch holds, when the wait for it ends, and what a deadline does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wakeproof::inbox::{Inbox, Next};
use wakeproof::platform::{ParkingLot, Platform};

use crate::watchdog::Watchdog;

type TestInbox = Inbox<ParkingLot, u32>;

fn wait_until_asleep(inbox: &TestInbox) {
    while !inbox.status().asleep {
        thread::yield_now();
    }
}

/// A batch from a thread of its own, which has gone to sleep for it when this returns.
fn asleep_for_a_batch(
    inbox: &Arc<TestInbox>,
    deadline: Option<Duration>,
) -> thread::JoinHandle<VecDeque<u32>> {
    let taker = inbox.clone();
    let taker = thread::spawn(move || {
        let mut batch = VecDeque::new();
        taker.first_batch(&mut batch, deadline);
        batch
    });
    wait_until_asleep(inbox);
    taker
}

#[test]
fn a_batch_is_the_whole_queue_in_order() {
    let inbox = TestInbox::new();
    for item in 0..3 {
        inbox.call_soon(item).unwrap();
        inbox.call_soon_threadsafe(item + 10).unwrap();
    }
    let mut batch = VecDeque::new();
    inbox.first_batch(&mut batch, None);
    assert_eq!(batch, [0, 10, 1, 11, 2, 12]);
    assert_eq!(inbox.status().queued, 0);
}

#[test]
fn a_stop_ends_the_run_before_the_next_batch_and_leaves_the_queue() {
    let inbox = TestInbox::new();
    let mut batch = VecDeque::new();
    inbox.call_soon(1).unwrap();
    inbox.stop();
    inbox.first_batch(&mut batch, None);
    assert_eq!(
        batch,
        [1],
        "a stop before the run does not keep it from one iteration"
    );

    batch.clear();
    inbox.call_soon(2).unwrap();
    assert_eq!(inbox.next_batch(&mut batch, None), Next::Stop);
    assert_eq!((batch.len(), inbox.status().queued), (0, 1));
    assert!(!inbox.status().stopping, "honoured once");
    assert_eq!(inbox.next_batch(&mut batch, None), Next::Iterate);
    assert_eq!(batch, [2]);
}

#[test]
fn a_stop_keeps_the_first_batch_from_sleeping() {
    let _watchdog = Watchdog::start();
    let inbox = TestInbox::new();
    inbox.stop();
    let mut batch = VecDeque::new();
    inbox.first_batch(&mut batch, None);
    assert!(batch.is_empty());
}

#[test]
fn a_deadline_in_the_past_ends_the_wait_at_once_and_one_in_the_future_when_it_comes() {
    let _watchdog = Watchdog::start();
    let inbox = TestInbox::new();
    let mut batch = VecDeque::new();
    inbox.first_batch(&mut batch, Some(Duration::ZERO));
    assert!(batch.is_empty());

    let deadline = ParkingLot::now() + Duration::from_millis(20);
    inbox.first_batch(&mut batch, Some(deadline));
    assert!(batch.is_empty());
    assert!(ParkingLot::now() >= deadline, "not earlier than asked for");
    assert!(!inbox.status().asleep);
}

#[test]
fn a_deadline_does_not_delay_what_is_there() {
    let _watchdog = Watchdog::start();
    let inbox = TestInbox::new();
    inbox.call_soon(1).unwrap();
    let mut batch = VecDeque::new();
    inbox.first_batch(&mut batch, Some(Duration::MAX));
    assert_eq!(batch, [1]);
}

#[test]
fn a_submission_and_a_stop_wake_a_loop_that_sleeps_until_a_deadline() {
    let _watchdog = Watchdog::start();
    // An hour, and longer than the clock can count.
    let far_away = [ParkingLot::now() + Duration::from_secs(3600), Duration::MAX];
    for deadline in far_away {
        let inbox = Arc::new(TestInbox::new());
        let taker = asleep_for_a_batch(&inbox, Some(deadline));
        inbox.call_soon_threadsafe(1).unwrap();
        assert_eq!(taker.join().unwrap(), [1]);

        let taker = asleep_for_a_batch(&inbox, Some(deadline));
        inbox.stop();
        assert_eq!(taker.join().unwrap(), [0; 0]);
    }
}

#[test]
fn a_call_soon_from_another_thread_leaves_the_loop_asleep_beside_its_callback() {
    let _watchdog = Watchdog::start();
    let inbox = Arc::new(TestInbox::new());
    let taker = asleep_for_a_batch(&inbox, None);
    inbox.call_soon(1).unwrap();
    assert!(inbox.status().is_stranded());
    inbox.call_soon_threadsafe(2).unwrap();
    assert!(!inbox.status().is_stranded());
    assert_eq!(taker.join().unwrap(), [1, 2]);
}

#[test]
fn a_closed_inbox_gives_items_back_and_hands_out_what_nobody_took() {
    let inbox = TestInbox::new();
    inbox.call_soon(1).unwrap();
    inbox.call_soon_threadsafe(2).unwrap();
    assert_eq!(inbox.close(), [1, 2]);
    assert!(inbox.status().closed);
    assert_eq!(inbox.call_soon(3), Err(3));
    assert_eq!(inbox.call_soon_threadsafe(4), Err(4));
    assert_eq!(inbox.close(), [0; 0]);
}

#[test]
fn an_inbox_has_a_debug_form_that_takes_no_lock() {
    assert_eq!(format!("{:?}", TestInbox::new()), "Inbox { .. }");
}

/// In production the protocol is a type without a size, so its methods are called directly, not through
/// a table.
#[test]
fn the_production_protocol_has_no_size() {
    use wakeproof::inbox::Correct;
    use wakeproof::platform::{ParkingLot, Platform};

    let protocol: &'static Correct = ParkingLot::protocol::<()>();
    assert_eq!(size_of_val(protocol), 0);
}
