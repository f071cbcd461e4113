//! The TLA+ specification, which is compiled into the command. So the command works when it is copied elsewhere.
//!
//! tla-checker and TLC read modules from files. The first command that needs the specification therefore writes
//! it to a folder of its own, which is gone when the command ends.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::Context;
use tempfile::TempDir;
use wakeproof_conform::judge::Judge;
use wakeproof_conform::spec::default_directory;

/// Each file's path inside `spec/`, and its text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/specification.rs"));

/// The option of every command that reads the specification.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SpecDir {
    /// Read the specification from this folder, and not from inside the command.
    #[arg(long, value_name = "DIR")]
    spec_dir: Option<PathBuf>,
}

/// What this run reads.
static CHOSEN: OnceLock<PathBuf> = OnceLock::new();
/// What has been written for this run.
static UNPACKED: Mutex<Option<TempDir>> = Mutex::new(None);

impl SpecDir {
    /// From now on, this run reads the specification that was asked for.
    pub(crate) fn choose(&self) {
        if let Some(folder) = &self.spec_dir {
            // A run has one command, so nothing has been chosen before.
            let _ = CHOSEN.set(folder.clone());
        }
    }

    /// Where a proof that was checked again is recorded: a copy inside the command would be lost.
    ///
    /// # Errors
    ///
    /// If no folder was asked for and the sources are not where they were when the command was built.
    pub(crate) fn to_write(&self) -> anyhow::Result<PathBuf> {
        let folder = self.spec_dir.clone().unwrap_or_else(default_directory);
        anyhow::ensure!(
            folder.join("manifest.json").is_file(),
            "{} is not the specification's folder: give its place with --spec-dir",
            folder.display()
        );
        Ok(folder)
    }
}

/// Where this run finds the specification.
///
/// # Errors
///
/// If it cannot be written to a temporary folder.
pub(crate) fn directory() -> anyhow::Result<PathBuf> {
    if let Some(folder) = CHOSEN.get() {
        return Ok(folder.clone());
    }
    let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = &*unpacked {
        return Ok(folder.path().to_path_buf());
    }
    let folder = unpack().with_context(|| {
        format!(
            "cannot write the specification to {}: make room there, set TMPDIR, or use --spec-dir",
            env::temp_dir().display()
        )
    })?;
    let path = folder.path().to_path_buf();
    *unpacked = Some(folder);
    Ok(path)
}

fn unpack() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("wakeproof-").tempdir()?;
    for (file, text) in FILES {
        let path = folder.path().join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(folder)
}

/// Removes what was written. Every way out of the command comes through here.
pub(crate) fn clean_up() {
    // Whoever holds the lock at Ctrl-C is still writing, and a part of it would stay.
    drop(
        UNPACKED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(),
    );
}

/// A judge that holds recordings against the contract of this run's specification.
pub(crate) fn judge() -> Judge {
    match CHOSEN.get() {
        Some(folder) => Judge::new().in_folder(folder),
        None => Judge::new(),
    }
}

/// A judge that also knows the modules of designs.
///
/// # Errors
///
/// If the specification cannot be written to a temporary folder.
pub(crate) fn judge_of_designs() -> anyhow::Result<Judge> {
    Ok(Judge::new().in_folder(&directory()?))
}

/// Where TLC is kept once it is fetched: beside the sources, or, without them, where the user's caches are.
pub(crate) fn downloads() -> PathBuf {
    let sources = default_directory();
    match sources.parent() {
        Some(root) if sources.is_dir() => root.join("target"),
        _ => cache(env::var_os("XDG_CACHE_HOME").as_deref(), env::home_dir()),
    }
}

fn cache(named: Option<&OsStr>, home: Option<PathBuf>) -> PathBuf {
    let folder = match (named.map(Path::new), home) {
        (Some(named), _) if named.is_absolute() => named.to_path_buf(),
        (_, Some(home)) => home.join(".cache"),
        (_, None) => env::temp_dir(),
    };
    folder.join("wakeproof")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_carries_what_is_in_the_sources() {
        let folder = unpack().expect("it can be written");
        for (file, text) in FILES {
            let read = |folder: &Path| fs::read_to_string(folder.join(file)).expect(file);
            assert_eq!(read(folder.path()), *text);
            assert_eq!(read(&default_directory()), *text);
        }
        let has = |name: &str| FILES.iter().any(|(file, _)| *file == name);
        for name in [
            "manifest.json",
            "tlc.py",
            "LostWakeup.tla",
            "LostWakeup.cfg",
        ] {
            assert!(has(name), "{name}");
        }
        assert!(has("proofs/checked.json") && has("proofs/CondvarLoopSafety.tla"));
    }

    #[test]
    fn tlc_is_kept_in_the_users_cache() {
        let home = || Some(PathBuf::from("/home/somebody"));
        let of = |named: Option<&str>| cache(named.map(OsStr::new), home());
        assert_eq!(of(None), Path::new("/home/somebody/.cache/wakeproof"));
        assert_eq!(of(Some("/var/c")), Path::new("/var/c/wakeproof"));
        assert_eq!(of(Some("relative")), of(None));
    }
}
