//! What each version of a loop is known to do: `probes/expected.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use wakeproof_conform::files;

use super::cell::{Cell, Clause};
use super::loops;

/// What is known, by the loop's name on the command line; several versions of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected(BTreeMap<String, Vec<Known>>);

/// What is known about a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    version: String,
    date: String,
    cells: BTreeMap<String, String>,
}

/// How a run compares with what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compared {
    /// Every cell is as it is known to be.
    AsExpected,
    /// Nothing is known about this version.
    UnknownVersion {
        /// Those that something is known about.
        known: Vec<String>,
    },
    /// Some cells differ.
    Different(Vec<Difference>),
}

/// A cell that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) clause: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

const NOTHING: &str = "no answer";

pub(crate) fn file() -> PathBuf {
    loops::folder().join("expected.json")
}

impl Expected {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// If it is not there, or not as it must be.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let file = file();
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let expected: Expected =
            serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        for known in expected.0.values().flatten() {
            for clause in known.cells.keys() {
                let is_known = Clause::value_variants()
                    .iter()
                    .any(|known| known.name() == *clause);
                anyhow::ensure!(is_known, "{}: no clause {clause:?}", file.display());
            }
        }
        Ok(expected)
    }

    /// Compares what a loop did with what is known of its version.
    pub(crate) fn compare(&self, name: &str, version: &str, cells: &[Cell]) -> Compared {
        let all = self.0.get(name).map_or(&[][..], Vec::as_slice);
        let Some(known) = all.iter().find(|known| known.version == version) else {
            let known = all.iter().map(|known| known.version.clone()).collect();
            return Compared::UnknownVersion { known };
        };
        let mut differences = Vec::new();
        for &clause in Clause::value_variants()
            .iter()
            .filter(|clause| clause.is_stable())
        {
            let name = clause.name();
            let expected = known.cells.get(&name).map_or(NOTHING, String::as_str);
            let found = cells.iter().find(|cell| cell.clause == clause);
            let found = found.map_or(NOTHING, |cell| &cell.outcome);
            if expected != found {
                differences.push(Difference {
                    clause: name,
                    expected: expected.to_owned(),
                    found: found.to_owned(),
                });
            }
        }
        if differences.is_empty() {
            Compared::AsExpected
        } else {
            Compared::Different(differences)
        }
    }

    /// Puts what a run found in the place of what was known about the same version.
    pub(crate) fn learn(&mut self, name: &str, version: &str, date: &str, cells: &[Cell]) {
        let known = Known {
            version: version.to_owned(),
            date: date.to_owned(),
            cells: cells
                .iter()
                .filter(|cell| cell.clause.is_stable())
                .map(|cell| (cell.clause.name(), cell.outcome.clone()))
                .collect(),
        };
        let all = self.0.entry(name.to_owned()).or_default();
        match all.iter_mut().find(|known| known.version == version) {
            Some(same) => *same = known,
            None => all.push(known),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// If that fails; the old one is then still there.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        files::write(&file(), &(serde_json::to_string_pretty(self)? + "\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::Level;
    use super::*;

    fn cell(clause: Clause, outcome: &str) -> Cell {
        Cell {
            clause,
            level: Level::Must,
            outcome: outcome.into(),
            detail: None,
            fine: true,
            sentence: None,
            grounds: None,
            recording: String::new(),
            lines: Vec::new(),
        }
    }

    #[test]
    fn what_was_learned_is_expected_of_that_version_and_of_no_other() {
        let cells = [cell(Clause::Plain, "stranded"), cell(Clause::Race, "kept")];
        let mut expected = Expected::default();
        expected.learn("loop", "1", "2026-01-01", &cells);
        assert_eq!(expected.compare("loop", "1", &cells), Compared::AsExpected);
        let known = vec!["1".to_owned()];
        let unknown = Compared::UnknownVersion { known };
        assert_eq!(expected.compare("loop", "2", &cells), unknown);

        // Who wins a race is not compared; everything else is, what is missing and what is new included.
        let raced = [
            cell(Clause::Plain, "stranded"),
            cell(Clause::Race, "broken"),
        ];
        assert_eq!(expected.compare("loop", "1", &raced), Compared::AsExpected);
        let differs = |clause: &str, expected: &str, found: &str| {
            Compared::Different(vec![Difference {
                clause: clause.into(),
                expected: expected.into(),
                found: found.into(),
            }])
        };
        let ran = [cell(Clause::Plain, "ran")];
        let wrong = differs("plain", "stranded", "ran");
        assert_eq!(expected.compare("loop", "1", &ran), wrong);
        let missing = differs("plain", "stranded", NOTHING);
        assert_eq!(expected.compare("loop", "1", &[]), missing);
        let more = [
            cell(Clause::Plain, "stranded"),
            cell(Clause::Cancel, "kept"),
        ];
        let new = differs("cancel", NOTHING, "kept");
        assert_eq!(expected.compare("loop", "1", &more), new);

        // A version that is learned again replaces itself.
        expected.learn("loop", "1", "2026-01-02", &ran);
        assert_eq!(expected.compare("loop", "1", &ran), Compared::AsExpected);
    }

    #[test]
    fn the_file_knows_every_loop_that_there_is_an_adapter_for() {
        let expected = Expected::load().expect("it can be read");
        for known in loops::LOOPS {
            assert!(expected.0.contains_key(known.name), "{}", known.name);
        }
        assert_eq!(expected.0.len(), loops::LOOPS.len());
    }
}
