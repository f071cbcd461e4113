//! Lists the files of the specification, which the command carries with it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is needed of `spec/`: modules, models, the manifest, the record of the proofs, and the script that runs TLC.
const NEEDED: [&str; 4] = ["tla", "cfg", "json", "py"];

fn main() -> io::Result<()> {
    let cli = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let spec = cli.join("../spec").canonicalize()?;
    let mut list = String::from("&[\n");
    for folder in ["", "proofs"] {
        for path in files(&spec.join(folder))? {
            let inside = path.strip_prefix(&spec).map_err(io::Error::other)?;
            let inside = inside.to_string_lossy().replace('\\', "/");
            writeln!(list, "    ({inside:?}, include_str!({path:?})),")
                .map_err(io::Error::other)?;
        }
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("specification.rs"), list)
}

/// The files of a folder that are needed, in the order of their names. Makes cargo look for new ones.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_file() && extension.is_some_and(|extension| NEEDED.contains(&extension)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
