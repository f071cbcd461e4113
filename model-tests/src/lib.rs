//! Models of the wakeproof event loop, and the catalogue of faults.
//!
//! A [model](models) is what some threads do to a loop. The checkers of `wakeproof_explore` explore it as
//! it is, and with each [fault](faults) that it is about.

pub mod faults;
pub mod models;
pub mod pairs;
