#![doc = include_str!("../README.md")]

mod claimed;
pub mod command;
pub mod concurrent;
pub mod config;
pub mod faults;
pub mod find;
pub mod history;
pub mod prediction;
pub mod properties;
pub mod real;
pub mod record;
pub mod reference;
pub mod shrink;
pub mod stress;
pub mod under_test;
pub mod virtual_time;
