//! `wakeproof spec --proofs --mutants`: tries whether each condition that is left out breaks a proof.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use wakeproof_conform::spec::Specification;
use wakeproof_conform::spec::mutants::{self, Fate, Mutant};
use wakeproof_conform::spec::proofs::Proofs;
use wakeproof_conform::spec::sharp::{Failure, OfModule, Sharpness, Tried, texts, that_build_on};

use super::proofs::{copy_modules, judged, output, today, version};
use crate::interrupt;
use crate::report::{self, Verdict};

/// Multiplies the provers' time limits. Here most time goes into obligations that have no proof.
const STRETCH: &str = "4";

/// Tries the mutants of some modules, or of all on which proofs build, and records each as it is done. One that was
/// tried before, with the same texts, is not tried again.
pub(crate) fn run(directory: &Path, of: &[String]) -> anyhow::Result<Verdict> {
    let proofs = Proofs::load(directory)?;
    let tlapm = version()?;
    let specification = Specification::load(directory)?;
    let mut mutants = mutants::make(&specification)?;
    mutants.retain(|mutant| !that_build_on(&proofs, &mutant.module).is_empty());
    for module in of {
        if !mutants.iter().any(|mutant| mutant.module == *module) {
            bail!("{module}.tla has no mutants that a proof could notice");
        }
    }
    mutants.retain(|mutant| of.is_empty() || of.contains(&mutant.module));
    let mut record = Sharpness::load(&proofs)?;
    // Unless the user keeps one, what the mutants leave alone is proved once for all of them.
    let own_cache = tempfile::tempdir().context("cannot make a folder for what is proved")?;
    let kept = env::var_os("TLAPM_CACHE_DIR").map(PathBuf::from);
    let cache = kept.unwrap_or_else(|| own_cache.path().to_owned());
    let all = mutants.len();
    let mut noticed = 0;
    let mut stand = Vec::new();
    let style = ProgressStyle::with_template("{msg} {pos}/{len}")?;
    let progress = ProgressBar::new(all as u64).with_style(style);
    progress.set_message("trying mutants");
    for mutant in mutants {
        let tried = record.modules.get(&mutant.module);
        let tried = tried.filter(|of| {
            of.texts == texts(&proofs, &mutant.module, &of.mutants) && of.tlapm == tlapm
        });
        let is_fresh = tried.is_some();
        let known = tried.and_then(|of| of.mutants.iter().find(|tried| tried.is_of(&mutant)));
        let tried = match known {
            Some(known) => known.clone(),
            None => {
                let proof = first_failure(directory, &proofs, &mutant, &cache)?;
                if interrupt::flag().load(Ordering::Relaxed) {
                    return Ok(Verdict::Interrupted);
                }
                let module = mutant.module.clone();
                let tried = Tried {
                    definition: mutant.definition.clone(),
                    without: mutant.without.clone(),
                    proof,
                    model: noticed_by_a_model(&specification, mutant)?,
                };
                // What was tried with other texts says nothing any more.
                let others = record.modules.remove(&module).filter(|_| is_fresh);
                let mut others = others.map(|of| of.mutants).unwrap_or_default();
                others.push(tried.clone());
                let of = OfModule {
                    tlapm: tlapm.clone(),
                    date: today(),
                    texts: texts(&proofs, &module, &others),
                    mutants: others,
                };
                record.modules.insert(module, of);
                record.write(proofs.directory())?;
                interrupt::leaves("mutants.json has the mutants that were tried before");
                tried
            }
        };
        match tried.proof {
            Some(_) => noticed += 1,
            None => stand.push(tried),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let mut out = report::out();
    for tried in &stand {
        let model = tried
            .model
            .as_deref()
            .unwrap_or("no model notices it either");
        writeln!(
            out,
            "no proof notices that {} is without {}: {model}",
            tried.definition, tried.without
        )?;
    }
    writeln!(out, "{noticed} of {all} mutants break a proof.")?;
    Ok(Verdict::AsExpected)
}

/// The first proof that fails with a mutant in the place of its module, if one does.
fn first_failure(
    directory: &Path,
    proofs: &Proofs,
    mutant: &Mutant,
    cache: &Path,
) -> anyhow::Result<Option<Failure>> {
    let copy = tempfile::tempdir().context("cannot make a folder for a copy")?;
    copy_modules(directory, copy.path())?;
    copy_modules(proofs.directory(), &copy.path().join("proofs"))?;
    let path = copy.path().join(format!("{}.tla", mutant.module));
    fs::write(&path, mutant.text()).with_context(|| format!("cannot write {}", path.display()))?;
    for module in that_build_on(proofs, &mutant.module) {
        let mut command = Command::new("tlapm");
        command
            .args(["--strict", "--stretch", STRETCH, "-I", ".."])
            .arg(format!("{module}.tla"))
            .env("TLAPM_CACHE_DIR", cache)
            .current_dir(copy.path().join("proofs"));
        let output = output(command)?;
        if interrupt::flag().load(Ordering::Relaxed) {
            return Ok(None);
        }
        if let Err(says) = judged(&output) {
            return Ok(Some(Failure {
                module: module.to_owned(),
                says,
            }));
        }
    }
    Ok(None)
}

/// Which model notices a mutant, and how, if one does.
fn noticed_by_a_model(
    specification: &Specification,
    mutant: Mutant,
) -> anyhow::Result<Option<String>> {
    let mut checked = mutants::check_all(specification, vec![mutant], || ())?;
    Ok(checked.pop().and_then(|mutant| match mutant.fate {
        Fate::Caught { model, how } => Some(format!("{model}: {how}")),
        Fate::Stands => None,
    }))
}
