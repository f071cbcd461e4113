//! What the benchmarks of the event loop are made of, and can be tested without a clock.
//!
//! `cargo bench -p wakeproof-benches` measures; `cargo run --release -p wakeproof-benches --bin instructions`
//! is the gate.

mod arguments;
pub mod figures;
mod spread;

pub use arguments::{Arguments, HELP};
pub use spread::Spread;
