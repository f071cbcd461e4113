//! Benchmarks of the event loop: `cargo bench -p wakeproof-benches`.
