//! The tests of the models. They are one binary, so that the loop is compiled for them once.

mod faults;
mod models;
#[path = "../../proptests/tests/watchdog.rs"]
mod watchdog;
