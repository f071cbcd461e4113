//! `wakeproof spec --proofs`: has tlapm check the proofs, and records what it has accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use wakeproof_asleep::harmless;
use wakeproof_conform::spec::proofs::{Checked, Proofs};

use crate::report::{self, Verdict};
use crate::{group, interrupt};

/// Multiplies the provers' time limits: a busy machine makes them no less right.
const STRETCH: &str = "10";

/// The oldest version whose answers are understood here.
const OLDEST: (u32, u32) = (1, 6);

pub(crate) fn run(
    specification: &Path,
    of: &[String],
    only_changed: bool,
) -> anyhow::Result<Verdict> {
    let proofs = Proofs::load(specification)?;
    let known = proofs.modules();
    if let Some(unknown) = of.iter().find(|module| !known.contains(&&***module)) {
        bail!(
            "{} has no module {unknown}.tla",
            proofs.directory().display()
        );
    }
    let tlapm = version()?;
    let provers = provers()?;
    let mut record = proofs.record().clone();
    let mut modules = proofs.modules();
    record
        .modules
        .retain(|module, _| modules.contains(&&**module));
    let others = record.modules.values().map(|checked| &checked.tlapm);
    let others: BTreeSet<&String> = others.filter(|other| **other != tlapm).collect();
    for other in others {
        let mut errors = anstream::stderr();
        writeln!(
            errors,
            "wakeproof: checked.json has proofs by tlapm {}; this is tlapm {tlapm}",
            harmless(other)
        )?;
    }
    modules.retain(|module| of.is_empty() || of.iter().any(|asked| asked == module));
    if only_changed {
        modules.retain(|module| !proofs.is_unchanged(module));
        if modules.is_empty() {
            writeln!(
                report::out(),
                "No module has changed since its proofs were checked."
            )?;
        }
    }
    let style = ProgressStyle::with_template("{msg} {pos}/{len}")?;
    let progress = ProgressBar::new(modules.len() as u64).with_style(style);
    let mut refused = Vec::new();
    for module in &modules {
        progress.set_message(format!("proving {module}"));
        // What is proved and what is recorded are the same texts, also if somebody edits them meanwhile.
        let copy = tempfile::tempdir().context("cannot make a folder for a copy")?;
        copy_modules(specification, copy.path())?;
        copy_modules(proofs.directory(), &copy.path().join("proofs"))?;
        let texts = Proofs::load(copy.path())?.texts(module);
        let arguments = [
            "--strict",
            "--stretch",
            STRETCH,
            "-I",
            "..",
            &format!("{module}.tla"),
        ]
        .map(str::to_owned);
        let mut command = Command::new("tlapm");
        command
            .args(&arguments)
            .current_dir(copy.path().join("proofs"));
        let started = Instant::now();
        let output = output(command)?;
        if interrupt::flag().load(Ordering::Relaxed) {
            return Ok(Verdict::Interrupted);
        }
        match judged(&output) {
            Ok(obligations) => {
                let checked = Checked {
                    command: format!("tlapm {}", arguments.join(" ")),
                    tlapm: tlapm.clone(),
                    provers: provers.clone(),
                    obligations,
                    seconds: started.elapsed().as_secs_f64().round(),
                    date: today(),
                    texts,
                };
                // Others may have been proved by another run meanwhile.
                record
                    .modules
                    .extend(Proofs::load(specification)?.record().clone().modules);
                record
                    .modules
                    .retain(|module, _| known.contains(&&**module));
                record.modules.insert((*module).to_owned(), checked);
                record.write(proofs.directory())?;
                interrupt::leaves("checked.json has the modules that were proved before");
            }
            Err(why) => refused.push(format!("{module}.tla: not proved: {why}")),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let mut out = report::out();
    for line in &refused {
        writeln!(out, "{line}")?;
    }
    if !modules.is_empty() {
        let proved = modules.len() - refused.len();
        let asked = modules.len();
        writeln!(out, "{proved} of {asked} modules proved by tlapm {tlapm}.")?;
    }
    if !refused.is_empty() {
        return Ok(Verdict::NotAsExpected);
    }
    // A module may assume what it should prove, or somebody has edited one meanwhile.
    let mut problems = Proofs::load(specification)?.problems();
    problems.retain(|problem| {
        let concerns = |module: &String| problem.starts_with(&format!("{module}.tla"));
        of.is_empty() || of.iter().any(concerns)
    });
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    Ok(problems.is_empty().into())
}

pub(super) fn copy_modules(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copy = || -> io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let path = entry?.path();
            if let (Some("tla"), Some(name)) = (
                path.extension().and_then(|extension| extension.to_str()),
                path.file_name(),
            ) {
                fs::copy(&path, to.join(name))?;
            }
        }
        Ok(())
    };
    copy().with_context(|| format!("cannot copy {}", from.display()))
}

/// How many obligations tlapm has proved, or why it has not proved all.
pub(super) fn judged(output: &Output) -> Result<u64, String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let proved = said.lines().find_map(|line| {
        let rest = line.strip_prefix("[INFO]: All ")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    });
    match proved {
        Some(obligations) if output.status.success() && obligations > 0 => Ok(obligations),
        _ => Err(harmless(&why_not(&said))),
    }
}

/// What tlapm says against a module, in one line.
fn why_not(said: &str) -> String {
    // Where something is wrong stands in the line before it.
    let place = |what: &str| {
        let lines = said.lines().zip(said.lines().skip(1));
        let mut lines = lines.filter(|(_, next)| next.starts_with(what));
        let (place, next) = lines.find(|(place, _)| place.starts_with("File "))?;
        let at = place
            .find("line ")
            .map(|at| place[at..].trim_end_matches(':'));
        Some((at?.to_owned(), next.to_owned()))
    };
    let count = said.lines().rfind(|line| line.contains(" failed."));
    if let Some((count, (at, _))) = count.zip(place("[ERROR]: Could not prove")) {
        let count = count.trim_start_matches("[ERROR]: ").trim_end_matches('.');
        return format!("{count}, the first at {at}");
    }
    if said.contains("Could not parse")
        && let Some((at, what)) = place("")
    {
        return format!("it does not parse: {at}: {what}");
    }
    let told = said.lines().rfind(|line| line.contains("rror"));
    let line = told.or(said.lines().last());
    line.unwrap_or("tlapm says nothing").to_owned()
}

pub(super) fn version() -> anyhow::Result<String> {
    let mut command = Command::new("tlapm");
    command.arg("--version");
    match output(command) {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            let version = harmless(said.trim());
            if numbers(&version).is_none_or(|numbers| numbers < OLDEST) {
                bail!("this tlapm calls itself {version:?}: get tlapm 1.6 or newer");
            }
            Ok(version)
        }
        Ok(output) => bail!(
            "`tlapm --version` ended with {}: get tlapm 1.6 or newer",
            output.status
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "--proofs needs tlapm, the TLA+ proof manager, on the PATH: get it from https://proofs.tlapl.us"
        ),
        Err(error) => Err(error).context("cannot run tlapm"),
    }
}

/// The first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The versions of the provers, as tlapm tells them.
fn provers() -> anyhow::Result<BTreeMap<String, String>> {
    let mut command = Command::new("tlapm");
    command.arg("--config");
    let output = output(command).context("cannot run tlapm")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let versions = told.lines().filter_map(|line| {
        let (prover, version) = line.split_once(" version == \"")?;
        let version = version.trim_end_matches('"');
        Some((harmless(prover), harmless(version)))
    });
    Ok(versions.collect())
}

/// Runs a command to its end. Ctrl-C kills it, with the provers that it has started.
pub(super) fn output(mut command: Command) -> io::Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    group::output(&mut command, interrupt::flag())
}

pub(super) fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}
