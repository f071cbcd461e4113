//! The last stage of shrinking, after proptest has shortened a failing history.
//!
//! proptest-state-machine deletes commands at the top level and then simplifies each remaining one once.
//! That often leaves commands in a callback's script that have nothing to do with the failure.

use crate::command::{Callback, Command, Destructor, Due, SubmitCall};

/// Makes a failing history shorter and simpler, one change at a time, until no change keeps it failing.
pub fn shortest(mut commands: Vec<Command>, fails: impl Fn(&[Command]) -> bool) -> Vec<Command> {
    while let Some(simpler) = simpler(&commands)
        .into_iter()
        .find(|simpler| fails(simpler))
    {
        commands = simpler;
    }
    commands
}

/// Every history that is one change simpler: one command fewer, a callback less deep, or a simpler one.
fn simpler(commands: &[Command]) -> Vec<Vec<Command>> {
    let mut histories = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        let mut without = commands.to_vec();
        without.remove(at);
        histories.push(without);
        if let Command::Spawn(through, task) = command {
            let mut changed = commands.to_vec();
            changed[at] = Command::Submit(SubmitCall::CallSoon, task.clone());
            histories.push(changed);
            for task in simpler_callbacks(task) {
                let mut changed = commands.to_vec();
                changed[at] = Command::Spawn(*through, task);
                histories.push(changed);
            }
        }
        if let Command::RunUntilComplete(main) = command {
            for main in simpler_callbacks(main) {
                let mut changed = commands.to_vec();
                changed[at] = Command::RunUntilComplete(main);
                histories.push(changed);
            }
        }
        if let Command::Submit(through, callback) = command {
            // What the callback would submit, in its place.
            let inner = callback.script.iter();
            for inner in inner.filter(|inner| matches!(inner, Command::Submit(..))) {
                let mut changed = commands.to_vec();
                changed[at] = inner.clone();
                histories.push(changed);
            }
            let mut submissions: Vec<_> = simpler_callbacks(callback)
                .into_iter()
                .map(|callback| Command::Submit(*through, callback))
                .collect();
            for through in simpler_ways(*through) {
                submissions.push(Command::Submit(through, callback.clone()));
            }
            for submission in submissions {
                let mut changed = commands.to_vec();
                changed[at] = submission;
                histories.push(changed);
            }
        }
    }
    histories
}

fn simpler_ways(through: SubmitCall) -> Vec<SubmitCall> {
    let mut ways = match through {
        SubmitCall::CallSoon => Vec::new(),
        _ => vec![SubmitCall::CallSoon],
    };
    let (SubmitCall::Timer(due) | SubmitCall::TimerThreadsafe(due, _)) = through else {
        return ways;
    };
    if !through.is_local() {
        ways.push(SubmitCall::Timer(due));
    }
    let sooner: Vec<Due> = match due {
        Due::Later(delay) => (0..delay.min(4)).map(Due::Later).collect(),
        Due::At(_) | Due::Never => (0..4).map(Due::Later).collect(),
    };
    ways.extend(sooner.into_iter().map(|due| match through {
        SubmitCall::TimerThreadsafe(_, caller) => SubmitCall::TimerThreadsafe(due, caller),
        _ => SubmitCall::Timer(due),
    }));
    ways
}

fn simpler_callbacks(callback: &Callback) -> Vec<Callback> {
    let mut callbacks: Vec<_> = simpler(&callback.script)
        .into_iter()
        .map(|script| Callback {
            script,
            ..callback.clone()
        })
        .collect();
    if callback.panics {
        callbacks.push(Callback {
            panics: false,
            ..callback.clone()
        });
    }
    if callback.destructor != Destructor::Quiet {
        callbacks.push(Callback {
            destructor: Destructor::Quiet,
            ..callback.clone()
        });
    }
    callbacks
}
