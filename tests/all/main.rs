//! The library's tests, in one program.

mod common;
mod costs;
mod default_handlers;
mod events;
mod executor;
mod foreign;
mod inbox;
mod iterations;
mod posted;
mod sleeps;
mod tasks;
mod threads;
mod timers;
mod virtual_time;
mod watchdog;
