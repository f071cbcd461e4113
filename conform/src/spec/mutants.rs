//! Whether the specification is sharp: each module with one condition left out at a time.
//!
//! A condition is a conjunct of an action's guard, or of what fairness demands. If the module
//! without it satisfies every model, then either the models do not look closely enough or the
//! condition is not needed, and the specification should say why it is there.
//!
//! A module is mutated as text, without those that it extends. That works because it is written
//! with one conjunct to a line, and [`make`] finds out if it is not: every action must have a guard.

mod may_stand;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::bail;
use serde::Serialize;

use super::{Finding, Model, Specification, in_parallel, read};
use may_stand::{MAY_STAND, WITHOUT_A_GUARD};

/// Conditions that have names of their own.
const NAMED_CONDITIONS: [&str; 3] = ["NothingToDo", "CalledFor", "Inv"];

/// The module with one condition left out.
#[derive(Debug, Serialize)]
pub struct Mutant {
    /// The module.
    pub module: String,
    /// The definition that contains the condition.
    pub definition: String,
    /// The condition.
    pub without: String,
    /// The reason why nobody need notice that it is missing.
    pub may_stand: Option<&'static str>,
    /// What the models said.
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
    /// The module's text without the condition.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether some model noticed.
    #[must_use]
    pub fn is_caught(&self) -> bool {
        self.fate != Fate::Stands
    }

    /// Whether it was caught, or was missed for a known reason.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.is_caught() != self.may_stand.is_some()
    }
}

/// Leaves out each condition of each module in turn, except in the modules of faults.
///
/// # Errors
///
/// If a module cannot be read, or is not laid out with one conjunct to a line.
pub fn make(specification: &Specification) -> anyhow::Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for module in models(specification).into_keys() {
        mutants.extend(make_of(specification.directory(), module)?);
    }
    for (module, of, what, _) in MAY_STAND {
        let known = mutants.iter().any(|mutant| {
            (&*mutant.module, &*mutant.definition, &*mutant.without) == (module, of, what)
        });
        if !known {
            bail!("{module}.tla: {of} has no condition {what} that might stand");
        }
    }
    Ok(mutants)
}

/// The models that try the mutants of each module, the quick ones first.
fn models(specification: &Specification) -> BTreeMap<&str, Vec<&Model>> {
    let mut of_modules = BTreeMap::<&str, Vec<&Model>>::new();
    for model in specification.models() {
        if model.is_default && !model.is_for_tlc_only && !model.module.ends_with("Faults") {
            of_modules.entry(&model.module).or_default().push(model);
        }
    }
    for models in of_modules.values_mut() {
        models.sort_by_key(|model| model.expected.distinct_states);
    }
    of_modules
}

fn make_of(directory: &Path, module: &str) -> anyhow::Result<Vec<Mutant>> {
    let path = directory.join(format!("{module}.tla"));
    let text = read(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    let actions = actions(directory, module)?;
    let fair: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line.split_once("WF_"))
        .flat_map(|(_, of)| of.split(|c: char| !c.is_alphanumeric()))
        .collect();
    let mut mutants: Vec<Mutant> = Vec::new();
    let (mut laid_out, mut guarded) = (BTreeSet::new(), BTreeSet::new());
    for conjunct in conjuncts(&lines) {
        let definition = conjunct.definition;
        let is_action = actions.contains(definition);
        let name = conjunct.text.split(|c: char| !c.is_alphanumeric()).next();
        let takes_an_action = name.is_some_and(|name| actions.contains(name));
        let asks_for_fairness = conjunct.whole(&lines).contains("WF_")
            || !is_action && fair.contains(definition) && conjunct.is_disjunct();
        let is_guard = is_action && is_guard(conjunct.text) && !takes_an_action;
        if is_action {
            laid_out.insert(definition);
        }
        if is_guard || takes_an_action {
            guarded.insert(definition);
        }
        if !asks_for_fairness && !is_guard && !NAMED_CONDITIONS.contains(&definition) {
            continue;
        }
        let condition = conjunct.text.split("\\*").next().unwrap_or_default().trim();
        let may_stand = MAY_STAND
            .iter()
            .find(|known| (known.0, known.1, known.2) == (module, definition, condition))
            .map(|known| known.3);
        // What is left of a conjunction without a conjunct, or of a disjunction without a disjunct.
        let neutral = if conjunct.is_disjunct() {
            "FALSE"
        } else {
            "TRUE"
        };
        mutants.push(Mutant {
            module: module.to_owned(),
            definition: definition.to_owned(),
            without: condition.to_owned(),
            may_stand,
            fate: Fate::Stands,
            text: conjunct.replaced_by(&lines, neutral),
        });
    }
    guarded.extend(
        WITHOUT_A_GUARD
            .iter()
            .filter_map(|(of, action)| (*of == module).then_some(*action)),
    );
    let without_a_guard: Vec<&&str> = laid_out.difference(&guarded).collect();
    if !without_a_guard.is_empty() || mutants.is_empty() {
        bail!(
            "{}: found no guard, one conjunct to a line, in {without_a_guard:?}",
            path.display()
        );
    }
    Ok(mutants)
}

/// The actions of a module and of those that it extends.
fn actions(directory: &Path, module: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = read(&directory.join(format!("{module}.tla")))?;
    let mut found = BTreeSet::new();
    let extended = text.lines().find_map(|line| line.strip_prefix("EXTENDS "));
    for name in extended.unwrap_or_default().split(',').map(str::trim) {
        if directory.join(format!("{name}.tla")).is_file() {
            found.extend(actions(directory, name)?);
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if let Some((definition, on_this_line)) = definition(line) {
            let body = lines[i + 1..]
                .iter()
                .take_while(|line| line.starts_with(' '));
            let body: Vec<&str> = std::iter::once(on_this_line).chain(body.copied()).collect();
            let says_what_becomes =
                |line: &&str| line.contains("UNCHANGED") || line.contains("' =");
            if body.iter().any(says_what_becomes) && !body.iter().any(|line| line.contains("[][")) {
                found.insert(definition.to_owned());
            }
        }
    }
    Ok(found)
}

/// Checks each mutant until a model notices.
///
/// # Errors
///
/// If a model cannot be checked even with its module as it is.
pub fn check_all(
    specification: &Specification,
    mut mutants: Vec<Mutant>,
    done: impl Fn() + Sync,
) -> anyhow::Result<Vec<Mutant>> {
    let models = models(specification);
    let has_mutants = |module: &str| mutants.iter().any(|mutant| mutant.module == module);
    let of_modules = models.iter().filter(|(module, _)| has_mutants(module));
    let of_modules: Vec<&Vec<&Model>> = of_modules.map(|(_, models)| models).collect();
    in_parallel(&of_modules, |models| {
        let whole = read(&models[0].module_path())?;
        if let Fate::Caught { model, how } = fate(models, &whole)? {
            bail!("{model} comes out wrong with nothing left out: {how}");
        }
        Ok(())
    })?;
    let fates = in_parallel(&mutants, |mutant| {
        // What is left may make no sense. Then an error counts as noticed.
        let fate =
            fate(&models[&*mutant.module], &mutant.text).unwrap_or_else(|error| Fate::Caught {
                model: mutant.module.clone(),
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

/// Checks a module's text with its models. If the text has many more states than the module, it may have
/// infinitely many, and that is an error.
fn fate(models: &[&Model], text: &str) -> anyhow::Result<Fate> {
    let states = models
        .iter()
        .filter_map(|model| model.expected.distinct_states);
    let most = 4 * usize::try_from(states.max().unwrap_or(0))? + 1000;
    for model in models {
        let finding = model.check_text_within(text, most)?;
        // The number of states gives away nearly every mutant, and says nothing about the models.
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

/// One line of a definition, with the lines that continue it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conjunct<'a> {
    /// The definition's name.
    pub definition: &'a str,
    /// What lays the line out, up to the last bullet.
    layout: &'a str,
    /// What the line says, without the lines that continue it.
    pub text: &'a str,
    first: usize,
    /// The first line after it.
    end: usize,
}

impl Conjunct<'_> {
    fn is_disjunct(&self) -> bool {
        self.layout.ends_with("\\/ ")
    }

    /// The module with something else in this place.
    pub fn replaced_by(&self, lines: &[&str], other: &str) -> String {
        let replaced = format!("{}{other}", self.layout);
        let before = lines[..self.first].iter().copied();
        let after = lines[self.end..].iter().copied();
        let whole: Vec<&str> = before.chain([&*replaced]).chain(after).collect();
        whole.join("\n")
    }

    /// The line and the lines that continue it, as one.
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
    let mut definition = "";
    for (first, line) in lines.iter().enumerate() {
        if let Some((name, _)) = self::definition(line) {
            definition = name;
        }
        let Some((layout, text)) = split(line) else {
            continue;
        };
        let goes_on = |line: &&&str| line.starts_with(' ') && split(line).is_none();
        let more = lines[first + 1..].iter().take_while(goes_on).count();
        found.push(Conjunct {
            definition,
            layout,
            text,
            first,
            end: first + 1 + more,
        });
    }
    found
}

/// The name of the definition that begins in a line, and what of it stands there.
fn definition(line: &str) -> Option<(&str, &str)> {
    let (head, body) = line.split_once("==")?;
    let is_one = !head.starts_with([' ', '=', '-', '(']);
    is_one.then(|| (head.split(['(', ' ']).next().unwrap_or_default(), body))
}

/// Whether a conjunct of an action says when it may be taken, rather than what it does.
pub(crate) fn is_guard(conjunct: &str) -> bool {
    let does = ["'", "UNCHANGED", "Goto(", "\\E ", "IF "];
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
