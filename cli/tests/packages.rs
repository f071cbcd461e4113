//! What strangers get: the packages that stand alone need no file outside of them.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Those that somebody else's project depends on, each with its folder.
const PACKAGES: [(&str, &str); 3] = [
    ("wakeproof", "."),
    ("wakeproof-asleep", "asleep"),
    ("wakeproof-explore", "explore"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(arguments: &[&str]) -> String {
    let run = |more: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).args(more).current_dir(root());
        cargo.output().expect("cargo runs")
    };
    let mut output = run(&["--offline"]);
    if !output.status.success() {
        // It may have to look at the registry for a dependency of another operating system.
        output = run(&[]);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a package is made of.
fn files(package: &str) -> BTreeSet<PathBuf> {
    let listed = cargo(&["package", "--list", "--allow-dirty", "-p", package]);
    listed.lines().map(PathBuf::from).collect()
}

/// A path without `..`, or none if it leads out of the package.
fn within(path: &Path) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            part => parts.push(part),
        }
    }
    Some(parts.iter().collect())
}

/// What stands between one text and another, each time.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before)
        .skip(1)
        .filter_map(move |rest| Some(rest.split_once(after)?.0))
}

#[test]
fn they_are_packaged_together() {
    let target = tempfile::tempdir().expect("a folder");
    let folder = target.path().to_str().expect("a name");
    let mut arguments = vec!["package", "--no-verify", "--allow-dirty"];
    arguments.extend(["--target-dir", folder]);
    for (package, _) in PACKAGES {
        arguments.extend(["-p", package]);
    }
    cargo(&arguments);
    for (package, _) in PACKAGES {
        let file = format!("package/{package}-{}.crate", env!("CARGO_PKG_VERSION"));
        assert!(target.path().join(&file).is_file(), "{file} is not there");
    }
}

#[test]
fn no_file_of_them_includes_one_from_outside() {
    let mut number = 0;
    for (package, folder) in PACKAGES {
        let files = files(package);
        for file in &files {
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(root().join(folder).join(file)).expect("readable");
            let folder = file.parent().expect("a folder");
            let included = between(&text, "include_str!(\"", "\"").map(|path| folder.join(path));
            // In a file that is not called mod.rs, as those are that name the path of a module here.
            let modules = between(&text, "#[path = \"", "\"").map(|path| folder.join(path));
            for path in included.chain(modules) {
                number += 1;
                let is_there = within(&path).is_some_and(|path| files.contains(&path));
                assert!(
                    is_there,
                    "{package}: {} needs {}",
                    file.display(),
                    path.display()
                );
            }
        }
    }
    assert!(number > 5, "only {number} are included");
}

/// A crate's page is its README: a link there leads into the package, or to the web.
#[test]
fn the_links_of_their_pages_lead_somewhere() {
    for (package, folder) in [PACKAGES[1], PACKAGES[2]] {
        let files = files(package);
        assert!(
            files.contains(Path::new("README.md")),
            "{package} has a README"
        );
        let text = fs::read_to_string(root().join(folder).join("README.md")).expect("readable");
        for link in between(&text, "](", ")") {
            let path = link.split('#').next().expect("a part");
            let is_there = link.starts_with("https://")
                || path.is_empty()
                || within(Path::new(path)).is_some_and(|path| files.contains(&path));
            assert!(is_there, "{package}: {link}");
        }
    }
}
