//! The package's integration tests, in one binary.

#[path = "../common/mod.rs"]
mod common;

mod bare_loom;
mod dropin;
mod dropin_platform;
mod dropin_primitives;
mod explorer;
mod front_page;
mod isolated;
mod moving_in;
mod observed;
mod platforms;
mod shards;
mod smoke;
mod suite;
mod threads;
mod yardstick;
