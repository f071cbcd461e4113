//! The platforms on which code is explored, and what their environment may do.

mod clock;
mod environment;
mod execution;
mod flag;
pub(crate) mod interrupts;
pub(crate) mod locals;
mod loom;
mod misuse;
mod model;
mod observed;
mod real;
mod shuttle;
mod take_once;

pub(crate) use self::clock::{Deadlines, Unlocks};
pub use self::environment::Environment;
pub(crate) use self::environment::Spurious;
pub(crate) use self::execution::{
    checker, key, next as next_number, number as execution, this_thread,
};
pub use self::flag::ShuttleFlag;
pub use self::loom::{Loom, LoomCondvar, LoomFlag, LoomGuard, LoomMutex};
pub(crate) use self::loom::{LoomAtomic, LoomParker, LoomQueue, LoomSleeper, WeakSpots};
pub(crate) use self::misuse::{
    CANNOT_JUDGE, Identity, begin_execution, cannot_judge, ends, holds_a_mutex, join_execution,
    misuse, new_execution,
};
pub use self::model::ModelPlatform;
pub(crate) use self::model::{
    run_under_shuttle, start_on_threads, start_under_loom, start_under_shuttle,
};
pub use self::observed::{Observed, Observer};
pub use self::real::{RealCondvar, RealGuard, RealMutex, RealThreads};
pub use self::shuttle::{Shuttle, ShuttleCondvar, ShuttleGuard, ShuttleMutex};
pub(crate) use self::shuttle::{ShuttleParker, ShuttleQueue, ShuttleSleeper};
pub use self::take_once::FlaggedValue;
pub use wakeproof::platform::Flag;
