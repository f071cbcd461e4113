//! An execution that is run again to be drawn.

use super::follow::DoesNotFit;
use super::{Limits, loom, shuttle};
use crate::platform::Environment;
use crate::story::{self, Telling};
use crate::verdict::{Exploration, Replay};

/// Runs the execution of a counterexample again, to be drawn: its journal is
/// [told in full](crate::journal::is_told_in_full). `limits` are those of the search that has found it.
///
/// # Errors
///
/// If the choices cannot be made: they are of another program, or of another environment.
pub fn told(
    environment: Environment,
    replay: &Replay,
    limits: &Limits,
    body: impl Fn() + Send + Sync + 'static,
) -> Result<Exploration, DoesNotFit> {
    story::tell(Telling::InFull);
    let told = match replay {
        Replay::Schedule(schedule) => shuttle::replay(environment, schedule, body),
        Replay::Execution(number) => Ok(loom::replay_loom(environment, *number, limits, body)),
    };
    story::tell(Telling::Nothing);
    told
}
