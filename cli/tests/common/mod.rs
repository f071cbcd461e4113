//! Shared by several test files.

use std::process::Command;

/// Runs a subcommand. Returns its exit status, standard output and standard error.
pub fn wakeproof(subcommand: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .arg(subcommand)
        .args(arguments)
        .output()
        .expect("it runs");
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8(output.stderr).expect("text"),
    )
}
