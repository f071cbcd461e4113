//! Looks at a process and prints all that was found: `cargo run -p wakeproof-asleep --example look -- PID`.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(pid) = env::args().nth(1).and_then(|pid| pid.parse::<i32>().ok()) else {
        eprintln!("look: write the id of a process");
        return ExitCode::from(2);
    };
    match wakeproof_asleep::look(pid) {
        Ok(report) => {
            println!("{report:#?}\n{}", report.summary());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("look: {error}");
            ExitCode::from(2)
        }
    }
}
