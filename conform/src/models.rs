//! The models in which code and specification are compared.

use serde::Serialize;

use crate::comparison::Explorer;
use crate::program::Program;
use crate::relation::Bounds;

/// Bounds, and how the code is explored within them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Model {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// How much happens.
    pub bounds: Bounds,
    /// Whether it takes only seconds, and is compared if no model is named.
    pub is_default: bool,
    /// Whether there are too many schedules to explore every one.
    pub is_sampled: bool,
}

impl Model {
    /// Every program within the bounds.
    #[must_use]
    pub fn programs(&self) -> Vec<Program> {
        Program::all(self.bounds, false)
    }

    /// How the code is explored.
    #[must_use]
    pub fn explorers(&self) -> Vec<Explorer> {
        if self.is_sampled {
            return vec![Explorer::ShuttleRandom(200)];
        }
        let comes_to_an_end = self.programs().iter().any(Program::ends);
        let loom = comes_to_an_end.then_some(Explorer::Loom);
        [Explorer::ShuttleDepthFirst]
            .into_iter()
            .chain(loom)
            .collect()
    }
}

const SUBMIT_AND_STOP: Bounds = Bounds {
    submitters: 1,
    stoppers: 1,
    ..Bounds::NOTHING
};

/// Every model, the smallest first.
pub const ALL: [Model; 11] = [
    Model {
        name: "timed",
        about: "a thread submits; waits time out",
        bounds: Bounds {
            submitters: 1,
            spurious_wakeups: 1,
            timeouts: 2,
            ..Bounds::NOTHING
        },
        ..SMALL
    },
    Model {
        name: "twice",
        about: "a thread submits twice",
        bounds: Bounds {
            submitters: 1,
            callbacks_each: 2,
            ..Bounds::NOTHING
        },
        ..SMALL
    },
    Model {
        name: "stop",
        about: "a thread submits, another stops the loop",
        bounds: SUBMIT_AND_STOP,
        ..SMALL
    },
    Model {
        name: "local",
        about: "a thread submits, and so does the loop's own",
        bounds: Bounds {
            submitters: 1,
            local_callbacks: 1,
            ..Bounds::NOTHING
        },
        ..SMALL
    },
    Model {
        name: "own-stop",
        about: "a thread submits; the loop's own thread stops it",
        bounds: Bounds {
            submitters: 1,
            local_stops: true,
            ..Bounds::NOTHING
        },
        ..SMALL
    },
    Model {
        name: "threads",
        about: "two threads submit; spurious wakeups",
        bounds: Bounds {
            submitters: 2,
            spurious_wakeups: 1,
            ..Bounds::NOTHING
        },
        ..SMALL
    },
    Model {
        name: "spurious",
        about: "a thread submits, another stops; spurious wakeups",
        bounds: Bounds {
            spurious_wakeups: 1,
            ..SUBMIT_AND_STOP
        },
        ..SMALL
    },
    Model {
        name: "crowd",
        about: "3 threads submit 2 callbacks each, 2 stop the loop, it submits itself; all events",
        bounds: Bounds {
            submitters: 3,
            callbacks_each: 2,
            local_callbacks: 1,
            local_stops: false,
            stoppers: 2,
            spurious_wakeups: 3,
            timeouts: 3,
        },
        is_sampled: true,
        ..SMALL
    },
    Model {
        name: "timed-stop",
        about: "a thread submits, another stops; waits time out",
        bounds: Bounds {
            timeouts: 2,
            ..SUBMIT_AND_STOP
        },
        ..LARGE
    },
    Model {
        name: "twice-stop",
        about: "a thread submits twice, another stops the loop",
        bounds: Bounds {
            callbacks_each: 2,
            ..SUBMIT_AND_STOP
        },
        ..LARGE
    },
    Model {
        name: "local-stop",
        about: "a thread submits, and so does the loop's own; another stops it",
        bounds: Bounds {
            local_callbacks: 1,
            ..SUBMIT_AND_STOP
        },
        ..LARGE
    },
];

const SMALL: Model = Model {
    name: "",
    about: "",
    bounds: Bounds::NOTHING,
    is_default: true,
    is_sampled: false,
};

const LARGE: Model = Model {
    is_default: false,
    ..SMALL
};

/// The models with these names, or the default models if there are no names.
///
/// # Errors
///
/// If no model has one of the names. The message lists the models.
pub fn select(names: &[String]) -> anyhow::Result<Vec<Model>> {
    if names.is_empty() {
        return Ok(ALL.into_iter().filter(|model| model.is_default).collect());
    }
    let find = |name: &String| {
        let known = ALL.into_iter().find(|model| model.name == name);
        known.ok_or_else(|| {
            let names = ALL.map(|model| model.name).join(", ");
            anyhow::anyhow!("no model is called {name:?}; the models are {names}")
        })
    };
    names.iter().map(find).collect()
}
