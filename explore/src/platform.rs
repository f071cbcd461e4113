//! The platforms on which code is explored, and what their environment may do.

mod environment;
mod loom;
mod model;
mod observed;
mod shuttle;

pub use self::environment::Environment;
pub use self::loom::{Loom, LoomCondvar, LoomGuard};
pub use self::model::{Flag, ModelPlatform};
pub use self::observed::{Observed, Observer};
pub use self::shuttle::{Shuttle, ShuttleCondvar, ShuttleGuard};
