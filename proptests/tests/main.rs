//! The property tests. They are one binary, so that the loop is compiled for them once.

mod concurrent;
mod faults;
mod sequential;
mod stress;
mod watchdog;
