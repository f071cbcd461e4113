//! The tests of the models. They are one binary, so that the loop is compiled for them once.

mod faults;
mod models;
mod two_loops;
#[path = "../../proptests/tests/watchdog.rs"]
mod watchdog;
