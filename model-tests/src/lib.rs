//! Checks of the wakeproof event loop: on real threads, under model checkers, against its
//! specification. The command `wakeproof` prints what they find.

pub mod conform;
pub mod report;
pub mod spec;
pub mod threads;
