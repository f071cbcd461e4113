//! One call that searches, and the story that it tells.

use std::sync::atomic::{AtomicU32, Ordering as Real};

use wakeproof_explore::sync::atomic::{AtomicBool, Ordering};
use wakeproof_explore::sync::{Arc, Condvar, Mutex};
use wakeproof_explore::{Environment, Explorer, Story, Verdict, thread};

/// A message for another thread, which waits in a loop, or does not.
fn mailbox(waits_in_a_loop: bool, notifies_first: bool) {
    let mailbox = Arc::new((Mutex::new(None), Condvar::new()));
    let other = mailbox.clone();
    let builder = thread::Builder::new().name("sender".to_owned());
    let sender = builder.spawn(move || {
        if notifies_first {
            other.1.notify_one();
        }
        *other.0.lock().unwrap() = Some(42);
        if !notifies_first {
            other.1.notify_one();
        }
    });
    let mut message = mailbox.0.lock().unwrap();
    while message.is_none() {
        message = mailbox.1.wait(message).unwrap();
        if !waits_in_a_loop {
            break;
        }
    }
    assert_eq!(*message, Some(42), "the message");
    drop(message);
    sender.unwrap().join().unwrap();
}

fn told(explorer: &Explorer) -> Story {
    let story = explorer.run().unwrap();
    assert!(story.exploration.counterexample().is_some(), "{story}");
    assert_eq!(story.not_deterministic, None);
    story
}

/// The words of the lanes, without the lines of the source.
fn steps(story: &Story) -> Vec<String> {
    let trace = story.trace.as_ref().unwrap();
    let without_line = |what: &str| match what.split_once(": ") {
        Some((line, what)) if line.parse::<u32>().is_ok() => what.to_owned(),
        _ => what.to_owned(),
    };
    trace
        .steps
        .iter()
        .map(|step| {
            format!(
                "{}: {}",
                trace.threads[step.thread.expect("a thread's")],
                without_line(&step.what)
            )
        })
        .collect()
}

/// The shortest way to lose the wakeup of a sender that notifies before it sends.
const NOTIFIED_TOO_EARLY: [&str; 9] = [
    "main: starts sender",
    "main: locks the mutex",
    "main: sleeps on the condvar",
    "sender: notify_one on the condvar wakes main",
    "main: is woken",
    "main: locks the mutex",
    "main: sleeps on the condvar",
    "sender: locks the mutex",
    "sender: unlocks the mutex",
];

#[test]
fn a_lost_wakeup_is_told() {
    let story = told(&Explorer::new(|| mailbox(true, true)));
    assert_eq!(steps(&story), NOTIFIED_TOO_EARLY);
    let trace = story.trace.as_ref().unwrap();
    assert_eq!(trace.ends, ["ASLEEP FOR EVER", "ends"]);
    let asleep = format!("main is asleep on the condvar (line {})", 25);
    assert!(trace.end.starts_with(&asleep), "{}", trace.end);
    assert!(
        trace
            .end
            .contains("the notify_one of sender (line 16) came before it slept again"),
        "{}",
        trace.end
    );
}

#[test]
fn an_assertion_is_told_with_its_line_and_without_its_own_words() {
    let story = told(&Explorer::new(|| mailbox(false, false)));
    let end = &story.trace.as_ref().unwrap().end;
    assert_eq!(end, "explorer.rs:30: the message: it is None, not Some(42)");
}

#[test]
fn what_is_right_is_proved_and_the_environment_may_be_kinder() {
    let story = Explorer::new(|| mailbox(true, false)).run().unwrap();
    assert!(story.exploration.is_proved(), "{story}");
    assert_eq!(story.replay, None);
    let kinder = Explorer::new(|| mailbox(false, false)).environment(Environment::QUIET);
    kinder.prove();
}

#[test]
#[should_panic(expected = "the message: it is None, not Some(42)")]
fn what_cannot_be_proved_fails_a_test_with_its_story() {
    Explorer::new(|| mailbox(false, false)).prove();
}

#[test]
fn of_threads_that_wait_for_each_other_it_is_said_who_holds_what() {
    let story = told(&Explorer::new(|| {
        let mutexes = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = mutexes.clone();
        let builder = thread::Builder::new().name("other".to_owned());
        let thread = builder.spawn(move || {
            let second = other.1.lock().unwrap();
            drop(other.0.lock().unwrap());
            drop(second);
        });
        let first = mutexes.0.lock().unwrap();
        drop(mutexes.1.lock().unwrap());
        drop(first);
        thread.unwrap().join().unwrap();
    }));
    let end = &story.trace.as_ref().unwrap().end;
    for part in [
        "main waits for mutex",
        "which other holds",
        "other waits for mutex",
        "which main holds",
    ] {
        assert!(end.contains(part), "{end}");
    }
}

#[test]
fn a_park_and_atomics_are_told() {
    let story = told(&Explorer::new(|| {
        let ready = Arc::new(AtomicBool::new(false));
        let (flag, waiter) = (ready.clone(), thread::current());
        let builder = thread::Builder::new().name("setter".to_owned());
        let setter = builder.spawn(move || {
            waiter.unpark();
            flag.store(true, Ordering::Release);
        });
        while !ready.load(Ordering::Acquire) {
            thread::park();
        }
        setter.unwrap().join().unwrap();
    }));
    let steps = steps(&story);
    assert!(
        steps.contains(&"main: reads false from the atomic (Acquire)".to_owned()),
        "{steps:?}"
    );
    assert!(
        steps.contains(&"setter: writes true to the atomic (Release)".to_owned()),
        "{steps:?}"
    );
    let end = &story.trace.as_ref().unwrap().end;
    assert!(end.starts_with("main is parked (line "), "{end}");
    assert!(end.contains("setter unparked it before (line "), "{end}");
}

/// Code that is generic over its platform has its lines, too, if the platform is the drop-in.
#[test]
fn generic_code_is_told_with_its_lines() {
    use wakeproof_explore::DropIn;
    use wakeproof_explore::platform::ModelPlatform;

    fn notifies_first<P: ModelPlatform>() {
        let mailbox = std::sync::Arc::new((P::mutex(None), P::condvar()));
        let other = mailbox.clone();
        let sender = P::spawn("sender", move || {
            P::notify_one(&other.1);
            *P::lock(&other.0) = Some(42);
        });
        let mut message = P::lock(&mailbox.0);
        while message.is_none() {
            message = P::wait(&mailbox.1, message);
        }
        drop(message);
        P::join(sender);
    }
    let first = line!() - 11;
    let story = told(&Explorer::new(notifies_first::<DropIn>));
    assert_eq!(steps(&story), NOTIFIED_TOO_EARLY);
    let trace = story.trace.unwrap();
    let lines: Vec<_> = trace
        .steps
        .iter()
        .map(|step| step.what.split_once(": "))
        .collect();
    let at = |step: usize, line: u32| {
        let (told, _) = lines[step].unwrap();
        assert_eq!(told, (first + line).to_string(), "{:?}", trace.steps[step]);
    };
    for (step, line) in [
        (0, 0),
        (1, 4),
        (2, 6),
        (3, 1),
        (4, 6),
        (5, 6),
        (6, 6),
        (7, 2),
    ] {
        at(step, line);
    }
}

/// Who should have woken a sleeper: whoever has changed what it looked at.
#[test]
fn it_is_told_who_did_not_wake_the_sleeper() {
    let story = told(&Explorer::new(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new(), AtomicBool::new(false)));
        let other = shared.clone();
        let builder = thread::Builder::new().name("setter".to_owned());
        let setter = builder.spawn(move || {
            other.2.store(true, Ordering::SeqCst);
        });
        let (mutex, condvar, flag) = &*shared;
        let mut guard = mutex.lock().unwrap();
        while !flag.load(Ordering::SeqCst) {
            guard = condvar.wait(guard).unwrap();
        }
        drop(guard);
        setter.unwrap().join().unwrap();
    }));
    let end = &story.trace.as_ref().unwrap().end;
    let line = line!() - 11;
    assert!(
        end.ends_with(&format!(
            "and nobody notifies it, though setter (line {}) changed the atomic after main had looked (line {})",
            line, line + 4
        )),
        "{end}"
    );
}

#[test]
fn a_look_at_a_mutex_and_a_sleep_that_goes_on_are_told() {
    use wakeproof_explore::os::{Interest, Signal, pipe, poll};

    let story = told(&Explorer::new(|| {
        let mutex = Mutex::new(());
        drop(mutex.try_lock());
        let (signal, (reader, _writer)) = (Signal::new(), pipe(1));
        let raised = signal.clone();
        let raiser = thread::spawn(move || raised.raise());
        let handled = AtomicBool::new(false);
        signal.handle(
            move || handled.store(true, Ordering::Relaxed),
            || drop(poll(&[Interest::Readable(&reader)], None)),
        );
        raiser.join().unwrap();
    }));
    let steps = steps(&story);
    assert!(
        steps.contains(&"main: locks the mutex".to_owned()),
        "{steps:?}"
    );
    let trace = story.trace.as_ref().unwrap();
    assert_eq!(trace.ends[0], "ASLEEP FOR EVER", "{story}");
    assert!(
        trace.end.starts_with("main is asleep on the pipe"),
        "{}",
        trace.end
    );
}

/// The same execution fails again, in the same words.
#[test]
fn the_line_that_is_printed_replays_the_counterexample() {
    for (waits_in_a_loop, notifies_first) in [(false, false), (true, true)] {
        let explorer = Explorer::new(move || mailbox(waits_in_a_loop, notifies_first));
        let story = told(&explorer);
        let line = story.replay.as_deref().unwrap();
        let line = line.strip_prefix("WAKEPROOF_REPLAY='").unwrap();
        let again = explorer.replay(line.strip_suffix('\'').unwrap()).unwrap();
        assert_eq!(again.to_string(), story.to_string());
    }
}

#[test]
fn a_line_that_does_not_fit_is_refused() {
    let explorer = Explorer::new(|| mailbox(true, false));
    let name = concat!(module_path!(), "::a_line_that_does_not_fit_is_refused");
    for (line, why) in [
        ("nonsense".to_owned(), "no line that a search has printed"),
        (
            "1 \u{1b}[2J 1,1,1 loom 1".to_owned(),
            "it is of the exploration \\u{1b}[2J, and",
        ),
        (
            format!("2 {name} 1,1,1 loom 1"),
            "no line that a search has printed",
        ),
        (
            format!("1 {name} 1,1 loom 1"),
            "no line that a search has printed",
        ),
        (
            format!("1 {name} 1,1,1 loom x"),
            "no line that a search has printed",
        ),
        (
            "1 another 1,1,1 loom 1".to_owned(),
            "it is of the exploration another",
        ),
        (
            format!("1 {name} 1,1,1 loom 1"),
            "the execution does not fail",
        ),
        (
            format!("1 {name} 1,1,1 shuttle 7x3"),
            "not one of this program",
        ),
    ] {
        let refused = explorer.replay(&line).unwrap_err().to_string();
        assert!(
            refused.contains(why) && refused.lines().count() == 1,
            "{refused}"
        );
    }
}

#[test]
fn an_exploration_is_called_as_one_likes_or_as_its_file() {
    let body: fn() = || mailbox(true, true);
    let line = |explorer: Explorer| explorer.run().unwrap().replay.unwrap();
    let by_itself = line(Explorer::new(body));
    assert!(by_itself.contains("='1 explorer.rs 1,1,1 "), "{by_itself}");
    let named = line(Explorer::new(body).name("a mailbox"));
    assert!(named.contains("='1 a-mailbox 1,1,1 "), "{named}");
}

#[test]
fn a_body_that_is_not_deterministic_is_told_so() {
    static EXECUTIONS: AtomicU32 = AtomicU32::new(0);
    let story = Explorer::new(|| assert!(EXECUTIONS.fetch_add(1, Real::Relaxed) != 0, "the first"))
        .run()
        .unwrap();
    assert!(matches!(story.exploration.verdict, Verdict::Found(_)));
    assert!(story.not_deterministic.is_some());
    assert!(
        story.to_string().contains("The body is not deterministic"),
        "{story}"
    );
}

/// Each step of a story is told with its line in the body, whatever the primitive is made of; only what a guard's
/// end does has none.
#[test]
fn every_primitive_tells_its_steps_with_the_lines_of_the_body() {
    use std::io::{Read, Write};
    use std::time::Duration;

    use wakeproof_explore::os::{Futex, pipe};
    use wakeproof_explore::parking_lot;
    use wakeproof_explore::sync::{Barrier, Once, OnceLock, RwLock, Semaphore, mpsc};

    let first = line!();
    let bodies: [(&str, fn()); 11] = [
        ("rwlock", || {
            let lock = RwLock::new(1);
            assert_eq!(*lock.read().unwrap(), 1);
            *lock.write().unwrap() = 2;
            drop(lock.try_read());
        }),
        ("barrier", || {
            let _ = Barrier::new(1).wait();
        }),
        ("once", || Once::new().call_once(|| ())),
        ("once", || assert_eq!(OnceLock::new().get_or_init(|| 1), &1)),
        ("channel", || {
            let (sender, receiver) = mpsc::channel();
            sender.send(1).unwrap();
            assert_eq!(receiver.recv(), Ok(1));
            assert!(receiver.try_recv().is_err());
            sender.send(2).unwrap();
            assert_eq!(receiver.recv_timeout(Duration::from_secs(1)), Ok(2));
        }),
        ("semaphore", || {
            let semaphore = Semaphore::new(1);
            semaphore.acquire();
            semaphore.release(1);
            assert!(semaphore.try_acquire());
        }),
        ("futex", || {
            let futex = Futex::new(0);
            futex.wake(1);
            let _ = futex.wait(1);
        }),
        ("pipe", || {
            let (mut reader, mut writer) = pipe(1);
            assert_eq!(writer.write(b"x").unwrap(), 1);
            assert_eq!(reader.read(&mut [0]).unwrap(), 1);
        }),
        ("mutex", || drop(parking_lot::Mutex::new(0).lock())),
        ("condvar", || {
            let _ = parking_lot::Condvar::new().notify_one();
        }),
        ("main", || {
            thread::current().unpark();
            thread::park();
        }),
    ];
    let last = line!();
    for (kind, body) in bodies {
        let story = told(
            &Explorer::new(move || {
                body();
                panic!("the end");
            })
            .environment(Environment::QUIET),
        );
        let trace = story.trace.unwrap();
        assert!(
            trace.found.ends_with(concat!("(lines of ", file!(), ")")),
            "{}",
            trace.found
        );
        let steps: Vec<&str> = trace.steps.iter().map(|step| &*step.what).collect();
        assert!(
            steps.iter().any(|step| step.contains(kind)),
            "{kind}: {steps:?}"
        );
        for step in steps {
            let line = step
                .split_once(": ")
                .and_then(|(line, _)| line.parse::<u32>().ok());
            let is_in_this_test = line.is_some_and(|line| (first..last).contains(&line));
            let is_of_a_guard = [
                "unlocks the mutex",
                "unlocks the rwlock",
                "is the last sender of the channel, and goes",
                "is the receiver of the channel, and goes",
                "ends the once",
                "is the last writer of the pipe, and goes",
                "is the reader of the pipe, and goes",
            ]
            .contains(&step);
            assert!(is_in_this_test || is_of_a_guard, "{kind}: {step}");
        }
    }
}

/// A program that never has two threads to choose from is nothing to PCT; it once ended the process.
#[test]
fn one_thread_that_waits_too_long_is_not_proved() {
    use std::time::Duration;

    use wakeproof_explore::sync::mpsc;

    let body = || {
        let (sender, receiver) = mpsc::channel::<u8>();
        assert!(receiver.recv_timeout(Duration::from_secs(1)).is_err());
        drop(sender);
    };
    let story = Explorer::new(body)
        .environment(Environment::QUIET)
        .run()
        .unwrap();
    assert!(
        matches!(story.exploration.verdict, Verdict::NotProved(_)),
        "{story}"
    );
    assert!(
        story
            .to_string()
            .contains("the bound on timeouts, 0, lets pass: allow more"),
        "{story}"
    );
}
