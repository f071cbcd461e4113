//! Whether the specification is sharp: `CondvarLoop` with one condition left out at a time.
//!
//! A condition is a conjunct of an action's guard, or one of what fairness asks for. If the module
//! without it satisfies every model, then either the models do not look closely enough or the
//! condition is not needed, and the specification should say why it is there.
//!
//! The module is mutated as text. That works because it is written with one conjunct to a line,
//! and [`make`] finds out if it is not: every action must have a guard.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::Serialize;

use super::{Finding, Model, Specification, in_parallel, read};

const MODULE: &str = "CondvarLoop";

/// Conditions that no model notices the absence of, and why they may stand.
const MAY_STAND: [(&str, &str, &str); 4] = [
    (
        "Cancel",
        "Cancels",
        "a switch: where it is off there is less to check, and nothing else",
    ),
    (
        "Cancel",
        "c \\notin cancelled",
        "to cancel twice changes nothing; it would only pass for a step in a deadlock",
    ),
    (
        "Terminating",
        "\\A t \\in Others : pc[t] = \"done\"",
        "it keeps the end from excusing a thread that is stuck, and none is",
    ),
    (
        "Terminating",
        "pc[Loop] = \"waiting\"",
        "it keeps the end from excusing a loop that is stuck elsewhere, and it never is",
    ),
];

/// The module with one condition left out.
#[derive(Debug, Serialize)]
pub struct Mutant {
    /// The definition that has the condition.
    pub definition: String,
    /// The condition.
    pub without: String,
    /// Why it may be left out without being noticed.
    pub may_stand: Option<&'static str>,
    /// What has become of it.
    pub fate: Fate,
    #[serde(skip)]
    text: String,
}

/// What has become of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A model did not come out as it must.
    Caught {
        /// The model.
        model: String,
        /// What came out.
        how: String,
    },
    /// Every model came out as it must.
    Stands,
}

impl Mutant {
    /// Whether some model noticed.
    #[must_use]
    pub fn is_caught(&self) -> bool {
        self.fate != Fate::Stands
    }

    /// Whether it was caught, or not and for a known reason.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.is_caught() != self.may_stand.is_some()
    }
}

/// Leaves out each condition in turn.
///
/// # Errors
///
/// If the module cannot be read, or is not laid out as it has to be.
pub fn make(specification: &Specification) -> anyhow::Result<Vec<Mutant>> {
    let path = specification.directory().join(format!("{MODULE}.tla"));
    let text = read(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut mutants = Vec::new();
    let mut without_a_guard = BTreeSet::new();
    for conjunct in conjuncts(&lines) {
        let definition = conjunct.definition;
        if conjunct.in_action && !has_a_guard(&conjunct, &mutants) {
            without_a_guard.insert(definition);
        }
        let is_condition = match definition {
            "Fairness" | "NothingToDo" | "LoopStep" | "HolderStep" => true,
            _ => conjunct.in_action && is_guard(conjunct.text),
        };
        if !is_condition {
            continue;
        }
        without_a_guard.remove(definition);
        // What is left of a conjunction without a conjunct, or of a disjunction without a disjunct.
        let neutral = if conjunct.layout.ends_with("\\/ ") {
            "FALSE"
        } else {
            "TRUE"
        };
        let condition = conjunct.text.split("\\*").next().unwrap_or_default().trim();
        let may_stand = MAY_STAND
            .iter()
            .find(|(of, what, _)| (*of, *what) == (definition, condition))
            .map(|(_, _, reason)| *reason);
        mutants.push(Mutant {
            definition: definition.to_owned(),
            without: condition.to_owned(),
            may_stand,
            fate: Fate::Stands,
            text: conjunct.replaced_by(&lines, neutral),
        });
    }
    if !without_a_guard.is_empty() || mutants.is_empty() {
        bail!(
            "{}: found no guard, one conjunct to a line, in {without_a_guard:?}",
            path.display()
        );
    }
    for (of, what, _) in MAY_STAND {
        let known = mutants
            .iter()
            .any(|mutant| mutant.definition == of && mutant.without == what);
        if !known {
            bail!(
                "{}: {of} has no condition {what} that might stand",
                path.display()
            );
        }
    }
    Ok(mutants)
}

/// Checks each mutant until a model notices.
///
/// # Errors
///
/// If a model cannot be checked even with the module as it is.
pub fn check_all(
    specification: &Specification,
    mut mutants: Vec<Mutant>,
    done: impl Fn() + Sync,
) -> anyhow::Result<Vec<Mutant>> {
    let mut models: Vec<&Model> = specification
        .models()
        .iter()
        .filter(|model| model.is_default && !model.is_for_tlc_only && model.module == MODULE)
        .collect();
    // The quick ones first.
    models.sort_by_key(|model| model.expected.distinct_states);
    if models.is_empty() {
        bail!("{MODULE} has no models");
    }
    let whole = read(&models[0].module_path())?;
    if let Fate::Caught { model, how } = fate(&models, &whole)? {
        bail!("{model} comes out wrong with nothing left out: {how}");
    }
    let fates = in_parallel(&mutants, |mutant| {
        // What is left may make no sense any more, and that is noticed too.
        let fate = fate(&models, &mutant.text).unwrap_or_else(|error| Fate::Caught {
            model: MODULE.to_owned(),
            how: error.root_cause().to_string(),
        });
        done();
        Ok(fate)
    })?;
    for (mutant, fate) in mutants.iter_mut().zip(fates) {
        mutant.fate = fate;
    }
    Ok(mutants)
}

fn fate(models: &[&Model], text: &str) -> anyhow::Result<Fate> {
    for model in models {
        let finding = model.check_text(text)?;
        // The numbers of states would tell nearly all mutants, and tell nothing by that.
        let verdict = |finding: &Finding| (finding.outcome, finding.fails.clone());
        if verdict(&finding) != (model.expected.outcome, model.expected.fails.clone()) {
            return Ok(Fate::Caught {
                model: model.name.clone(),
                how: finding.in_words(),
            });
        }
    }
    Ok(Fate::Stands)
}

fn has_a_guard(conjunct: &Conjunct<'_>, mutants: &[Mutant]) -> bool {
    let of_this = |mutant: &Mutant| mutant.definition == conjunct.definition;
    mutants.iter().any(of_this)
}

/// One of the lines that a definition is made of, with those that it goes on in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conjunct<'a> {
    /// The definition's name.
    pub definition: &'a str,
    /// Whether the definition says what becomes of the variables.
    pub in_action: bool,
    /// What lays the line out, up to the last bullet.
    layout: &'a str,
    /// What the line says, without those that it goes on in.
    pub text: &'a str,
    first: usize,
    /// The first line behind it.
    end: usize,
}

impl Conjunct<'_> {
    /// The module with something else in this place.
    pub fn replaced_by(&self, lines: &[&str], other: &str) -> String {
        let replaced = format!("{}{other}", self.layout);
        let before = lines[..self.first].iter().copied();
        let after = lines[self.end..].iter().copied();
        let whole: Vec<&str> = before.chain([&*replaced]).chain(after).collect();
        whole.join("\n")
    }

    /// The line and those that it goes on in, as one.
    pub fn whole(&self, lines: &[&str]) -> String {
        let more = lines[self.first + 1..self.end]
            .iter()
            .map(|line| line.trim());
        let parts: Vec<&str> = std::iter::once(self.text).chain(more).collect();
        parts.join(" ")
    }
}

/// Every conjunct and disjunct of a module that has one to a line.
pub(crate) fn conjuncts<'a>(lines: &[&'a str]) -> Vec<Conjunct<'a>> {
    let mut found = Vec::new();
    let (mut definition, mut in_action) = ("", false);
    for (first, line) in lines.iter().enumerate() {
        if let Some((head, _)) = line.split_once("==")
            && !head.starts_with([' ', '=', '-'])
        {
            definition = head.split(['(', ' ']).next().unwrap_or_default();
            in_action = is_action(&lines[first + 1..]);
        }
        let Some((layout, text)) = split(line) else {
            continue;
        };
        let goes_on = |line: &&&str| line.starts_with(' ') && split(line).is_none();
        let more = lines[first + 1..].iter().take_while(goes_on).count();
        found.push(Conjunct {
            definition,
            in_action,
            layout,
            text,
            first,
            end: first + 1 + more,
        });
    }
    found
}

/// Whether a definition says what becomes of the variables.
fn is_action(after: &[&str]) -> bool {
    after
        .iter()
        .take_while(|line| line.starts_with([' ', '\t']))
        .any(|line| line.contains("UNCHANGED"))
}

/// Whether a conjunct of an action says when it may be taken, rather than what it does.
pub(crate) fn is_guard(conjunct: &str) -> bool {
    let does = ["'", "UNCHANGED", "Goto(", "\\E "];
    !does.iter().any(|does| conjunct.contains(does)) && !conjunct.starts_with(['/', '\\'])
        || conjunct.starts_with("\\A ")
}

/// Splits a line into what lays it out, up to the last bullet in front, and what it says.
fn split(line: &str) -> Option<(&str, &str)> {
    let mut rest = line.trim_start();
    while let Some(after) = rest
        .strip_prefix("/\\ ")
        .or_else(|| rest.strip_prefix("\\/ "))
    {
        rest = after.trim_start();
    }
    let layout = &line[..line.len() - rest.len()];
    let is_conjunct = layout.contains(['/', '\\']) && !rest.is_empty();
    is_conjunct.then_some((layout, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_after_its_last_bullet() {
        assert_eq!(
            split("       \\/ /\\ pc[t] = \"idle\""),
            Some(("       \\/ /\\ ", "pc[t] = \"idle\""))
        );
        assert_eq!(split("    \\/ Sleep"), Some(("    \\/ ", "Sleep")));
        assert_eq!(split("                   ran, refused>>"), None);
    }

    #[test]
    fn a_guard_says_when_and_not_what() {
        assert!(is_guard("holder = Nobody"));
        assert!(is_guard("~closed"));
        assert!(is_guard("\\A t \\in Others : pc[t] = \"done\""));
        assert!(!is_guard("holder' = t"));
        assert!(!is_guard("Goto(t, \"unlock\")"));
        assert!(!is_guard("UNCHANGED phase"));
        assert!(!is_guard("\\E w \\in waitSet :"));
    }
}
