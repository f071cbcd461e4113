//! What it costs to record an execution that is drawn: the time to run it again with its story and without, of each
//! report, by turns. The least of several rounds counts.
//!
//! `cargo run --release -p wakeproof-in-the-wild --example recording`

use std::time::{Duration, Instant};

use wakeproof_explore::{self as explore, Limits, Replay};
use wakeproof_in_the_wild::reports;

const ROUNDS: usize = 50;

fn time(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

fn main() {
    let mut ratios = Vec::new();
    println!(
        "{:<16} {:>9} {:>9} {:>6}",
        "report", "plain", "recorded", "ratio"
    );
    for report in reports() {
        let story = report.fault().run().expect("a search");
        let found = story.exploration.counterexample().expect("it is found");
        let replay = story.replay.expect("a line that replays it");
        let line = replay
            .trim_start_matches("WAKEPROOF_REPLAY='")
            .trim_end_matches('\'');
        let explorer = report.fault();
        // loom comes to a later execution through those before it, which are recorded, too.
        let (schedule, execution) = match &found.replay {
            Some(Replay::Schedule(schedule)) => (Some(schedule), 0),
            Some(Replay::Execution(execution)) => (None, *execution),
            None => continue,
        };
        let limits = Limits {
            preemptions: line.rsplit(' ').next().and_then(|most| most.parse().ok()),
            ..Limits::default()
        };
        let (mut plain, mut recorded) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            plain = plain.min(time(|| {
                let again = match schedule {
                    Some(schedule) => {
                        let again = explore::replay(report.environment, schedule, report.faulty);
                        again.expect("its schedule")
                    }
                    None => {
                        explore::replay_loom(report.environment, execution, &limits, report.faulty)
                    }
                };
                assert!(again.counterexample().is_some(), "{again}");
            }));
            recorded = recorded.min(time(|| drop(explorer.replay(line).expect("its line"))));
        }
        let ratio = recorded.as_secs_f64() / plain.as_secs_f64();
        println!(
            "{:<16} {plain:>9.1?} {recorded:>9.1?} {ratio:>6.2}",
            report.name
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let (median, most) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    println!("ratio: median {median:.2}, at most {most:.2}");
}
