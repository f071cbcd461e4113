//! Compares executions with the specification: explored ones, and recordings of this loop and of another
//! program.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use wakeproof::inbox::{Status, Step};
use wakeproof::platform::ParkingLot;
use wakeproof::{EventLoop, Handle, hazard};
use wakeproof_conform::action::Action;
use wakeproof_conform::comparison::{Compared, Explorer, compare};
use wakeproof_conform::event_task::{self, Design};
use wakeproof_conform::recording::{self, Followed, Header, Line};
use wakeproof_conform::relation::{Cast, Observation, Source};
use wakeproof_conform::spec;
use wakeproof_conform::{asyncio_loop, faults, loop_models, models, timers};
use wakeproof_explore::Limits;
use wakeproof_explore::platform::{Observed, Observer};
use wakeproof_faults::InboxFault;
use wakeproof_model_tests::faults::catalogue;
use wakeproof_model_tests::models::CorrectSteps;
use wakeproof_model_tests::models::{Subject, Submit};

fn follow(recording: &str) -> anyhow::Result<Followed> {
    let name = Path::new("recording.jsonl");
    recording::follow(&spec::default_directory(), name, recording.as_bytes())
}

const HEADER: &str =
    r#"{"recording":"wakeproof","version":1,"submitters":["worker"],"stoppers":["main"]}"#;

fn recording(steps: &[&str]) -> String {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend(steps.iter().map(|step| {
        let (thread, rest) = step.split_once(' ').unwrap();
        let (action, leads_to) = rest.split_once(' ').unwrap_or((rest, ""));
        format!(r#"{{"thread":"{thread}","action":"{action}"{leads_to}}}"#)
    }));
    lines.push(format!(r#"{{"end":{}}}"#, steps.len()));
    lines.join("\n") + "\n"
}

#[track_caller]
fn expect_accepted(steps: &[&str]) {
    let followed = follow(&recording(steps)).unwrap();
    assert_eq!(followed.refused, None);
    assert_eq!(followed.steps, steps.len() as u64);
}

/// Checks that only the last step is refused, and that the explanation says what would have been allowed.
#[track_caller]
fn expect_last_refused(steps: &[&str], allowed: &str) {
    let followed = follow(&recording(steps)).unwrap();
    let (line, refusal) = followed.refused.expect("every step was accepted");
    assert_eq!(line, steps.len() as u64 + 1, "{}", refusal.explanation);
    assert_eq!(followed.steps, steps.len() as u64 - 1);
    let (_, expected) = refusal
        .explanation
        .split_once("what the specification allows there:")
        .unwrap();
    assert!(expected.contains(allowed), "{}", refusal.explanation);
}

const ASLEEP: [&str; 2] = ["loop Lock", "loop Sleep"];

fn after(prefix: &[&'static str], steps: &[&'static str]) -> Vec<&'static str> {
    [prefix, steps].concat()
}

#[test]
fn a_submission_wakes_the_loop_and_one_that_does_not_is_refused() {
    let safe = [
        "worker Lock",
        "worker Enqueue",
        "worker Notify",
        "worker Unlock",
        "loop Wake",
    ];
    expect_accepted(&after(&ASLEEP, &safe));
    let silent = ["worker Lock", "worker Enqueue", "worker Unlock"];
    expect_last_refused(&after(&ASLEEP, &silent), "worker: Notify");
}

#[test]
fn a_stop_wakes_the_loop_and_a_silent_one_is_refused() {
    let safe = [
        "main Lock",
        "main Stop",
        "main Notify",
        "main Unlock",
        "loop Wake",
    ];
    expect_accepted(&after(&ASLEEP, &safe));
    let silent = ["main Lock", "main Stop", "main Unlock"];
    expect_last_refused(&after(&ASLEEP, &silent), "main: Notify");
}

#[test]
fn a_spurious_wakeup_is_allowed_and_leads_back_to_sleep() {
    expect_accepted(&after(&ASLEEP, &["loop Wake", "loop Sleep", "loop Wake"]));
    expect_last_refused(&after(&ASLEEP, &["loop Wake", "loop Take"]), "loop: Sleep");
}

#[test]
fn a_timeout_is_allowed_where_waits_are_timed() {
    let steps = after(&ASLEEP, &["loop Wake", "loop Take"]);
    let timed = recording(&steps).replace(r#""version":1,"#, r#""version":1,"timed_waits":true,"#);
    assert_eq!(follow(&timed).unwrap().refused, None);
}

#[test]
fn two_threads_in_the_mutex_are_refused() {
    expect_last_refused(&["worker Lock", "main Lock"], "worker: Enqueue");
}

#[test]
fn what_a_step_has_led_to_is_compared() {
    let enqueue = [
        "worker Lock",
        r#"worker Enqueue ,"queued":1,"asleep":false"#,
    ];
    expect_accepted(&enqueue);
    for wrong in [
        r#","queued":2"#,
        r#","asleep":true"#,
        r#","stopping":true"#,
        r#","closed":true"#,
    ] {
        let step = format!("worker Enqueue {wrong}");
        expect_last_refused(&["worker Lock", &step], "worker: Enqueue");
    }
}

#[test]
fn nothing_is_accepted_after_close() {
    let closed = ["loop Lock", "loop Close", "loop Unlock", "worker Lock"];
    expect_accepted(&after(&closed, &["worker Refuse", "worker Unlock"]));
    expect_last_refused(&after(&closed, &["worker Enqueue"]), "worker: Refuse");
}

#[test]
fn an_execution_may_be_of_any_length() {
    // The threads take more steps than in any model, but there are only a few states.
    let round = [
        "worker Lock",
        "worker Enqueue",
        "worker Notify",
        "worker Unlock",
        "loop Wake",
        "loop Take",
        "loop Unlock",
        "loop Run",
        "loop Lock",
        "loop Sleep",
    ];
    let mut steps = ASLEEP.to_vec();
    for _ in 0..2_000 {
        steps.extend(round);
    }
    expect_accepted(&steps);
}

#[test]
fn a_long_file_is_read_as_it_comes() {
    /// A recording that would not fit into memory. The reader must give up at its first mistake.
    struct Endless {
        left: usize,
    }
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = buffer.len().min(self.left);
            buffer[..count].fill(b'x');
            self.left -= count;
            Ok(count)
        }
    }
    let input = BufReader::new(Endless { left: 1 << 40 });
    let folder = spec::default_directory();
    let error = recording::follow(&folder, Path::new("long.jsonl"), input).unwrap_err();
    assert!(
        format!("{error:#}").contains("long.jsonl:1: a line of more than"),
        "{error:#}"
    );
}

#[test]
fn bad_files_are_one_line_with_the_line_number() {
    #[track_caller]
    fn expect(recording: &str, expected: &str) {
        let error = follow(recording).expect_err("accepted");
        let message = format!("{error:#}");
        assert!(
            message.starts_with("recording.jsonl:") && message.contains(expected),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let good = recording(&["worker Lock", "worker Enqueue"]);
    expect("", ":1: the file is empty");
    expect("hello\n", ":1: the first line must be like");
    expect(
        &good.replace("wakeproof", "sound"),
        ":1: the first line must be like",
    );
    expect(
        &good.replace(r#""version":1"#, r#""version":7"#),
        ":1: version 7 is unknown",
    );
    expect(
        &good.replace(r#"["worker"]"#, r#"["loop"]"#),
        ":1: two threads have the same name",
    );
    expect(
        &good.replace("Enqueue", "Dance"),
        r#":3: unknown action "Dance"; there are Lock"#,
    );
    expect(
        &good.replace("Enqueue", "Timeout"),
        r#":3: unknown action "Timeout""#,
    );
    expect(
        &good.replace(r#""thread":"worker""#, r#""thread":"ghost""#),
        r#":2: thread "ghost" is not"#,
    );
    expect(
        &good.replace(r#""action":"Enqueue""#, "oops"),
        ":3: not a step like",
    );
    expect(
        &good.replace(r#""action":"Enqueue""#, r#""action":"Enqueue","sleepy":1"#),
        ":3: unknown key \"sleepy\"",
    );
    expect(
        &good.replace(r#"{"end":2}"#, r#"{"end":3}"#),
        ":4: the last line counts 3 steps",
    );
    expect(
        &good.replace("{\"end\":2}\n", ""),
        ":3: the file ends without its last line",
    );
    expect(
        &good[..good.len() - 12],
        ":3: the file ends in the middle of a line",
    );
    expect(
        &format!("{good}{HEADER}\n"),
        ":5: there is more behind the last line",
    );
    let error = recording::follow(Path::new("nowhere"), Path::new("f"), good.as_bytes());
    assert!(format!("{:#}", error.unwrap_err()).contains("nowhere"));
}

/// What is wrong with a comparison, in words.
fn complaint(compared: &Compared) -> Option<String> {
    if let Some(refused) = &compared.refused {
        return Some(format!("refused:\n{}", refused.report));
    }
    if let Some(why) = &compared.cut_short {
        return Some(format!("cut short: {why}"));
    }
    let missing = compared.covered.as_ref().map(|covered| &covered.missing);
    let missing = missing.filter(|missing| !missing.is_empty())?;
    Some(format!(
        "the specification allows steps that no execution shows:\n{}",
        missing.join("\n")
    ))
}

#[test]
fn every_execution_fits_and_all_together_show_the_whole_specification() {
    let source = Source::correct(&spec::default_directory());
    for model in models::select(&[]).unwrap() {
        for explorer in model.explorers() {
            let compared = compare::<CorrectSteps>(
                None,
                &source,
                &model.programs(),
                explorer,
                &Limits::default(),
            );
            let compared = compared.unwrap();
            println!(
                "{} ({explorer:?}): {} executions, {} steps",
                model.name, compared.executions, compared.steps
            );
            assert!(compared.steps > 0, "{}: nothing was compared", model.name);
            if let Some(complaint) = complaint(&compared) {
                panic!("{} ({explorer:?}): {complaint}", model.name);
            }
            let is_exhaustive = explorer == Explorer::ShuttleDepthFirst;
            assert_eq!(compared.covered.is_some(), is_exhaustive);
        }
    }
}

#[test]
fn the_models_of_the_loop_take_steps_that_are_allowed_and_those_that_do_not_notify_are_refused() {
    let source = Source::correct(&spec::default_directory());
    for pair in loop_models::followed() {
        let compared = loop_models::follow(&source, &pair.correct, 100).unwrap();
        println!("{}: {} steps", pair.name, compared.steps);
        assert!(compared.steps > 0, "{}: nothing was compared", pair.name);
        if let Some(complaint) = complaint(&compared) {
            panic!("{}: {complaint}", pair.name);
        }
    }
    let silent = Subject::with::<Submit<1, 1>>(InboxFault::NoNotify);
    let silent = loop_models::follow(&source, &silent, 100).unwrap();
    let refused = silent.refused.expect("accepted without the wakeup");
    assert_eq!(refused.what, "thread 1: Unlock", "{}", refused.report);
}

#[test]
fn timers_fire_when_the_specification_lets_them_and_not_when_it_does_not() {
    let folder = spec::default_directory();
    let limits = Limits::default();
    for timers in timers::ALL {
        let source = timers.source(&folder);
        let compared = timers.compare(None, &source, &limits).unwrap();
        println!("{}: {} executions", timers.name, compared.executions);
        assert!(compared.executions > 100, "{}", timers.name);
        if let Some(complaint) = complaint(&compared) {
            panic!("{}: {complaint}", timers.name);
        }
        let silent = timers
            .compare(Some(InboxFault::NoNotify), &source, &limits)
            .unwrap();
        let refused = silent.refused.expect("accepted without the wakeup");
        assert_eq!(refused.what, "s1: Unlock", "{}", refused.report);
    }
    // The same code, compared with a specification in which the two deadlines are swapped.
    let [earlier, later, ..] = timers::ALL;
    let exchanged = later.source(&folder);
    let compared = earlier.compare(None, &exchanged, &limits).unwrap();
    assert!(compared.refused.is_some());
}

#[test]
fn a_task_is_woken_as_the_specification_says_and_not_as_its_faulty_twin_does() {
    let folder = spec::default_directory();
    let limits = Limits::default();
    let compared = event_task::compare(&folder, Design::Correct, &limits).unwrap();
    if let Some(complaint) = complaint(&compared) {
        panic!("{complaint}");
    }
    println!("{} executions", compared.executions);
    assert!(compared.executions > 100);
    let compared = event_task::compare(&folder, Design::ClearAfterPoll, &limits).unwrap();
    let refused = compared.refused.expect("the code is not what is specified");
    assert!(refused.report.contains("task = "), "{}", refused.report);
}

#[test]
fn each_fault_is_refused_and_accepted_by_a_specification_with_the_same_fault() {
    let folder = spec::default_directory();
    for fault in faults::all() {
        let tried = faults::try_fault(&folder, &fault, &Limits::default()).unwrap();
        assert!(tried.is_as_expected(), "{tried:#?}");
    }
}

#[test]
fn every_fault_of_the_catalogue_is_compared_or_has_a_reason() {
    let mut compared: Vec<&str> = faults::all().iter().map(|fault| fault.name).collect();
    compared.extend(asyncio_loop::FAULTS.iter().map(|fault| fault.name));
    compared.extend(faults::NOT_COMPARED.iter().map(|(name, _)| *name));
    compared.sort_unstable();
    let mut catalogue: Vec<&str> = catalogue().iter().map(|fault| fault.name).collect();
    catalogue.sort_unstable();
    assert_eq!(compared, catalogue);
}

#[test]
fn code_that_notifies_too_early_is_refused_at_the_step_that_is_missing() {
    let notify_first = faults::all()
        .into_iter()
        .find(|fault| fault.name == "notify-before-enqueue")
        .unwrap();
    let folder = spec::default_directory();
    let tried = faults::try_fault(&folder, &notify_first, &Limits::default()).unwrap();
    let refused = tried.refused.refused.unwrap();
    assert_eq!(refused.what, "s1: Unlock");
    assert!(
        refused.report.contains("s1: Refuse, which leads to"),
        "{}",
        refused.report
    );
}

/// Compares the smallest model with the specification in which one line is replaced.
fn with_line(line: &str, other: &str) -> anyhow::Result<Compared> {
    let mut source = Source::correct(&spec::default_directory());
    let text = std::fs::read_to_string(source.path()).unwrap();
    assert!(text.contains(line), "{line}");
    source.text = Some(text.replacen(line, other, 1));
    let model = &models::select(&["timed".into()]).unwrap()[0];
    compare::<CorrectSteps>(
        None,
        &source,
        &model.programs(),
        Explorer::ShuttleDepthFirst,
        &Limits::default(),
    )
}

#[test]
fn a_specification_that_has_changed_disagrees_with_a_step() {
    let renamed = with_line("\nTake ==", "\nGrab ==").unwrap_err();
    let renamed = format!("{renamed:#}");
    assert!(
        renamed.contains("no action Take; has it been renamed?"),
        "{renamed}"
    );

    let without_guard = with_line("    /\\ ~closed\n", "").unwrap();
    assert_eq!(without_guard.refused, None);
    let complaint = complaint(&without_guard).unwrap();
    assert!(complaint.contains("s1: Enqueue in"), "{complaint}");
    assert!(complaint.contains("closed = true"), "{complaint}");

    let without_update =
        with_line("    /\\ asleep' = TRUE\n", "    /\\ asleep' = asleep\n").unwrap();
    let refused = without_update.refused.unwrap();
    assert_eq!(refused.what, "loop: Sleep", "{}", refused.report);
}

#[test]
fn an_update_that_is_not_made_is_told_by_what_becomes_of_the_callbacks() {
    let ran = "ran' = IF Head(batch) \\in cancelled THEN ran\n              ELSE Append(ran, Head(batch))";
    let forgotten = with_line(ran, "ran' = ran").unwrap();
    let refused = forgotten.refused.unwrap();
    assert_eq!(refused.what, "the end");
    assert!(
        refused.report.contains("ran [(1, 1)]"),
        "{}",
        refused.report
    );
}

fn example(name: &str) -> (PathBuf, String) {
    let path = spec::default_directory().join("examples").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn the_python_example_is_accepted_and_its_broken_form_refused() {
    let (_, correct) = example("condition.jsonl");
    assert_eq!(follow(&correct).unwrap().refused, None);
    let (_, broken) = example("condition-broken.jsonl");
    let (line, refusal) = follow(&broken).unwrap().refused.expect("accepted");
    assert_eq!(line, 6);
    assert!(
        refusal.explanation.contains("worker: Notify"),
        "{}",
        refusal.explanation
    );
}

/// Records the steps of a loop on real threads, in the order of the lock.
#[derive(Debug)]
struct Recorder;

static STEPS: Mutex<Vec<(String, Action, Observation)>> = Mutex::new(Vec::new());

impl Observer for Recorder {
    fn step(step: Step, status: Option<Status>) {
        let thread = thread::current().name().unwrap_or("unnamed").to_owned();
        let observation = status.map(Observation::from).unwrap_or_default();
        STEPS
            .lock()
            .unwrap()
            .push((thread, Action::from(step), observation));
    }
}

type Recorded = Observed<ParkingLot, Recorder>;

/// Runs a loop on a thread called `loop`, and `others` on a thread called `worker`. Returns the recording.
fn record(others: impl FnOnce(&Handle<Recorded>) + Send + 'static) -> String {
    STEPS.lock().unwrap().clear();
    let spawn = |name: &str| thread::Builder::new().name(name.into());
    let (send, receive) = std::sync::mpsc::channel();
    let runner = spawn("loop").spawn(move || {
        let event_loop = EventLoop::<Recorded>::on_platform();
        send.send(event_loop.handle()).unwrap();
        event_loop.run_forever().unwrap();
        event_loop.close().unwrap();
    });
    let handle = receive.recv().unwrap();
    let stop = handle.clone();
    let worker = spawn("worker").spawn(move || others(&handle)).unwrap();
    worker.join().unwrap();
    spawn("stopper")
        .spawn(move || stop.stop())
        .unwrap()
        .join()
        .unwrap();
    runner.unwrap().join().unwrap();

    let cast = Cast {
        submitters: vec!["worker".into()],
        stoppers: vec!["stopper".into()],
        timed_waits: false,
    };
    let mut lines = vec![serde_json::to_string(&Header::new(&cast)).unwrap()];
    let steps = STEPS.lock().unwrap();
    lines.extend(steps.iter().map(|(thread, action, observation)| {
        serde_json::to_string(&Line::step(thread, *action, *observation)).unwrap()
    }));
    lines.push(format!(r#"{{"end":{}}}"#, steps.len()));
    lines.join("\n") + "\n"
}

#[test]
fn the_loop_on_real_threads_is_accepted_and_its_unsafe_call_refused() {
    // A single test, since the whole process has only one recorder.
    let safe = record(|handle| {
        for round in 0..300 {
            if round % 3 == 0 {
                while !handle.status().asleep {
                    thread::yield_now();
                }
            }
            handle.call_soon_threadsafe(|| ()).unwrap();
        }
    });
    let followed = follow(&safe).unwrap();
    if let Some((line, refusal)) = &followed.refused {
        let line = usize::try_from(*line).unwrap();
        let before: Vec<&str> = safe
            .lines()
            .take(line)
            .skip(line.saturating_sub(8))
            .collect();
        let (before, explanation) = (before.join("\n"), &refusal.explanation);
        panic!("refused at line {line} of the recording:\n{before}\n{explanation}");
    }
    assert!(followed.steps > 1_000, "{}", followed.steps);

    let lost = record(|handle| {
        while !handle.status().asleep {
            thread::yield_now();
        }
        hazard::call_soon_without_wakeup(handle, || ()).unwrap();
    });
    let (_, refusal) = follow(&lost).unwrap().refused.expect("accepted");
    assert!(
        refusal.explanation.contains("worker: Notify"),
        "{}",
        refusal.explanation
    );
}

#[test]
fn a_backlog_may_be_of_any_length_and_is_counted_exactly() {
    const MANY: usize = 10_000;
    let enqueued: Vec<String> = (1..=MANY)
        .flat_map(|queued| {
            let enqueue = format!(r#"worker Enqueue ,"queued":{queued}"#);
            [
                "worker Lock".to_owned(),
                enqueue,
                "worker Unlock".to_owned(),
            ]
        })
        .collect();
    let enqueued: Vec<&str> = enqueued.iter().map(String::as_str).collect();
    let miscounted = format!(r#"worker Enqueue ,"queued":{MANY}"#);
    let one_more = format!("worker: Enqueue, which leads to: {} queued", MANY + 1);
    expect_last_refused(
        &[&enqueued[..], &["worker Lock", &miscounted]].concat(),
        &one_more,
    );

    let taken = ["loop Lock", r#"loop Take ,"queued":0"#, "loop Unlock"];
    let all = vec!["loop Run"; MANY];
    let asleep = ["loop Lock", "loop Sleep"];
    expect_accepted(&[&enqueued[..], &taken, &all, &asleep].concat());
    // With one still to run, the loop takes the lock only to submit something itself.
    let early = [&enqueued[..], &taken, &all[1..], &asleep].concat();
    expect_last_refused(&early, "loop: Enqueue");
}
