//! `wakeproof probe` and `wakeproof check`, with adapters of the tests' own: a right loop, wrong ones, two that look stranded and
//! are not, and adapters that misbehave.
//!
//! This binary is also the adapter, so it has a `main` of its own.

#[cfg(target_os = "linux")]
mod adapter;
#[cfg(target_os = "linux")]
mod bad;
#[cfg(target_os = "linux")]
mod check;
#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod loops;

#[cfg(target_os = "linux")]
fn main() {
    let first = std::env::args().nth(1).unwrap_or_default();
    if let Some(mode) = first.strip_prefix(command::ADAPTER) {
        adapter::main(mode);
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let mut trials = loops::trials();
    trials.extend(bad::trials());
    trials.extend(check::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
