//! Looks at little programs: some must not be called asleep for good, others must.
//!
//! This binary starts itself again as most of the programs, so it has a `main` of its own. Programs in C and
//! Python are skipped, loudly, where there is no compiler or no Python; `ASLEEP_REQUIRE_ALL=1` makes that a
//! failure. `ASLEEP_LOOKS` says how often to look at each program that must not be called asleep.

#[cfg(target_os = "linux")]
mod asleep;
#[cfg(target_os = "linux")]
mod awake;
#[cfg(target_os = "linux")]
mod bad_input;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod size;

#[cfg(target_os = "linux")]
fn main() {
    if let Some(name) = std::env::var_os(program::VARIABLE) {
        programs::run(&name.to_string_lossy());
        return;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let mut trials = asleep::trials();
    trials.extend(awake::trials());
    trials.extend(bad_input::trials());
    trials.extend(size::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    let error = wakeproof_asleep::look(1).expect_err("there is no /proc");
    assert!(matches!(error, wakeproof_asleep::Error::Unsupported));
}
