//! The lines of the sources that counterexamples name, which the command carries with it.

use std::fs;

use crate::specification;

/// Each file's path, and its text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sources.rs"));
/// How many lines before and after one are shown.
const AROUND: usize = 4;

/// A line of the source, among its neighbours.
pub(crate) struct Excerpt {
    /// Each with its number.
    pub(crate) lines: Vec<(usize, String)>,
    /// The number of the line.
    pub(crate) line: usize,
}

impl Excerpt {
    /// The line alone.
    pub(crate) fn text(&self) -> &str {
        let found = self.lines.iter().find(|(number, _)| *number == self.line);
        found.map_or("", |(_, text)| text.trim())
    }
}

/// The place, such as `src/inbox.rs:97`, if its file is known.
pub(crate) fn excerpt(at: &str) -> Option<Excerpt> {
    let (path, line) = at.rsplit_once(':')?;
    let line: usize = line.parse().ok()?;
    let text = match path.strip_prefix("spec/") {
        Some(module) => fs::read_to_string(specification::directory().ok()?.join(module)).ok()?,
        None => {
            let known = FILES.iter().find(|(known, _)| *known == path)?;
            known.1.to_owned()
        }
    };
    let first = line.saturating_sub(AROUND).max(1);
    let lines = text.lines().enumerate().skip(first - 1);
    let lines: Vec<(usize, String)> = lines
        .take(line + AROUND + 1 - first)
        .map(|(index, text)| (index + 1, text.to_owned()))
        .collect();
    lines
        .iter()
        .any(|(number, _)| *number == line)
        .then_some(Excerpt { lines, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_among_its_neighbours() {
        let found = excerpt("src/inbox.rs:1").unwrap();
        assert!(
            found.text().starts_with("//! The protocol"),
            "{}",
            found.text()
        );
        assert_eq!(found.lines.len(), AROUND + 1);
        let module = specification::directory().unwrap().join("LostWakeup.tla");
        let module = fs::read_to_string(module).unwrap();
        let line = module
            .lines()
            .position(|line| line.starts_with("Submit"))
            .unwrap();
        let found = excerpt(&format!("spec/LostWakeup.tla:{}", line + 1)).unwrap();
        assert!(found.text().starts_with("Submit =="), "{}", found.text());
        assert_eq!(found.lines.len(), 2 * AROUND + 1);
        for nowhere in [
            "src/inbox.rs:100000",
            "src/nothing.rs:1",
            "src/inbox.rs",
            "src/inbox.rs:x",
        ] {
            assert!(excerpt(nowhere).is_none(), "{nowhere}");
        }
    }
}
