//! Tests the comparison with wrong specifications: compares the correct code with `CondvarLoop` without one
//! of its guards or updates.
//!
//! If a wrong specification allows less than the code does, it refuses an execution. If it allows more, it
//! has states or transitions that no execution shows.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use crate::action::Action;
use crate::comparison::{
    Checker, Execution, Explorer, MOST_STATES, TooManyStates, compare_and_keep,
};
use crate::models::Model;
use crate::relation::Source;
use crate::spec::mutants::{conjuncts, is_guard};
use crate::spec::{Specification, in_parallel, read};
use wakeproof_explore::Limits;
use wakeproof_model_tests::models::CorrectSteps;

/// The specification without one guard or update.
#[derive(Debug, Clone, Serialize)]
pub struct Mutant {
    /// The action.
    pub action: String,
    /// The guard or update that is missing.
    pub without: String,
    /// Which of the two it is.
    pub kind: Kind,
    /// The result for it.
    pub fate: Fate,
    #[serde(skip)]
    text: String,
}

/// What a mutant lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A condition.
    Guard,
    /// A change.
    Update,
}

/// The result for a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It refuses an execution.
    Refused {
        /// In which model.
        model: &'static str,
    },
    /// It has states or transitions that no execution shows.
    NotCovered {
        /// In which model.
        model: &'static str,
        /// How many.
        how: String,
    },
    /// It cannot be evaluated any more.
    Senseless {
        /// Why.
        why: String,
    },
    /// It allows the same executions. The mistake is in a variable that tracks the contract, and the
    /// specification breaks the contract.
    BreaksTheContract {
        /// The property that fails.
        property: String,
    },
    /// Nothing distinguishes it from the correct specification.
    Stands,
}

/// Leaves out each guard and each update of each action, one at a time.
///
/// # Errors
///
/// If the module cannot be read.
pub fn make(source: &Source) -> anyhow::Result<Vec<Mutant>> {
    let text = read(&source.path())?;
    let lines: Vec<&str> = text.lines().collect();
    let mut mutants = Vec::new();
    for conjunct in conjuncts(&lines) {
        let is_action = Action::ALL
            .iter()
            .any(|action| action.to_string() == conjunct.definition);
        let is_look = conjunct.definition == "NothingToDo";
        if !is_action && !is_look {
            continue;
        }
        let whole = conjunct.whole(&lines);
        let (kind, instead) = match update(&whole) {
            _ if is_look => (Kind::Guard, "TRUE".to_owned()),
            Some(nothing_changes) => (Kind::Update, nothing_changes),
            None if is_guard(conjunct.text) => (Kind::Guard, "TRUE".to_owned()),
            None => continue,
        };
        let without = whole.split("\\*").next().unwrap_or_default().trim();
        mutants.push(Mutant {
            action: conjunct.definition.to_owned(),
            without: without.to_owned(),
            kind,
            fate: Fate::Stands,
            text: conjunct.replaced_by(&lines, &instead),
        });
    }
    anyhow::ensure!(
        Action::ALL.iter().all(|action| {
            let action = action.to_string();
            mutants.iter().any(|mutant| mutant.action == action)
        }),
        "{}: an action has no guard and no update on a line of its own",
        source.path().display()
    );
    Ok(mutants)
}

/// For a conjunct that updates a variable, one that leaves the variable unchanged.
fn update(conjunct: &str) -> Option<String> {
    if conjunct.starts_with("Goto(") {
        return Some("UNCHANGED pc".into());
    }
    let (variable, _) = conjunct.split_once("' = ")?;
    let is_name = variable.chars().all(char::is_alphanumeric);
    is_name.then(|| format!("{variable}' = {variable}"))
}

/// Each different execution of the code in a model.
#[derive(Debug)]
pub struct Executions {
    model: Model,
    executions: HashSet<Execution>,
}

/// Explores the code in each model.
///
/// # Errors
///
/// If the specification cannot be read or evaluated, or refuses the correct code.
pub fn explore(
    folder: &Path,
    models: &[Model],
    limits: &Limits,
) -> anyhow::Result<Vec<Executions>> {
    let source = Source::correct(folder);
    in_parallel(models, |&model| {
        let (compared, executions) = compare_and_keep::<CorrectSteps>(
            None,
            &source,
            &model.programs(),
            Explorer::ShuttleDepthFirst,
            limits,
            true,
        )?;
        anyhow::ensure!(
            compared.refused.is_none(),
            "the specification refuses the correct code in model {}",
            model.name
        );
        Ok(Executions { model, executions })
    })
}

/// Compares the executions with each mutant, until one distinguishes it from the correct specification.
///
/// # Errors
///
/// If the specification cannot be checked.
pub fn try_all(
    folder: &Path,
    mut mutants: Vec<Mutant>,
    explored: &[Executions],
    done: impl Fn() + Sync,
) -> anyhow::Result<Vec<Mutant>> {
    let fates = in_parallel(&mutants, |mutant| {
        let source = Source {
            text: Some(mutant.text.clone()),
            ..Source::correct(folder)
        };
        let fate = match fate(&source, explored) {
            Fate::Stands => contract(folder, &mutant.text)?,
            fate => fate,
        };
        done();
        Ok(fate)
    })?;
    for (mutant, fate) in mutants.iter_mut().zip(fates) {
        mutant.fate = fate;
    }
    Ok(mutants)
}

fn fate(source: &Source, explored: &[Executions]) -> Fate {
    for Executions { model, executions } in explored {
        let model_name = model.name;
        let mut checker = match Checker::with_coverage(source, &model.bounds) {
            Ok(checker) => checker,
            Err(error) if error.is::<TooManyStates>() => {
                return Fate::NotCovered {
                    model: model_name,
                    how: format!("most of more than {MOST_STATES} states"),
                };
            }
            Err(error) => {
                let why = error.root_cause().to_string();
                return Fate::Senseless { why };
            }
        };
        if executions
            .iter()
            .any(|execution| checker.follow(execution).is_err())
        {
            return Fate::Refused { model: model_name };
        }
        let covered = checker.covered().expect("the checker counts coverage");
        if !covered.is_everything() {
            let how = format!(
                "{} of {} states and {} of {} transitions",
                covered.of_states - covered.states,
                covered.of_states,
                covered.of_transitions - covered.transitions,
                covered.of_transitions
            );
            return Fate::NotCovered {
                model: model_name,
                how,
            };
        }
    }
    Fate::Stands
}

/// Checks the mutant itself, with the model of `CondvarLoop`.
fn contract(folder: &Path, text: &str) -> anyhow::Result<Fate> {
    let specification = Specification::load(folder)?;
    let model = &specification.select(&["CondvarLoop".to_owned()])?[0];
    let finding = model.check_text(text)?;
    Ok(match finding.fails {
        Some(property) => Fate::BreaksTheContract { property },
        None => Fate::Stands,
    })
}
