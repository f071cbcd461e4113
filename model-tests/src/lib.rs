//! Models of the wakeproof event loop, and the catalogue of faults.
//!
//! A [model](models) says what some threads do with a loop. The checkers of `wakeproof_explore` explore it
//! without a fault, and with each [fault](faults) that it can show.

pub mod faults;
pub mod models;
pub mod pairs;
