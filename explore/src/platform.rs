//! The platforms on which code is explored, and what their environment may do.

mod clock;
mod environment;
mod flag;
mod loom;
mod misuse;
mod model;
mod observed;
mod real;
mod shuttle;

pub(crate) use self::clock::Deadlines;
pub use self::environment::Environment;
pub use self::flag::Flag;
pub(crate) use self::loom::WeakSpots;
pub use self::loom::{Loom, LoomCondvar, LoomFlag, LoomGuard, LoomMutex};
pub(crate) use self::misuse::{begin_execution, ends, join_execution, new_execution};
pub use self::model::ModelPlatform;
pub use self::observed::{Observed, Observer};
pub use self::real::{RealCondvar, RealGuard, RealMutex, RealThreads};
pub use self::shuttle::{Shuttle, ShuttleCondvar, ShuttleGuard, ShuttleMutex};
