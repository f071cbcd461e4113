//! `wakeproof trace`: counterexamples that people can read.

mod common;

fn trace(arguments: &[&str]) -> (Option<i32>, String, String) {
    common::wakeproof("trace", arguments)
}

#[test]
fn the_unsafe_call_leaves_the_loop_asleep_beside_its_queue() {
    let (status, picture, errors) = trace(&["no-notify"]);
    let expected = "\
no-notify: another thread enqueues and wakes nobody
shuttle depth-first: the shortest of all 5 schedules, 6 steps

loop                          thread 1                     queue  flags   mutex
────                          ────────                     ─────  ─────   ─────
┌─ 1 under the lock ──────┐
│ finds nothing to do,    │                                0      asleep  free
│ sets asleep             │
│ unlocks and waits       │
└─────────────────────────┘
                              ╔═ 2 HERE under the lock ═╗
                              ║ enqueues: queue 0 → 1   ║  1      asleep  free
                              ║ ! unlocks, and has      ║
                              ║ woken nobody            ║
                              ╚═════════════════════════╝
ASLEEP FOR EVER               ends

=> the loop is asleep beside a queue with 1 callback in it, and nobody is left
   who would wake it

Replay: wakeproof trace no-notify --schedule=0x5,2x2
";
    assert_eq!(picture, expected);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
}

#[test]
fn a_schedule_can_be_replayed() {
    let (status, picture, _) = trace(&["no-notify", "--schedule=0x5,2x2"]);
    assert_eq!(status, Some(0));
    assert!(
        picture.contains("a schedule replayed, 6 steps"),
        "{picture}"
    );
    assert!(
        picture.contains("the loop is asleep beside a queue"),
        "{picture}"
    );
}

#[test]
fn every_format_tells_the_end() {
    for (format, beginning) in [
        ("text", "no-notify:"),
        ("mermaid", "sequenceDiagram\n"),
        ("svg", "<svg "),
        ("json", "{\n"),
    ] {
        for checker in ["loom", "shuttle"] {
            let (status, picture, errors) =
                trace(&["no-notify", "--checker", checker, "--format", format]);
            assert_eq!(
                (status, errors.as_str()),
                (Some(0), ""),
                "{format} {checker}"
            );
            assert!(picture.starts_with(beginning), "{picture}");
            assert!(picture.contains("asleep beside a queue"), "{picture}");
        }
    }
}

#[test]
fn bad_input_is_one_line() {
    for (arguments, says) in [
        (
            &["no-nitofy"][..],
            "no fault is called \"no-nitofy\"; the faults are no-notify,",
        ),
        (&["no-notify", "--checker", "gdb"], "invalid value 'gdb'"),
        (&["no-notify", "--format", "png"], "invalid value 'png'"),
        (
            &["no-notify", "--schedule", "0;1"],
            "is no part of a schedule",
        ),
        (
            &["no-notify", "--schedule", "0"],
            "the schedule is not one of this program in this environment",
        ),
        (
            &["relaxed-flag", "--checker", "shuttle"],
            "shuttle depth-first cannot show relaxed-flag: it explores",
        ),
    ] {
        let (status, output, errors) = trace(arguments);
        assert_eq!((status, output.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(
            errors.starts_with("wakeproof: ") && errors.contains(says),
            "{errors}"
        );
    }
}
