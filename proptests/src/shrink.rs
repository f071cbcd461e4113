//! The last bit of shrinking: what is left of a failing history after proptest has shortened it.
//!
//! proptest-state-machine deletes commands of the top level and then simplifies each one once; a
//! callback's script often keeps commands that have nothing to do with the failure.

use crate::command::{Callback, Command, Destructor, Due, Through};

/// Makes a failing history shorter and simpler, one change at a time, until no change leaves it
/// failing.
pub fn shortest(mut commands: Vec<Command>, fails: impl Fn(&[Command]) -> bool) -> Vec<Command> {
    while let Some(simpler) = simpler(&commands)
        .into_iter()
        .find(|simpler| fails(simpler))
    {
        commands = simpler;
    }
    commands
}

/// Every history that one change makes of this one: a command less, or a simpler callback.
fn simpler(commands: &[Command]) -> Vec<Vec<Command>> {
    let mut histories = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        let mut without = commands.to_vec();
        without.remove(at);
        histories.push(without);
        if let Command::Spawn(through, task) = command {
            let mut changed = commands.to_vec();
            changed[at] = Command::Submit(Through::CallSoon, task.clone());
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

fn simpler_ways(through: Through) -> Vec<Through> {
    let mut ways = match through {
        Through::CallSoon => Vec::new(),
        _ => vec![Through::CallSoon],
    };
    let (Through::Timer(due) | Through::TimerThreadsafe(due, _)) = through else {
        return ways;
    };
    if !through.is_local() {
        ways.push(Through::Timer(due));
    }
    let sooner: Vec<Due> = match due {
        Due::Later(delay) => (0..delay.min(4)).map(Due::Later).collect(),
        Due::At(_) | Due::Never => (0..4).map(Due::Later).collect(),
    };
    ways.extend(sooner.into_iter().map(|due| match through {
        Through::TimerThreadsafe(_, caller) => Through::TimerThreadsafe(due, caller),
        _ => Through::Timer(due),
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
