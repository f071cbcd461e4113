//! Whether the proofs are sharp: with a condition left out of a module, some proof must fail.
//!
//! The mutants are those that the models are tried with, in [`mutants`]. To try one takes tlapm, and
//! minutes, so it is done once and recorded in `proofs/mutants.json`: for each mutant, the first proof that fails. A
//! prover that finds no proof says little by itself. So it is recorded, too, which model notices the mutant.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::mutants;
use super::proofs::Proofs;
use super::{Specification, mutants::Mutant};
use crate::files;

/// The file's name, in the directory of the proofs.
const FILE: &str = "mutants.json";

/// What to do about a mutant that was not tried.
const RUN: &str = "run `wakeproof spec --proofs --mutants";

/// What `mutants.json` holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpness {
    /// The modules whose mutants were tried, by their names.
    pub modules: BTreeMap<String, OfModule>,
}

/// The mutants of one module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfModule {
    /// The version of tlapm.
    pub tlapm: String,
    /// The day on which the last of them was tried, in UTC.
    pub date: String,
    /// The SHA-256, without comments, of the module and of each proof that notices a mutant.
    pub texts: BTreeMap<String, String>,
    /// The mutants.
    pub mutants: Vec<Tried>,
}

/// What has become of one mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// The definition that contains the condition.
    pub definition: String,
    /// The condition.
    pub without: String,
    /// The first proof that fails, if one does.
    pub proof: Option<Failure>,
    /// The first model that notices, and how, if one does.
    pub model: Option<String>,
}

/// A proof that a mutant breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The module with the proof.
    pub module: String,
    /// What tlapm says.
    pub says: String,
}

impl Tried {
    /// Whether this is what became of a mutant.
    #[must_use]
    pub fn is_of(&self, mutant: &Mutant) -> bool {
        self.definition == mutant.definition && self.without == mutant.without
    }
}

impl Sharpness {
    /// Reads the record.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is broken.
    pub fn load(proofs: &Proofs) -> anyhow::Result<Self> {
        files::read_record(&proofs.directory().join(FILE), &format!("{RUN}`"))
    }

    /// Writes the record, as a whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written. Then the old one is still there.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        files::write_record(&directory.join(FILE), self)
    }

    /// Why the record does not hold for the modules as they are now, a line each; none if it does.
    ///
    /// # Errors
    ///
    /// If a module cannot be read.
    pub fn problems(
        &self,
        proofs: &Proofs,
        specification: &Specification,
    ) -> anyhow::Result<Vec<String>> {
        let mutants = mutants::make(specification)?;
        let mut problems = Vec::new();
        for (module, of) in &self.modules {
            let again = format!("{RUN} --of {module}`");
            if of.texts != texts(proofs, module, &of.mutants) {
                problems.push(format!(
                    "{module}.tla, or a proof that builds on it, has changed since its mutants were tried: {again}"
                ));
                continue;
            }
            for mutant in mutants.iter().filter(|mutant| mutant.module == *module) {
                if !of.mutants.iter().any(|tried| tried.is_of(mutant)) {
                    problems.push(format!(
                        "{module}.tla without {} in {} was never tried: {again}",
                        mutant.without, mutant.definition
                    ));
                }
            }
        }
        Ok(problems)
    }
}

/// The proofs that build on a module, those first that build on little else.
#[must_use]
pub fn that_build_on<'a>(proofs: &'a Proofs, module: &str) -> Vec<&'a str> {
    let mut modules = proofs.modules();
    modules.retain(|proof| proofs.texts(proof).contains_key(module));
    modules.sort_by_key(|proof| proofs.texts(proof).len());
    modules
}

/// The SHA-256, without comments, of what is known of a module's mutants: the module itself, and each proof that
/// notices one. If none notices one of them, every proof that builds on the module was asked.
#[must_use]
pub fn texts(proofs: &Proofs, module: &str, tried: &[Tried]) -> BTreeMap<String, String> {
    let asked_all = tried.iter().any(|tried| tried.proof.is_none());
    let notices = |proof: &str| {
        let mut failures = tried.iter().flat_map(|tried| &tried.proof);
        failures.any(|failure| failure.module == proof)
    };
    let mut texts = BTreeMap::new();
    for proof in that_build_on(proofs, module) {
        let of_proof = proofs.texts(proof).into_iter();
        let counts = asked_all || notices(proof);
        texts.extend(of_proof.filter(|(text, _)| text == module || counts && text == proof));
    }
    texts
}
