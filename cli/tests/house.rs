//! Checks the architecture: packages depend only on what `ARCHITECTURE.md` allows, and no files depend on
//! each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

/// The allowed dependencies between our packages.
const ARROWS: [(&str, &[&str]); 10] = [
    ("wakeproof", &[]),
    ("wakeproof-asleep", &[]),
    ("wakeproof-benches", &["wakeproof"]),
    ("wakeproof-explore", &["wakeproof", "wakeproof-asleep"]),
    (
        "wakeproof-in-the-wild",
        &["wakeproof", "wakeproof-asleep", "wakeproof-explore"],
    ),
    (
        "wakeproof-faults",
        &["wakeproof", "wakeproof-asleep", "wakeproof-explore"],
    ),
    (
        "wakeproof-proptests",
        &[
            "wakeproof",
            "wakeproof-asleep",
            "wakeproof-explore",
            "wakeproof-faults",
        ],
    ),
    (
        "wakeproof-model-tests",
        &[
            "wakeproof",
            "wakeproof-asleep",
            "wakeproof-explore",
            "wakeproof-faults",
        ],
    ),
    (
        "wakeproof-conform",
        &[
            "wakeproof",
            "wakeproof-asleep",
            "wakeproof-explore",
            "wakeproof-faults",
            "wakeproof-model-tests",
        ],
    ),
    (
        "wakeproof-cli",
        &[
            "wakeproof",
            "wakeproof-asleep",
            "wakeproof-conform",
            "wakeproof-explore",
            "wakeproof-faults",
            "wakeproof-in-the-wild",
            "wakeproof-model-tests",
            "wakeproof-proptests",
        ],
    ),
];

/// The only circle that is allowed: a platform names the protocol of its inboxes, and an inbox is generic
/// over the platform. The two traits need each other, and both files say so.
const KNOT: [&str; 2] = ["inbox", "platform"];

fn root() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().expect("it is in the workspace").to_path_buf()
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata fails");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// The names of a package's dependencies, without those that only its tests need.
fn normal_dependencies(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().expect("a list");
    let normal = dependencies
        .iter()
        .filter(|dependency| dependency["kind"].is_null());
    normal
        .map(|dependency| dependency["name"].as_str().expect("a name"))
        .collect()
}

#[test]
fn packages_depend_on_each_other_as_drawn() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().expect("a name"))
        .collect();
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            panic!("{name} is not in the drawing: add it here and in ARCHITECTURE.md");
        };
        for dependency in normal_dependencies(package).intersection(&ours) {
            assert!(
                allowed.contains(dependency),
                "{name} depends on {dependency}, which the drawing does not allow"
            );
        }
    }
    // Each package may depend only on those listed before it, so there is no circle.
    for (place, (name, allowed)) in ARROWS.iter().enumerate() {
        for dependency in *allowed {
            let earlier = ARROWS[..place].iter().any(|(known, _)| known == dependency);
            assert!(earlier, "{name} is drawn before {dependency}");
        }
    }
}

#[test]
fn the_library_needs_little() {
    let packages = packages();
    let library = packages
        .iter()
        .find(|package| package["name"] == "wakeproof");
    let needs = normal_dependencies(library.expect("the library"));
    assert_eq!(
        needs,
        BTreeSet::from(["atomic-take", "dary_heap", "parking_lot", "slab"])
    );
}

#[test]
fn files_depend_one_way_only() {
    for package in packages() {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let sources = Path::new(manifest).parent().expect("a folder").join("src");
        let mut package = Package::read(&sources);
        if package.files.contains_key(KNOT[0]) && package.files.contains_key(KNOT[1]) {
            let knot = package.arrows();
            assert!(
                knot[KNOT[0]].contains(KNOT[1]),
                "the knot is untied: allow it no more"
            );
            package.allowed = Some(KNOT);
        }
        if let Some(circle) = package.circle() {
            panic!("{}: {}", sources.display(), circle.join(" -> "));
        }
    }
}

#[test]
fn the_files_to_open_exist() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("readable");
    let mut named = 0;
    for row in architecture.lines().filter(|line| line.starts_with("| `")) {
        let mut folder = root();
        for (place, name) in row
            .split('`')
            .enumerate()
            .filter(|(place, _)| place % 2 == 1)
        {
            // A second name in a row is in the same folder as the first, unless it has a folder itself.
            let path = if place == 1 || name.contains('/') {
                root().join(name)
            } else {
                folder.join(name)
            };
            if path.extension().is_some() {
                assert!(path.is_file(), "{name} is not there: {row}");
                folder = path.parent().expect("a folder").to_path_buf();
                named += 1;
            }
        }
    }
    assert!(named > 20, "only {named} files are named");
}

#[test]
fn a_circle_is_noticed() {
    let package = |files: &[(&str, &str)]| {
        let mut package = Package::default();
        for (module, text) in files {
            package.add(module, text);
        }
        package
    };
    let one_way = package(&[
        ("", "mod a; mod b; pub use b::B;"),
        ("a", "use crate::b::B; pub struct A(B);"),
        ("b", "pub struct B;"),
    ]);
    assert_eq!(one_way.circle(), None);
    let circle = package(&[
        ("", "mod a; mod b; pub use a::A;"),
        ("a", "use crate::b::B; pub struct A(B);"),
        ("b", "pub struct B; impl B { fn of(_: super::A) {} }"),
    ]);
    assert_eq!(circle.circle().expect("a circle").len(), 3);
}

/// The files of a package by their modules, `""` for the root.
#[derive(Default)]
struct Package {
    files: BTreeMap<String, File>,
    allowed: Option<[&'static str; 2]>,
}

/// What a file defines and uses.
#[derive(Default)]
struct File {
    /// What it defines.
    defines: BTreeSet<String>,
    /// The names that it re-exports, and the path that each stands for.
    reexports: BTreeMap<String, Vec<String>>,
    /// The paths that it uses, from the root of the package.
    names: Vec<Vec<String>>,
}

impl Package {
    fn read(sources: &Path) -> Self {
        let mut package = Package::default();
        let mut folders = vec![sources.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let inside = path.strip_prefix(sources).expect("inside");
                    let module = inside
                        .with_extension("")
                        .to_string_lossy()
                        .replace('/', "::");
                    let module = if module == "lib" || module == "main" {
                        ""
                    } else {
                        &module
                    };
                    package.add(module, &fs::read_to_string(&path).expect("readable"));
                }
            }
        }
        package
    }

    fn add(&mut self, module: &str, text: &str) {
        let parsed = syn::parse_file(text).expect("it compiles, so it parses");
        let mut reader = Reader {
            module: split(module),
            file: File::default(),
        };
        reader.visit_file(&parsed);
        self.files.insert(module.to_owned(), reader.file);
    }

    /// The file that defines what a path names: the longest prefix of the path that is a file, followed
    /// through re-exports.
    fn definer(&self, path: &[String], depth: usize) -> Option<String> {
        let (module, rest) = (0..=path.len()).rev().find_map(|length| {
            let module = path[..length].join("::");
            self.files
                .contains_key(&module)
                .then(|| (module, &path[length..]))
        })?;
        let Some(name) = rest.first() else {
            return Some(module);
        };
        let file = &self.files[&module];
        match file.reexports.get(name) {
            Some(stands_for) if !file.defines.contains(name) && depth < 8 => {
                self.definer(stands_for, depth + 1)
            }
            _ => Some(module),
        }
    }

    fn arrows(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let arrows = self.files.iter().map(|(module, file)| {
            let targets = file.names.iter().filter_map(|path| self.definer(path, 0));
            let others = targets.filter(|target| target != module && !target.is_empty());
            (module.as_str(), others.collect())
        });
        arrows.collect()
    }

    /// A circle of files, with the first file repeated at the end.
    fn circle(&self) -> Option<Vec<String>> {
        let arrows = self.arrows();
        let is_allowed = |from: &str, to: &str| {
            self.allowed
                .is_some_and(|knot| knot.contains(&from) && knot.contains(&to))
        };
        let mut done = BTreeSet::new();
        for start in arrows.keys() {
            let mut path = vec![(*start).to_owned()];
            if let Some(circle) = walk(&arrows, &is_allowed, &mut path, &mut done) {
                return Some(circle);
            }
        }
        None
    }
}

fn walk(
    arrows: &BTreeMap<&str, BTreeSet<String>>,
    is_allowed: &dyn Fn(&str, &str) -> bool,
    path: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    let here = path.last().expect("it begins somewhere").clone();
    if done.contains(&here) {
        return None;
    }
    for next in &arrows[here.as_str()] {
        if is_allowed(&here, next) {
            continue;
        }
        if let Some(place) = path.iter().position(|before| before == next) {
            let mut circle = path[place..].to_vec();
            circle.push(next.clone());
            return Some(circle);
        }
        path.push(next.clone());
        if let Some(circle) = walk(arrows, is_allowed, path, done) {
            return Some(circle);
        }
        path.pop();
    }
    done.insert(here);
    None
}

/// Collects a file's definitions and paths.
struct Reader {
    module: Vec<String>,
    file: File,
}

impl Reader {
    /// Converts a path to one from the root of the package, if it stays in the package.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.module.clone();
        match path.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => drop(base.pop()),
            _ => return None,
        }
        let mut rest = &path[1..];
        while rest.first().is_some_and(|segment| segment == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn read_use(&mut self, tree: &UseTree, before: &[String], is_passed_on: bool) {
        let joined = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.read_use(&path.tree, &joined(&path.ident), is_passed_on),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, before, is_passed_on);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                self.note(before, before.last(), is_passed_on)
            }
            UseTree::Name(name) => {
                self.note(
                    &joined(&name.ident),
                    Some(&name.ident.to_string()),
                    is_passed_on,
                );
            }
            UseTree::Rename(rename) => {
                self.note(
                    &joined(&rename.ident),
                    Some(&rename.rename.to_string()),
                    is_passed_on,
                );
            }
            UseTree::Glob(_) => self.note(before, None, is_passed_on),
        }
    }

    fn note(&mut self, path: &[String], name: Option<&String>, is_passed_on: bool) {
        let mut absolute = self.absolute(path);
        if absolute.is_none() && is_passed_on {
            // `pub use child::Name;`
            absolute = Some([&self.module, path].concat());
        }
        let Some(absolute) = absolute else {
            return;
        };
        match name {
            Some(name) if is_passed_on => drop(self.file.reexports.insert(name.clone(), absolute)),
            _ => self.file.names.push(absolute),
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = match item {
            Item::Const(item) => (Some(&item.ident), &item.attrs),
            Item::Enum(item) => (Some(&item.ident), &item.attrs),
            Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
            Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
            Item::Mod(item) => (None, &item.attrs),
            Item::Static(item) => (Some(&item.ident), &item.attrs),
            Item::Struct(item) => (Some(&item.ident), &item.attrs),
            Item::Trait(item) => (Some(&item.ident), &item.attrs),
            Item::Type(item) => (Some(&item.ident), &item.attrs),
            Item::Use(item) => {
                let is_passed_on = !matches!(item.vis, Visibility::Inherited);
                self.read_use(&item.tree, &[], is_passed_on);
                return;
            }
            _ => (None, &Vec::new()),
        };
        // A file's unit tests may use any other file.
        let is_test = attributes.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| list.tokens.to_string() == "test")
        });
        if is_test {
            return;
        }
        if let Some(name) = name {
            self.file.defines.insert(name.to_string());
        }
        visit::visit_item(self, item);
    }

    /// To say which files may see an item is not to use them.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let Some(absolute) = self.absolute(&segments) {
            self.file.names.push(absolute);
        }
        visit::visit_path(self, path);
    }
}

fn split(module: &str) -> Vec<String> {
    module
        .split("::")
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect()
}
