//! Many threads, and how long a look takes.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use wakeproof_asleep::{Time, until};

use crate::program::{Program, WATCHDOG};

pub(crate) fn trials() -> Vec<Trial> {
    [(1, false), (10, false), (1_000, false), (10_000, true)]
        .map(|(threads, long)| {
            Trial::test(format!("size::{threads}_threads"), move || size(threads))
                .with_ignored_flag(long)
        })
        .into()
}

/// Prints how long it takes and asserts nothing about it: the machine may be busy.
fn size(threads: usize) -> Result<(), Failed> {
    let program = Program::start(&format!("threads_{threads}"))?;
    let report = until(program.id(), WATCHDOG)?;
    assert_eq!(report.threads.len(), threads);
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..20 {
        let report = wakeproof_asleep::look(program.id())?;
        assert!(report.is_asleep_for_good(), "{}", report.summary());
        times.push(report.took);
    }
    times.sort_unstable();
    println!(
        "{threads} threads: a look takes {}, of 20 the median; between {} and {}",
        Time(times[10]),
        Time(times[0]),
        Time(times[19]),
    );
    Ok(())
}
