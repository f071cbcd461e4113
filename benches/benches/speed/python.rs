//! Python's loops, through a script: those that Python has.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::contest::Measured;

/// A loop that Python can import.
#[derive(Debug, Clone, Copy)]
pub struct Python {
    pub name: &'static str,
    pub target: Option<f64>,
}

const LOOPS: [Python; 3] = [
    Python {
        name: "asyncio",
        target: Some(0.1),
    },
    Python {
        name: "uvloop",
        target: Some(0.25),
    },
    Python {
        name: "rloop",
        target: Some(0.2),
    },
];

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/speed/peers.py")
}

/// The loops that Python has here. None if there is no Python.
pub fn loops() -> Vec<Python> {
    let has = |python: &Python| {
        let import = format!("import {}", python.name);
        let status = Command::new("python3")
            .args(["-c", &import])
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    LOOPS.into_iter().filter(has).collect()
}

/// The version of Python, or why there is none.
pub fn version() -> String {
    match Command::new("python3").arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => format!("no Python ({error})"),
    }
}

/// Runs the script, which prints the seconds and the operations.
pub fn measure(name: &str, work: &str, sizes: &[usize]) -> Measured {
    let output = Command::new("python3")
        .arg(script())
        .args([name, work])
        .args(sizes.iter().map(usize::to_string))
        .stderr(Stdio::inherit())
        .output();
    let output = output.expect("Python has run before");
    assert!(output.status.success(), "{name} fails at {work}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut figures = printed.split_whitespace();
    let mut next = || figures.next().expect("the script prints two figures");
    Measured {
        time: Duration::from_secs_f64(next().parse().expect("seconds")),
        operations: next().parse().expect("a number"),
    }
}
