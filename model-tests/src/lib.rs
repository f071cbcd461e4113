//! Models of two event loops, wakeproof's and asyncio's design, and the catalogue of faults.
//!
//! A [model](models) says what some threads do with a loop. The checkers of `wakeproof_explore` explore it
//! without a fault, and with each [fault](faults) that it can show.

pub mod asyncio;
pub mod design;
pub mod faults;
pub mod models;
pub mod pairs;
pub mod two_loops;
