//! Lists the files of the specification, and the sources of which counterexamples show lines: the command carries them
//! with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is needed of `spec/`: modules, models, the manifest, the record of the proofs, and the script that runs TLC.
const NEEDED: [&str; 4] = ["tla", "cfg", "json", "py"];

/// Where the steps of counterexamples are.
const SOURCES: [&str; 8] = [
    "src",
    "faults/src",
    "model-tests/src",
    "model-tests/src/asyncio",
    "model-tests/src/faults",
    "model-tests/src/models",
    "in-the-wild/src",
    "explore/src/platform",
];

fn main() -> io::Result<()> {
    let cli = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = cli.join("..").canonicalize()?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let specification = list(&root.join("spec"), &["", "proofs"], &NEEDED)?;
    fs::write(out.join("specification.rs"), specification)?;
    let sources = list(&root, &SOURCES, &["rs"])?;
    fs::write(out.join("sources.rs"), sources)
}

/// A list in Rust of the files in some folders, each with its path and its text.
fn list(root: &Path, folders: &[&str], needed: &[&str]) -> io::Result<String> {
    let mut list = String::from("&[\n");
    for folder in folders {
        for path in files(&root.join(folder), needed)? {
            let inside = path.strip_prefix(root).map_err(io::Error::other)?;
            let inside = inside.to_string_lossy().replace('\\', "/");
            writeln!(list, "    ({inside:?}, include_str!({path:?})),")
                .map_err(io::Error::other)?;
        }
    }
    list.push_str("]\n");
    Ok(list)
}

/// The files of a folder that are needed, in the order of their names. Makes cargo look for new ones.
fn files(folder: &Path, needed: &[&str]) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_file() && extension.is_some_and(|extension| needed.contains(&extension)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
