//! What other crates wait on runs on this loop: a waker that is called on any thread is all that it takes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use wakeproof::run;

/// More than a channel holds, so both ends have to wait.
const MANY: u32 = 100;

#[test]
fn channels_of_other_crates_wake_the_loop() {
    run(async |_| {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let worker = thread::spawn(move || {
            (0..MANY).for_each(|n| sender.blocking_send(n).expect("it is read"));
        });
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += n;
        }
        worker.join().expect("it sends");
        assert_eq!(sum, MANY * (MANY - 1) / 2);

        let (sender, receiver) = async_channel::bounded(1);
        let worker = thread::spawn(move || {
            (0..MANY).for_each(|n| sender.send_blocking(n).expect("it is read"));
        });
        let mut sum = 0;
        while let Ok(n) = receiver.recv().await {
            sum += n;
        }
        worker.join().expect("it sends");
        assert_eq!(sum, MANY * (MANY - 1) / 2);
    })
    .expect("a loop");
}

#[test]
fn a_result_a_lock_and_a_semaphore_of_tokio_wake_the_loop() {
    run(async |_| {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let worker = thread::spawn(move || sender.send(7));
        assert_eq!(receiver.await, Ok(7));
        assert_eq!(worker.join().expect("it sends"), Ok(()));

        let lock = Arc::new(tokio::sync::Mutex::new(0));
        let held = locked_elsewhere(lock.clone());
        assert_eq!(*lock.lock().await, 1);
        held.join().expect("it unlocks");

        let semaphore = Arc::new(tokio::sync::Semaphore::new(0));
        let adds = semaphore.clone();
        let worker = thread::spawn(move || adds.add_permits(2));
        drop(semaphore.acquire_many(2).await.expect("it is open"));
        worker.join().expect("it adds");
    })
    .expect("a loop");
}

/// Locks on another thread, and unlocks there some time after this has returned.
fn locked_elsewhere(lock: Arc<tokio::sync::Mutex<u32>>) -> thread::JoinHandle<()> {
    let (locked, is_locked) = std::sync::mpsc::channel();
    let worker = thread::spawn(move || {
        let mut guard = lock.blocking_lock();
        locked.send(()).expect("the other side waits");
        *guard += 1;
    });
    is_locked.recv().expect("it is locked");
    worker
}

#[test]
fn conditions_of_other_crates_wake_the_loop() {
    run(async |_| {
        let event = Arc::new(event_listener::Event::new());
        let listener = event.listen();
        let notifies = event.clone();
        let worker = thread::spawn(move || notifies.notify(1));
        listener.await;
        worker.join().expect("it notifies");

        let notify = Arc::new(tokio::sync::Notify::new());
        let notifies = notify.clone();
        let worker = thread::spawn(move || notifies.notify_one());
        notify.notified().await;
        worker.join().expect("it notifies");
    })
    .expect("a loop");
}

#[test]
fn what_completes_first_comes_first() {
    run(async |local| {
        let mut senders = Vec::new();
        let mut all = FuturesUnordered::new();
        for number in 0..3 {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            senders.push(Some(sender));
            all.push(async move { (number, receiver.await.expect("it is sent")) });
        }
        for next in [2, 0, 1] {
            let sender = senders[next].take().expect("each once");
            let worker = thread::spawn(move || sender.send(()));
            assert_eq!(all.next().await, Some((next, ())));
            worker.join().expect("it sends").expect("it is awaited");
        }
        // `asyncio.shield`: the handle is gone, and the task runs to its end.
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = local.spawn(async move {
            let mut turns = 0;
            poll_fn(|context| {
                turns += 1;
                context.waker().wake_by_ref();
                if turns < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
            sender.send(turns).expect("it is awaited");
        });
        drop(task.expect("an open loop"));
        assert_eq!(receiver.await, Ok(3));
    })
    .expect("a loop");
}
