//! Random programs of several threads on a loop, until the judges refuse what happened.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use wakeproof_explore::Search;
use wakeproof_faults::FaultChoice;
use wakeproof_proptests::concurrent::claimed;
use wakeproof_proptests::concurrent::execution::execute;
use wakeproof_proptests::concurrent::explore::explore;
use wakeproof_proptests::concurrent::program::Program;
use wakeproof_proptests::under_test::Claims;

use super::judges::{Finding, Findings, judge, lines};
use super::plan::Plan;
use super::play::Recording;
use crate::probe::adapter::Hello;

/// How often a shorter program is played before it counts as one that does not fail: threads are not
/// equally fast every time.
const TRIES: usize = 4;
/// A story is not longer.
const MOST_LINES: usize = 12;

/// Which programs are played, and how long a failure may take to be made short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Programs {
    pub(crate) seed: u64,
    pub(crate) count: u64,
    pub(crate) shrinking: Duration,
    /// Threads other than the loop's may stop it. Otherwise callbacks do it for them.
    pub(crate) threads_stop: bool,
}

/// A program that a loop fails.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How many programs were played, this one included.
    pub(crate) programs: u64,
    program: Program,
    recording: Recording,
    findings: Findings,
    pub(crate) is_shortest: bool,
}

/// What plays a program on a new loop, and says what happened.
pub(crate) trait Player {
    /// What prevents it.
    type Trouble;

    /// Plays it once.
    fn play(&mut self, program: &Program) -> Result<Recording, Self::Trouble>;
    /// The judges cannot read what was recorded.
    fn not_a_recording(&self, error: anyhow::Error) -> Self::Trouble;
}

/// Plays random programs. `goes_on` is told how many have been played, and returns false to interrupt.
/// Returns `None` if the judges accept what happened in each.
pub(crate) fn search<P: Player>(
    player: &mut P,
    claims: &Claims,
    programs: Programs,
    goes_on: &dyn Fn(u64) -> bool,
) -> Result<Option<Failure>, P::Trouble> {
    let random = claimed::random(claims, programs.threads_stop, programs.seed);
    for (done, program) in (0..programs.count).zip(random) {
        if !goes_on(done) {
            return Ok(None);
        }
        let (recording, findings) = play(player, claims, programs, &program)?;
        if findings.finding() != Finding::Held {
            let failure = Failure {
                programs: done + 1,
                program,
                recording,
                findings,
                is_shortest: false,
            };
            return shorten(player, claims, failure, programs, goes_on).map(Some);
        }
    }
    Ok(None)
}

fn play<P: Player>(
    player: &mut P,
    claims: &Claims,
    programs: Programs,
    program: &Program,
) -> Result<(Recording, Findings), P::Trouble> {
    let recording = player.play(program)?;
    let findings = judge(&recording.lines, claims, programs.threads_stop);
    let findings = findings.map_err(|error| player.not_a_recording(error))?;
    Ok((recording, findings))
}

/// Makes a program that fails short, as long as there is time. It must go on to fail in the same way.
fn shorten<P: Player>(
    player: &mut P,
    claims: &Claims,
    mut failure: Failure,
    programs: Programs,
    goes_on: &dyn Fn(u64) -> bool,
) -> Result<Failure, P::Trouble> {
    let start = Instant::now();
    let finding = failure.findings.finding();
    'shorter: loop {
        for program in claimed::simpler(&failure.program) {
            for _ in 0..TRIES {
                if start.elapsed() > programs.shrinking || !goes_on(failure.programs) {
                    return Ok(failure);
                }
                let (recording, findings) = play(player, claims, programs, &program)?;
                if findings.finding() == finding {
                    failure.program = program;
                    failure.recording = recording;
                    failure.findings = findings;
                    continue 'shorter;
                }
            }
        }
        failure.is_shortest = true;
        return Ok(failure);
    }
}

impl Failure {
    /// Whether the judges contradict each other.
    pub(crate) fn is_disagreement(&self) -> bool {
        self.findings.finding() == Finding::Disagreement
    }

    /// What the judges say.
    pub(crate) fn verdicts(&self) -> [String; 2] {
        let contract = match &self.findings.contract {
            None => "accepts it".into(),
            Some(refusal) => format!("refuses it: {}", refusal.did),
        };
        let reference = match &self.findings.reference {
            None => "was not asked: the loop promises too little for it".to_owned(),
            Some(Ok(())) => "accepts it".into(),
            Some(Err(why)) => {
                let first = why.lines().next().unwrap_or_default();
                format!("refuses it: {first}")
            }
        };
        [contract, reference]
    }

    /// The program, and what happened in it.
    pub(crate) fn story(&self, hello: &Hello) -> Vec<String> {
        let mut lines = Plan::new(hello, &self.program).lines();
        lines.push("what happened:".into());
        let mut happened: Vec<String> = Vec::new();
        match &self.findings.contract {
            Some(refusal) => happened.extend(refusal.history.iter().map(|moment| {
                let thread = moment.thread.as_deref().unwrap_or("all threads");
                format!("  {thread}: {}", moment.what)
            })),
            None => happened.extend(self.recording.lines.iter().map(|line| format!("  {line}"))),
        }
        let room = MOST_LINES.saturating_sub(lines.len() + 2).max(4);
        if happened.len() > room && self.findings.contract.is_some() {
            happened.drain(..happened.len() - room);
        }
        lines.extend(happened);
        if let Some(refusal) = &self.findings.contract {
            lines.push(format!("  expected: {}", refusal.promise));
            lines.push(format!("  but:      {}", refusal.did));
        }
        if self.recording.is_guessed {
            lines.push(
                "  (nobody could see whether the process slept: nothing happened for 300 ms)"
                    .into(),
            );
        }
        lines
    }

    /// A command that lets the adapter do the same.
    pub(crate) fn script(&self, hello: &Hello, command: &[String]) -> String {
        Plan::new(hello, &self.program).script(command)
    }
}

/// Our own loop, under random schedules of its threads.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) seed: u64,
    pub(crate) fault: FaultChoice,
}

impl Player for Ours {
    type Trouble = anyhow::Error;

    fn play(&mut self, program: &Program) -> anyhow::Result<Recording> {
        use std::sync::{Arc, Mutex, PoisonError};
        let recorded = Arc::new(Mutex::new(None));
        let body = {
            let (recorded, program) = (recorded.clone(), program.clone());
            move || {
                let history = execute(&program);
                *recorded.lock().unwrap_or_else(PoisonError::into_inner) = Some(lines(&history));
                Ok(())
            }
        };
        self.seed = self.seed.wrapping_add(1);
        let search = Search::Random { seed: self.seed };
        explore(search, 1, self.fault, body)
            .map_err(|(why, schedule)| anyhow!("{program} @ {schedule}: {why}"))?;
        let recorded = recorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let lines = recorded.ok_or_else(|| anyhow!("{program}: it was not executed"))?;
        let is_guessed = false;
        Ok(Recording { lines, is_guessed })
    }

    fn not_a_recording(&self, error: anyhow::Error) -> anyhow::Error {
        error
    }
}
