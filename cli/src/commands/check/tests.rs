//! What is said when the two judges disagree.
//!
//! They agree about what a loop does that gets these programs. They do not about a stop by another thread, where
//! the contract is told that there is none: the reference lets the loop begin one more iteration after it.

use wakeproof_conform::judge::recording::Line;

use super::*;

/// A loop that always does the same, whatever it is told.
struct Fixed(Claims);

const STOP_BETWEEN_ITERATIONS: &str = r#"{"thread":"loop","begins":"start"}
{"thread":"w1","begins":"submit","callback":1,"wakes":true}
{"thread":"w1","ends":"submit","result":"accepted"}
{"thread":"loop","runs":1}
{"thread":"w1","begins":"stop","wakes":true}
{"thread":"w1","ends":"stop","result":"returned"}
{"thread":"w1","begins":"submit","callback":2,"wakes":true}
{"thread":"w1","ends":"submit","result":"accepted"}
{"thread":"loop","runs":2}
{"thread":"loop","ends":"start","result":"returned"}"#;

impl Player for Fixed {
    type Trouble = anyhow::Error;

    fn play(&mut self, _: &Program) -> anyhow::Result<Recording> {
        let lines = STOP_BETWEEN_ITERATIONS.lines();
        Ok(Recording {
            lines: lines.map(Line::parse).collect::<anyhow::Result<_>>()?,
            is_guessed: false,
        })
    }

    fn not_a_recording(&self, error: anyhow::Error) -> anyhow::Error {
        error
    }
}

impl Checked for Fixed {
    fn claims(&self) -> &Claims {
        &self.0
    }

    fn histories(&self, _: &Args, _: u64) -> anyhow::Result<Outcome> {
        Ok(Outcome::Held)
    }
}

fn checked(threads_stop: bool) -> Document {
    let args = Args {
        python: None,
        histories: 1,
        programs: 1,
        seed: Some(1),
        promise: None,
        patience: Duration::from_secs(20),
        spec_dir: SpecDir::default(),
        format: Format::Table,
        adapter: Vec::new(),
    };
    let hello = Hello::of("fixed", "1", &[]);
    let checked = check(&args, &hello, &[], &mut Fixed(Claims::all()), threads_stop);
    checked.expect("no trouble").expect("nobody interrupts it")
}

#[test]
fn a_disagreement_of_the_judges_fails_and_says_so() {
    let document = checked(false);
    let mut out = Vec::new();
    print(&document, &mut out).expect("written");
    let out = String::from_utf8(out).expect("text");
    for said in [
        "The two judges of fixed 1 disagree, in program 1 of seed 1.",
        "EventLoop.tla refuses it: ",
        "The sequential reference accepts it.",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&out).contains(said), "{said}: {out}");
    }
    assert!(!out.contains("breaks the contract"), "{out}");
    let refutation = document.refutation.as_ref().expect("one");
    assert!(
        refutation
            .judges
            .as_ref()
            .is_some_and(|judges| judges.disagree)
    );
    let verdict = finish(Format::Json, &document).expect("printed");
    assert_eq!(verdict, Verdict::NotAsExpected);
}

/// Told that threads stop the loop, the contract allows the same.
#[test]
fn the_same_recording_holds_where_threads_stop() {
    let document = checked(true);
    let verdict = finish(Format::Json, &document).expect("printed");
    assert_eq!(verdict, Verdict::AsExpected);
}
