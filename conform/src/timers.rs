//! Follows the whole loop with timers through `TimerLoop.tla`.

use std::mem::ManuallyDrop;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use wakeproof::EventLoop;

use crate::comparison::{Body, Compared, Explorer, compare_body};
use crate::fates::CallbackId;
use crate::program::{note, note_run, take_fates};
use crate::relation::{Bounds, Clock, LOOP, Source};
use wakeproof_explore::Limits;
use wakeproof_explore::platform::ModelPlatform;
use wakeproof_faults::InboxFault;

/// The loop's own thread sets a timer before it runs, and another thread sets a timer or submits a callback.
/// The loop runs for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timers {
    /// Its name.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    /// The deadline of the loop's own timer, in seconds: 1 or 2.
    own: u64,
    /// The deadline of the other thread's timer. 0 for a callback.
    other: u64,
}

/// Every order of the two deadlines.
pub const ALL: [Timers; 4] = [
    Timers {
        name: "earlier timer",
        about: "the loop sets a timer, a thread an earlier one",
        own: 2,
        other: 1,
    },
    Timers {
        name: "later timer",
        about: "the loop sets a timer, a thread a later one",
        own: 1,
        other: 2,
    },
    Timers {
        name: "equal timers",
        about: "the loop and a thread set timers for the same time",
        own: 1,
        other: 1,
    },
    Timers {
        name: "timer, callback",
        about: "the loop sets a timer, a thread submits",
        own: 1,
        other: 0,
    },
];

const BOUNDS: Bounds = Bounds {
    submitters: 1,
    local_callbacks: 1,
    spurious_wakeups: 1,
    timeouts: 3,
    ..Bounds::NOTHING
};

impl Timers {
    /// The specification in a folder, with these timers.
    #[must_use]
    pub fn source(&self, folder: &Path) -> Source {
        let due = [(LOOP, self.own), ("s1", self.other)];
        let at = |time| {
            let those = due.iter().filter(move |(_, due)| *due == time);
            those.map(|(name, _)| (*name).to_owned()).collect()
        };
        Source {
            module: "TimerLoop",
            clock: Some(Clock {
                early: at(1),
                late: at(2),
            }),
            ..Source::correct(folder)
        }
    }

    /// Follows every execution under shuttle, with this fault or with none.
    ///
    /// This does not count which part of the specification is shown: the specification closes the loop, and
    /// this program does not.
    ///
    /// # Errors
    ///
    /// If the specification cannot be read or evaluated.
    pub fn compare(
        &self,
        fault: Option<InboxFault>,
        source: &Source,
        limits: &Limits,
    ) -> anyhow::Result<Compared> {
        let every_schedule = Explorer::ShuttleDepthFirst;
        let compared = compare_body(fault, source, &[*self], every_schedule, limits)?;
        Ok(Compared {
            covered: None,
            ..compared
        })
    }
}

impl Body for Timers {
    fn bounds(&self) -> Bounds {
        BOUNDS
    }

    fn ends(&self) -> bool {
        false
    }

    fn run<P: ModelPlatform>(&self) {
        drop(take_fates());
        // The loop is never closed: an execution ends when there is nothing left to do.
        let event_loop = ManuallyDrop::new(EventLoop::<P>::on_platform());
        let (local, handle) = (event_loop.local(), event_loop.handle());
        let callback = |id: CallbackId| move || note_run(id);

        let at = Duration::from_secs(self.own);
        let accepted = local.call_at(at, callback((0, 1))).is_ok();
        note((0, 1), accepted.then_some(()).ok_or((0, 1)));
        let at = Duration::from_secs(self.other);
        let is_timer = self.other > 0;
        let thread = P::spawn("s1", move || {
            let accepted = if is_timer {
                handle.call_at_threadsafe(at, callback((1, 1))).is_ok()
            } else {
                handle.call_soon_threadsafe(callback((1, 1))).is_ok()
            };
            note((1, 1), accepted.then_some(()).ok_or((1, 1)));
        });
        event_loop.run_forever().expect("it is open");
        P::join(thread);
    }
}
