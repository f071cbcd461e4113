//! wakeproof
pub mod inbox;
pub mod platform;
