//! The committed figures of the gate.

use std::fmt::Write as _;

/// How much more than the committed figure is allowed. The figures differ by less from machine to machine:
/// which `memcpy` the C library takes depends on the processor.
pub const TOLERANCE: f64 = 0.03;

const HEADING: &str = "\
# Instructions of one operation, counted by valgrind. Made by
# cargo run --release -p wakeproof-benches --bin instructions -- --update
";

/// The text of a file of figures.
#[must_use]
pub fn write(figures: &[(&str, f64)]) -> String {
    let mut text = String::from(HEADING);
    for (name, each) in figures {
        let _ = writeln!(text, "{name}: {each:.1}");
    }
    text
}

/// The figure of this work in such a file.
#[must_use]
pub fn find(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let (known, figure) = line.split_once(": ")?;
        (known == name).then(|| figure.parse().ok())?
    })
}

/// By which part of the committed figure the present one is greater: 0.01 is one in a hundred.
#[must_use]
pub fn change(now: f64, committed: f64) -> f64 {
    now / committed - 1.0
}

#[cfg(test)]
mod tests {
    use super::{TOLERANCE, change, find, write};

    #[test]
    fn what_is_written_is_found() {
        let text = write(&[("call_soon", 460.44), ("call_soon and cancel", 465.0)]);
        assert_eq!(find(&text, "call_soon"), Some(460.4));
        assert_eq!(find(&text, "call_soon and cancel"), Some(465.0));
        assert_eq!(find(&text, "call"), None);
        assert_eq!(find("call_soon: many", "call_soon"), None);
    }

    #[test]
    fn the_committed_figures_are_such_a_file() {
        let text = include_str!("../instructions.txt");
        assert!(find(text, "call_soon").is_some_and(|each| each > 100.0));
    }

    #[test]
    fn more_than_the_tolerance_is_noticed_and_less_is_not() {
        assert!(change(103.1, 100.0) > TOLERANCE);
        assert!(change(102.9, 100.0) < TOLERANCE);
        assert!(change(50.0, 100.0) < 0.0);
    }
}
