//! Checks the same models with TLC, the official model checker, through `spec/tlc.py`.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::{Finding, Model, Outcome, in_words};

/// The result of TLC for a model.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlcFinding {
    /// The model's name.
    pub model: String,
    /// Whether it holds, and if not, how it fails.
    pub result: Outcome,
    /// The property that fails. For liveness properties, TLC does not say which of several.
    pub violated: Option<String>,
    /// How many states were found.
    pub distinct_states: u64,
    /// How many states were generated to find these.
    pub total_states: u64,
    /// How many states deep the search went. TLC does not say for a model whose liveness fails.
    pub state_depth: Option<u64>,
    /// How many states the counterexample has.
    pub trace_length: Option<u64>,
    /// How long it took, including the start of the virtual machine.
    pub seconds: f64,
    /// How this differs from the manifest.
    pub differences: Vec<String>,
}

#[derive(Deserialize)]
struct TlcReport {
    models: Vec<TlcFinding>,
}

impl TlcFinding {
    /// In a few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        in_words(self.result, self.violated.as_deref())
    }

    /// How TLC and tla-checker disagree. Not everything can be compared: once a model has failed, they may
    /// have found different numbers of states and different infinite behaviours. But both search breadth
    /// first, so counterexamples to safety have the same length.
    #[must_use]
    pub fn disagreements(&self, other: &Finding) -> Vec<String> {
        let mut all = Vec::new();
        let mut compare = |what: &str, tlc: String, other: String| {
            if tlc != other {
                all.push(format!("TLC: {tlc}{what}; tla-checker: {other}{what}"));
            }
        };
        compare("", self.result.to_string(), other.outcome.to_string());
        if let (Some(violated), Some(fails)) = (&self.violated, &other.fails) {
            compare(" fails", violated.clone(), fails.clone());
        }
        if matches!(self.result, Outcome::Holds | Outcome::Liveness) {
            let (tlc, other) = (self.distinct_states, other.distinct_states);
            compare(" distinct states", tlc.to_string(), other.to_string());
        }
        if let Some(depth) = self.state_depth {
            compare(" states deep", depth.to_string(), other.depth.to_string());
        }
        all
    }
}

/// Checks models with TLC, which is fetched into the folder `downloads` once. Models that fail are findings, not
/// errors.
///
/// # Errors
///
/// If Python, Java, or the network to fetch TLC is missing, or TLC cannot understand a model.
pub fn check(
    directory: &Path,
    downloads: &Path,
    models: &[&Model],
) -> anyhow::Result<Vec<TlcFinding>> {
    let script = directory.join("tlc.py");
    let mut command = Command::new("python3");
    command.arg(&script).args(["--format", "json"]);
    command.arg("--target").arg(downloads);
    // However this process ends, the other end of this pipe is closed then, and TLC is ended.
    command.arg("--while-stdin-is-open").stdin(Stdio::piped());
    for model in models {
        command.args(["--model", &model.name]);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("--tlc needs Python 3, but there is no `python3` on the PATH: install it")
        }
        Err(error) => return Err(error).context("cannot run python3"),
    };
    let open = child.stdin.take();
    let output = child.wait_with_output().context("cannot run python3")?;
    drop(open);
    if !matches!(output.status.code(), Some(0 | 1)) {
        let message = String::from_utf8_lossy(&output.stderr);
        match message.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => bail!("{}", line.trim_start_matches("tlc: ")),
            None => bail!("{} ended with {}", script.display(), output.status),
        }
    }
    let report: TlcReport = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{} printed no report", script.display()))?;
    if report.models.len() != models.len() {
        bail!("{} did not check every model", script.display());
    }
    Ok(report.models)
}
