//! Checks the TLA+ specification in `spec/`, in this process.
//!
//! The modules and models are read from the directory in which they are edited, and not compiled in. So
//! this checks what a reader sees there, and what TLC sees.

pub(crate) mod check;
pub mod mutants;
pub(crate) mod prepare;
pub mod proofs;
pub mod sharp;
pub mod states;
pub mod steps;
pub mod tlc;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

pub use check::{Finding, Model};

/// Models with this in their names take longer, and are checked only by name.
const LARGE: &str = "Large";

/// The result of checking a model, in the words of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Every property holds.
    #[serde(rename = "success")]
    Holds,
    /// A state or a step breaks a property.
    #[serde(rename = "safety failure")]
    Safety,
    /// Something that must happen does not.
    #[serde(rename = "liveness failure")]
    Liveness,
    /// A state that is not a proper end has no successor.
    #[serde(rename = "deadlock failure")]
    Deadlock,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Holds => "holds",
            Outcome::Safety => "safety failure",
            Outcome::Liveness => "liveness failure",
            Outcome::Deadlock => "deadlock",
        })
    }
}

/// The expected result of a model, according to the manifest and to the model itself.
#[derive(Debug, Clone, Serialize)]
pub struct Expected {
    /// Whether it holds, and if not, how it fails.
    pub outcome: Outcome,
    /// The property that fails.
    pub fails: Option<String>,
    /// How many states there are. For a model that fails early, this depends on the checker.
    pub distinct_states: Option<u64>,
    /// How many states TLC generates to find these. tla-checker counts transitions instead, and merges some
    /// that TLC generates twice.
    pub total_states: Option<u64>,
    /// How many states deep the search goes. If it ends in a counterexample, how many states that has.
    pub depth: Option<u64>,
}

impl Expected {
    /// In a few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        in_words(self.outcome, self.fails.as_deref())
    }
}

fn in_words(outcome: Outcome, fails: Option<&str>) -> String {
    match (outcome, fails) {
        (Outcome::Holds, _) | (Outcome::Deadlock, _) | (_, None) => outcome.to_string(),
        (_, Some(property)) => format!("{property} fails"),
    }
}

/// The directory of the specification, with its manifest.
#[derive(Debug)]
pub struct Specification {
    directory: PathBuf,
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Manifest {
    modules: Vec<ManifestModule>,
}

#[derive(Deserialize)]
struct ManifestModule {
    path: PathBuf,
    models: Vec<ManifestModel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestModel {
    path: PathBuf,
    result: Outcome,
    distinct_states: Option<u64>,
    total_states: Option<u64>,
    state_depth: Option<u64>,
    checker: Option<OnlyChecker>,
}

/// The one checker that can check a model, if only one can.
#[derive(Deserialize)]
enum OnlyChecker {
    #[serde(rename = "TLC")]
    Tlc,
}

/// Where the specification was when this program was built.
#[must_use]
pub fn default_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new(""))
        .join("spec")
}

impl Specification {
    /// Reads the manifest of a directory.
    ///
    /// # Errors
    ///
    /// If the manifest or a model is missing or malformed.
    pub fn load(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join("manifest.json");
        let text = read(&path)?;
        let manifest: Manifest =
            serde_json::from_str(&text).with_context(|| format!("{} is broken", path.display()))?;
        let mut models = Vec::new();
        for module in manifest.modules {
            for model in module.models {
                let name = stem(&model.path, &path)?;
                let cfg = read(&directory.join(format!("{name}.cfg")))?;
                let comments: Vec<&str> = cfg
                    .lines()
                    .map_while(|line| line.strip_prefix("\\* "))
                    .collect();
                let fails = comments
                    .first()
                    .and_then(|line| line.strip_prefix("Fails: "));
                let about = comments[usize::from(fails.is_some())..].join(" ");
                models.push(Model {
                    directory: directory.to_path_buf(),
                    module: stem(&module.path, &path)?,
                    is_default: !name.contains(LARGE),
                    is_for_tlc_only: matches!(model.checker, Some(OnlyChecker::Tlc)),
                    about,
                    expected: Expected {
                        outcome: model.result,
                        fails: fails.map(str::to_owned),
                        distinct_states: model.distinct_states,
                        total_states: model.total_states,
                        depth: model.state_depth,
                    },
                    name,
                });
            }
        }
        Ok(Specification {
            directory: directory.to_path_buf(),
            models,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All its models.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The models with these names, or those that take only seconds if there are no names.
    ///
    /// # Errors
    ///
    /// If no model has one of the names.
    pub fn select(&self, names: &[String]) -> anyhow::Result<Vec<&Model>> {
        if names.is_empty() {
            return Ok(self
                .models
                .iter()
                .filter(|model| model.is_default)
                .collect());
        }
        names.iter().map(|name| self.model(name)).collect()
    }

    /// The model with this name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn model(&self, name: &str) -> anyhow::Result<&Model> {
        let found = self.models.iter().find(|model| model.name == name);
        found.with_context(|| {
            let names: Vec<&str> = self.models.iter().map(|model| &*model.name).collect();
            format!(
                "no model is called {name}: the models are {}",
                names.join(", ")
            )
        })
    }
}

/// Checks models, several at a time, and calls `done` after each.
///
/// # Errors
///
/// If one cannot be checked.
pub fn check_all(models: &[&Model], done: impl Fn() + Sync) -> anyhow::Result<Vec<Finding>> {
    in_parallel(models, |model| {
        let finding = model.check();
        done();
        finding
    })
}

/// Calls `work` for each item, on all processors, and returns the results in the order of the items.
///
/// # Errors
///
/// The error of the first item that has one.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(|| {
                while let Some((i, item)) = {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    items.get(i).map(|item| (i, item))
                } {
                    let result = work(item);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((i, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::NotFound {
            ": if the sources have moved, build again or give their place with --spec-dir"
        } else {
            ""
        };
        anyhow::Error::msg(format!("cannot read {}: {error}{hint}", path.display()))
    })
}

fn stem(path: &Path, manifest: &Path) -> anyhow::Result<String> {
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) => Ok(stem.to_owned()),
        None => bail!("{}: {} names no file", manifest.display(), path.display()),
    }
}
