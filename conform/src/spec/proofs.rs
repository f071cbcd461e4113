//! The proofs in `spec/proofs/`, and the record of when they were checked.
//!
//! tlapm, which checks them, is in no package registry, so few people have it. The record
//! `checked.json` says which texts it has accepted, by their SHA-256 without comments. A proof whose
//! texts have changed since counts as not proved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::read;
use crate::files;

/// What to do about a proof that is not as it was.
const RUN: &str = "run `wakeproof spec --proofs`";

/// The modules with proofs, and the record.
#[derive(Debug)]
pub struct Proofs {
    directory: PathBuf,
    /// The modules with proofs and those that they depend on, without comments.
    texts: BTreeMap<String, Text>,
    modules: BTreeSet<String>,
    record: Record,
}

/// A module, read once.
#[derive(Debug)]
struct Text {
    /// Without comments.
    text: String,
    sha256: String,
    /// The modules that it extends or has instances of.
    needs: Vec<String>,
}

/// What `checked.json` holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// When each module was checked, by its name.
    pub modules: BTreeMap<String, Checked>,
}

/// What tlapm has accepted of one module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// The command.
    pub command: String,
    /// The version of tlapm.
    pub tlapm: String,
    /// The versions of the provers that it calls.
    pub provers: BTreeMap<String, String>,
    /// How many obligations were proved: all.
    pub obligations: u64,
    /// How long that took.
    pub seconds: f64,
    /// The day, in UTC.
    pub date: String,
    /// The SHA-256, without comments, of each module that the proof depends on.
    pub texts: BTreeMap<String, String>,
}

impl Proofs {
    /// Reads the proofs and the record of a specification.
    ///
    /// # Errors
    ///
    /// If a module cannot be read, or the record is broken.
    pub fn load(specification: &Path) -> anyhow::Result<Self> {
        let directory = specification.join("proofs");
        let modules = modules_in(&directory)?;
        let mut proofs = Proofs {
            record: Record::load(&directory)?,
            texts: BTreeMap::new(),
            modules,
            directory,
        };
        let mut missing: Vec<String> = proofs.modules.iter().cloned().collect();
        while let Some(module) = missing.pop() {
            if proofs.texts.contains_key(&module) {
                continue;
            }
            let file = format!("{module}.tla");
            let path = [&proofs.directory, specification]
                .map(|directory| directory.join(&file))
                .into_iter()
                .find(|path| path.is_file());
            // What is in neither directory comes with the checkers.
            if let Some(path) = path {
                let text = without_comments(&read(&path)?);
                let needs = depends_on(&text);
                missing.extend(needs.iter().cloned());
                let sha256 = sha256(&text);
                let text = Text {
                    text,
                    sha256,
                    needs,
                };
                proofs.texts.insert(module, text);
            }
        }
        Ok(proofs)
    }

    /// Where they are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The modules with proofs, each after those that it depends on.
    #[must_use]
    pub fn modules(&self) -> Vec<&str> {
        let mut ordered: Vec<&str> = Vec::new();
        for module in &self.modules {
            let mut needed: Vec<&str> = self
                .needed(module)
                .into_iter()
                .filter(|needed| self.modules.contains(*needed))
                .collect();
            needed.sort_by_cached_key(|needed| self.needed(needed).len());
            for needed in needed {
                if !ordered.contains(&needed) {
                    ordered.push(needed);
                }
            }
        }
        ordered
    }

    /// The SHA-256, without comments, of a module and of each that it depends on.
    #[must_use]
    pub fn texts(&self, module: &str) -> BTreeMap<String, String> {
        let needed = self.needed(module).into_iter();
        needed
            .map(|needed| (needed.to_owned(), self.texts[needed].sha256.clone()))
            .collect()
    }

    /// Whether tlapm has accepted a module and all that it depends on as they are now.
    #[must_use]
    pub fn is_unchanged(&self, module: &str) -> bool {
        let checked = self.record.modules.get(module);
        checked.is_some_and(|checked| checked.texts == self.texts(module))
    }

    /// How many obligations the record has for a module and the proofs that it builds on.
    #[must_use]
    pub fn obligations(&self, module: &str) -> u64 {
        let needed = self.needed(module).into_iter();
        needed
            .filter_map(|needed| self.record.modules.get(needed))
            .map(|checked| checked.obligations)
            .sum()
    }

    /// Why not every theorem counts as proved, a line each; none if all do.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut changed = BTreeSet::new();
        for module in &self.modules {
            problems.extend(open_assumption(module, &self.texts[module].text));
            let Some(checked) = self.record.modules.get(module) else {
                problems.push(format!(
                    "{module}.tla is not in checked.json, so its proofs were never checked: {RUN}"
                ));
                continue;
            };
            let now = self.texts(module);
            for (text, sha256) in &checked.texts {
                match now.get(text) {
                    Some(now) if now == sha256 => {}
                    Some(_) => drop(changed.insert(text.clone())),
                    None => problems.push(format!(
                        "{module}.tla does not depend on {text}.tla any more: {RUN}"
                    )),
                }
            }
            let unknown = now.keys().filter(|text| !checked.texts.contains_key(*text));
            problems.extend(unknown.map(|text| {
                format!(
                    "{module}.tla depends on {text}.tla, and checked.json does not have that: {RUN}"
                )
            }));
        }
        let recorded = self.record.modules.keys();
        problems.extend(
            recorded
                .filter(|module| !self.modules.contains(*module))
                .map(|module| {
                    format!("checked.json has {module}, and there is no {module}.tla: {RUN}")
                }),
        );
        problems.extend(
            changed
                .into_iter()
                .map(|text| format!("{text}.tla has changed since its proofs were checked: {RUN}")),
        );
        problems
    }

    /// A module and those that it depends on.
    fn needed<'a>(&'a self, module: &'a str) -> BTreeSet<&'a str> {
        let mut needed = BTreeSet::new();
        let mut missing = vec![module];
        while let Some(module) = missing.pop() {
            if let Some((module, text)) = self.texts.get_key_value(module)
                && needed.insert(&**module)
            {
                let keys = text
                    .needs
                    .iter()
                    .filter_map(|name| self.texts.get_key_value(name));
                missing.extend(keys.map(|(name, _)| &**name));
            }
        }
        needed
    }
}

impl Record {
    fn load(directory: &Path) -> anyhow::Result<Self> {
        files::read_record(&Record::path(directory), RUN)
    }

    /// Writes the record of the proofs in a directory, as a whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written. Then the old one is still there.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        files::write_record(&Record::path(directory), self)
    }

    fn path(directory: &Path) -> PathBuf {
        directory.join("checked.json")
    }
}

fn modules_in(directory: &Path) -> anyhow::Result<BTreeSet<String>> {
    let cannot = || format!("cannot read {}", directory.display());
    let mut modules = BTreeSet::new();
    for entry in fs::read_dir(directory).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "tla")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            modules.insert(stem.to_owned());
        }
    }
    Ok(modules)
}

/// What a proof may not contain, if this one does: it would be taken for proved without a proof.
fn open_assumption(module: &str, text: &str) -> Option<String> {
    if words(text).any(|word| word == "OMITTED") {
        return Some(format!(
            "{module}.tla contains OMITTED: prove it, or leave the theorem out"
        ));
    }
    let assumed = text.lines().find(|line| {
        let declares = ["AXIOM", "ASSUME", "ASSUMPTION"];
        words(line)
            .next()
            .is_some_and(|word| declares.contains(&word))
            && !line.starts_with(' ')
    })?;
    Some(format!(
        "{module}.tla assumes something of its own ({assumed}): prove it, or let the specification assume it"
    ))
}

/// The modules that a text extends or has instances of.
fn depends_on(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['E', 'I']) {
        let after = &rest[at..];
        let begins_a_word = !rest[..at].ends_with(is_of_a_word);
        let (keyword, more) =
            after.split_at(after.find(|c| !is_of_a_word(c)).unwrap_or(after.len()));
        if begins_a_word && matches!(keyword, "EXTENDS" | "INSTANCE") {
            let mut list = more;
            loop {
                let name = list.trim_start();
                let end = name.find(|c| !is_of_a_word(c)).unwrap_or(name.len());
                names.push(name[..end].to_owned());
                match name[end..].trim_start().strip_prefix(',') {
                    Some(further) if keyword == "EXTENDS" => list = further,
                    _ => break,
                }
            }
        }
        rest = more;
    }
    names
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_a_word(c))
        .filter(|word| !word.is_empty())
}

fn sha256(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// A module's text without comments, empty lines, and spaces at the ends of lines.
fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    let (mut depth, mut in_string) = (0_usize, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if in_string {
            // A backslash in a string is followed by what it stands for.
            if c == '\\' {
                length += rest[length..].chars().next().map_or(0, char::len_utf8);
            }
            kept.push_str(&rest[..length]);
            in_string = c != '"' && c != '\n';
        } else if rest.starts_with("(*") {
            (depth, length) = (depth + 1, 2);
        } else if depth > 0 {
            if rest.starts_with("*)") {
                (depth, length) = (depth - 1, 2);
            } else if c == '\n' {
                kept.push('\n');
            }
        } else if rest.starts_with("\\*") {
            length = rest.find('\n').unwrap_or(rest.len());
        } else {
            in_string = c == '"';
            kept.push(c);
        }
        rest = &rest[length..];
    }
    let lines = kept.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty());
    lines.fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_whatever_its_comments_say() {
        let text =
            "---- MODULE A ----\nEXTENDS B \\* why\n\nInit == x = \"(* no *) \\* comment\"\n====\n";
        let other = "---- MODULE A ----\n(* One (* in *) another,\n   over lines. *)\nEXTENDS B\nInit == x = \"(* no *) \\* comment\"\n====\n";
        assert_eq!(without_comments(text), without_comments(other));
        assert!(without_comments(text).contains("\"(* no *) \\* comment\""));
        let guard = text.replace("x =", "y =");
        assert_ne!(without_comments(text), without_comments(&guard));
    }

    #[test]
    fn the_layout_of_a_conjunction_counts() {
        let text = "A ==\n  /\\ x\n  /\\ y\n";
        assert_ne!(
            without_comments(text),
            without_comments(&text.replace("  /\\ y", "     /\\ y"))
        );
    }

    #[test]
    fn a_module_depends_on_what_it_extends_and_has_instances_of() {
        let text = "EXTENDS Naturals,\n        Sequences\nVARIABLE x\nE == INSTANCE EventLoop WITH x <- 1\nNoEXTENDS == INSTANCE_of";
        assert_eq!(depends_on(text), ["Naturals", "Sequences", "EventLoop"]);
    }

    #[test]
    fn what_is_assumed_or_left_out_is_no_proof() {
        for text in [
            "THEOREM T == x\nPROOF OMITTED\n",
            "AXIOM A == x\n",
            "ASSUME x\n",
        ] {
            assert!(open_assumption("M", text).is_some(), "{text}");
        }
        let text = "THEOREM T ==\n    ASSUME x PROVE y\n<1> SUFFICES ASSUME x PROVE y\n";
        assert_eq!(open_assumption("M", text), None);
    }
}
