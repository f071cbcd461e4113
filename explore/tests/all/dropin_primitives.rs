//! The drop-in's larger primitives: on one thread they compute, for real and under each checker, what the
//! standard library documents; and one that was made outside of an execution is refused inside.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::panic::{self, AssertUnwindSafe};

use std::task::Poll;
use wakeproof_explore::future::block_on;
use wakeproof_explore::os::{Futex, FutexWait, Interest, pipe, poll};
use wakeproof_explore::sync::atomic::Ordering;
use wakeproof_explore::sync::mpsc::{self, RecvTimeoutError, TryRecvError, TrySendError};
use wakeproof_explore::sync::{
    Arc, Barrier, LazyLock, Mutex, Once, OnceLock, RwLock, Semaphore, TryLockError,
};
use wakeproof_explore::time::{Duration, Instant};
use wakeproof_explore::{self as explore, Environment, Limits, Search};
use wakeproof_explore::{parking_lot, thread};
use wakeproof_explore::{statics, thread_local};

use crate::dropin::everywhere;

#[test]
fn locks() {
    everywhere(|| {
        let mut mutex = Mutex::new(1);
        let guard = mutex.try_lock().unwrap();
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        drop(guard);
        *mutex.get_mut().unwrap() += 1;
        assert!(!mutex.is_poisoned());
        assert_eq!(mutex.into_inner().unwrap(), 2);

        let mut lock = RwLock::new(1);
        let guards = (lock.read().unwrap(), lock.try_read().unwrap());
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(guards);
        *lock.try_write().unwrap() += 1;
        let guard = lock.write().unwrap();
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        drop(guard);
        *lock.get_mut().unwrap() += 1;
        assert!(!lock.is_poisoned());
        lock.clear_poison();
        assert_eq!(lock.into_inner().unwrap(), 3);

        assert!(Barrier::new(1).wait().is_leader());
        assert!(Barrier::new(0).wait().is_leader());
    });
}

#[test]
fn a_panic_poisons_a_lock_that_is_written() {
    let lock = RwLock::new(1);
    for writes in [false, true] {
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            let _read = (!writes).then(|| lock.read());
            let _written = writes.then(|| lock.write());
            panic::resume_unwind(Box::new(()));
        }));
        assert!(caught.is_err());
        assert_eq!(lock.is_poisoned(), writes);
        assert_eq!(lock.try_read().is_err(), writes);
    }
    assert_eq!(*lock.write().unwrap_err().into_inner(), 1);
}

#[test]
fn what_is_made_once() {
    everywhere(|| {
        let once = Once::new();
        let mut times = 0;
        once.call_once(|| times += 1);
        once.call_once_force(|_| times += 1);
        assert!(once.is_completed());
        once.wait();
        assert_eq!(times, 1);

        let mut cell = OnceLock::new();
        assert_eq!(cell.set(1), Ok(()));
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(cell.wait(), &1);
        assert_eq!(cell.get_mut(), Some(&mut 1));
        assert_eq!(cell.take(), Some(1));
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(|| 3), &3);
        assert_eq!(cell.into_inner(), Some(3));
        assert_eq!(OnceLock::from(4).get(), Some(&4));

        let mut made = 0;
        let lazy = LazyLock::new(|| {
            made += 1;
            made
        });
        assert_eq!((*lazy, *lazy), (1, 1));
    });
}

/// A call that has panicked is not done; whether the next one may try is as the standard library says.
#[test]
fn a_panic_poisons_what_is_made_once() {
    fn panics<T>(call: impl FnOnce() -> T) -> bool {
        panic::catch_unwind(AssertUnwindSafe(call)).is_err()
    }
    fn panic_silently<T>() -> T {
        panic::resume_unwind(Box::new(()))
    }
    let once = Once::new();
    assert!(panics(|| once.call_once(panic_silently)));
    assert!(panics(|| once.call_once(|| ())));
    once.call_once_force(|state| assert!(state.is_poisoned()));
    assert!(once.is_completed());
    let cell = OnceLock::new();
    assert!(panics(|| *cell.get_or_init(panic_silently::<i32>)));
    assert_eq!(cell.get_or_init(|| 1), &1);
    let lazy: LazyLock<i32> = LazyLock::new(panic_silently);
    assert!(panics(|| *lazy));
    assert!(panics(|| *lazy));
}

#[test]
fn channels() {
    everywhere(|| {
        let (sender, receiver) = mpsc::channel();
        let other = sender.clone();
        sender.send(1).unwrap();
        other.send(2).unwrap();
        sender.send(3).unwrap();
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.recv_timeout(Duration::from_secs(1)), Ok(3));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        let waited = receiver.recv_timeout(Duration::ZERO);
        assert_eq!(waited, Err(RecvTimeoutError::Timeout));
        sender.send(4).unwrap();
        other.send(5).unwrap();
        assert_eq!(receiver.try_iter().sum::<i32>(), 9);
        drop((sender, other));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        let waited = receiver.recv_timeout(Duration::from_secs(1));
        assert_eq!(waited, Err(RecvTimeoutError::Disconnected));
        assert_eq!(receiver.into_iter().next(), None);

        let (sender, receiver) = mpsc::sync_channel(1);
        sender.send(1).unwrap();
        assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
        drop(receiver);
        assert_eq!(sender.try_send(2), Err(TrySendError::Disconnected(2)));
        assert_eq!(sender.send(3).unwrap_err().0, 3);

        let (sender, receiver) = mpsc::sync_channel(0);
        assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
        drop(receiver);
        assert_eq!(sender.send(1).unwrap_err().0, 1);
    });
}

#[test]
fn what_the_standard_library_has_not() {
    everywhere(|| {
        let semaphore = Semaphore::new(1);
        semaphore.acquire();
        assert!(!semaphore.try_acquire());
        assert!(!semaphore.acquire_timeout(Duration::ZERO));
        semaphore.release(2);
        assert!(semaphore.acquire_timeout(Duration::from_secs(1)));
        assert!(semaphore.try_acquire());

        let futex = Futex::new(1);
        assert_eq!(futex.wait(0), FutexWait::Changed);
        assert_eq!(futex.wait_timeout(2, Duration::MAX), FutexWait::Changed);
        assert_eq!((futex.wake(1), futex.wake_all()), (0, 0));

        let (mut reader, mut writer) = pipe(3);
        assert_eq!(
            poll(&[Interest::Readable(&reader)], Some(Duration::ZERO)),
            [false]
        );
        assert_eq!(poll(&[Interest::Writable(&writer)], None), [true]);
        assert_eq!(writer.write(b"ab").unwrap(), 2);
        let blocked = writer.try_write(b"cd").unwrap_err();
        assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
        assert_eq!(writer.try_write(b"c").unwrap(), 1);
        assert_eq!(
            poll(&[Interest::Writable(&writer)], Some(Duration::ZERO)),
            [false]
        );
        let mut bytes = [0; 2];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"ab");
        let other = writer.clone();
        drop(writer);
        assert_eq!(reader.try_read(&mut bytes).unwrap(), 1);
        let blocked = reader.try_read(&mut bytes).unwrap_err();
        assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
        drop(other);
        assert_eq!(reader.read(&mut bytes).unwrap(), 0);
        let (reader, writer) = pipe(1);
        drop(reader);
        let broken = writer.try_write(b"a").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);

        assert_eq!(block_on(async { 1 }), 1);
        let mut times = 0;
        let woken = block_on(poll_fn(|context| {
            times += 1;
            if times == 3 {
                return Poll::Ready(times);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        assert_eq!(woken, 3);
    });
}

#[test]
fn the_face_of_parking_lot() {
    everywhere(|| {
        let mut mutex = parking_lot::Mutex::new(1);
        let guard = mutex.lock();
        assert!(mutex.try_lock().is_none());
        drop(guard);
        *mutex.get_mut() += 1;
        let condvar = parking_lot::Condvar::new();
        let mut guard = mutex.try_lock().unwrap();
        assert!(condvar.wait_for(&mut guard, Duration::ZERO).timed_out());
        assert!(condvar.wait_until(&mut guard, Instant::now()).timed_out());
        assert!(!condvar.notify_one());
        assert_eq!(condvar.notify_all(), 0);
        drop(guard);
        assert_eq!(mutex.into_inner(), 2);
        let mut lock = parking_lot::RwLock::new(1);
        let guards = (lock.read(), lock.try_read().unwrap());
        assert!(lock.try_write().is_none());
        drop(guards);
        *lock.write() += 1;
        *lock.get_mut() += 1;
        assert_eq!(lock.into_inner(), 3);
    });
}

/// For real: threads wait for each other.
#[test]
fn outside_a_search_threads_wait_for_each_other() {
    let semaphore = Arc::new(Semaphore::new(0));
    let futex = Arc::new(Futex::new(0));
    let (reader, writer) = pipe(1);
    let (other, word) = (semaphore.clone(), futex.clone());
    let thread = thread::spawn(move || {
        other.release(1);
        word.store(1, Ordering::Release);
        word.wake_all();
        writer.try_write(b"a").unwrap();
    });
    semaphore.acquire();
    while futex.load(Ordering::Acquire) == 0 {
        futex.wait(0);
    }
    assert_eq!(poll(&[Interest::Readable(&reader)], None), [true]);
    thread.join().unwrap();
    assert!(!semaphore.acquire_timeout(Duration::from_nanos(1)));
    let waited = futex.wait_timeout(1, Duration::from_nanos(1));
    assert_eq!(waited, FutexWait::TimedOut);
}

thread_local! {
    static CELL: Cell<u32> = const { Cell::new(1) };
    static REFERENCE: RefCell<Vec<u32>> = RefCell::default();
}

statics! {
    static NUMBER: Mutex<u32> = Mutex::new(1);
}

#[test]
fn values_of_a_thread_and_of_an_execution() {
    everywhere(|| {
        assert_eq!(CELL.get(), 1);
        CELL.set(2);
        assert_eq!(CELL.replace(3), 2);
        assert_eq!(CELL.take(), 3);
        assert_eq!(CELL.with(Cell::get), 0);
        REFERENCE.with_borrow_mut(|vector| vector.push(1));
        assert_eq!(REFERENCE.with_borrow(Vec::len), 1);
        REFERENCE.set(vec![1, 2]);
        assert_eq!(REFERENCE.replace(Vec::new()), [1, 2]);
        assert!(REFERENCE.take().is_empty());
        CELL.set(1); // for real, the thread goes on

        let mut number = NUMBER.lock().unwrap();
        assert_eq!(*number, 1);
        *number += 1;
        drop(number);
        assert_eq!(*NUMBER.lock().unwrap(), 2);
        *NUMBER.lock().unwrap() = 1;
    });
}

/// Its name, and what makes it outside and uses it inside.
type Misuse = (&'static str, fn() -> Box<dyn Fn() + Send + Sync>);

fn misuses() -> Vec<Misuse> {
    vec![
        ("try_lock", || {
            let mutex = Mutex::new(0);
            Box::new(move || drop(mutex.try_lock()))
        }),
        ("RwLock", || {
            let lock = RwLock::new(0);
            Box::new(move || drop(lock.read()))
        }),
        ("Barrier", || {
            let barrier = Barrier::new(1);
            Box::new(move || assert!(barrier.wait().is_leader()))
        }),
        ("Once", || {
            let once = Once::new();
            Box::new(move || once.call_once(|| ()))
        }),
        ("OnceLock", || {
            let cell = OnceLock::new();
            Box::new(move || {
                let _ = cell.set(1);
            })
        }),
        ("LazyLock", || {
            let lazy: LazyLock<u32> = LazyLock::new(|| 1);
            Box::new(move || assert_eq!(*lazy, 1))
        }),
        ("Semaphore", || {
            let semaphore = Semaphore::new(9);
            Box::new(move || semaphore.acquire())
        }),
        ("Futex", || {
            let futex = Futex::new(0);
            Box::new(move || {
                futex.wake(1);
            })
        }),
        ("pipe", || {
            let (reader, writer) = pipe(9);
            Box::new(move || {
                let _ = &reader;
                writer.try_write(b"a").unwrap();
            })
        }),
        ("parking_lot::Mutex", || {
            let mutex = parking_lot::Mutex::new(0);
            Box::new(move || drop(mutex.lock()))
        }),
        ("parking_lot::RwLock", || {
            let lock = parking_lot::RwLock::new(0);
            Box::new(move || drop(lock.read()))
        }),
        ("channel", || {
            let (sender, receiver) = mpsc::channel();
            let receiver = std::sync::Mutex::new(receiver);
            Box::new(move || {
                sender.send(1).unwrap();
                receiver.lock().unwrap().recv().unwrap();
            })
        }),
    ]
}

#[test]
fn what_was_made_outside_is_refused_with_the_line() {
    let (quiet, limits) = (Environment::QUIET, Limits::default());
    for (name, make) in misuses() {
        make()(); // outside, all is well
        for explored in [
            explore::loom(quiet, &limits, make()),
            explore::shuttle(quiet, Search::Exhaustive, &limits, make()),
        ] {
            let said = explored.to_string();
            assert!(
                said.contains(concat!("made outside of the execution, at ", file!())),
                "{name}: {said}"
            );
        }
    }
}
