//! The command `wakeproof`.

fn main() {}
