//! Tests the specification: the results of its models, its mutants, and what the command says when
//! something is wrong with it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use wakeproof_conform::spec::{self, Outcome, Specification, mutants, steps::Trace};

fn specification() -> Specification {
    Specification::load(&spec::default_directory()).unwrap()
}

fn wakeproof(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wakeproof"));
    command.arg("spec").args(arguments).stdin(Stdio::null());
    // From any directory.
    command.current_dir(std::env::temp_dir()).output().unwrap()
}

/// A temporary folder for one test, in cargo's folder for that. Deleted at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("spec-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_model_comes_out_as_the_manifest_says() {
    let specification = specification();
    let mut models = specification.select(&[]).unwrap();
    models.retain(|model| !model.is_for_tlc_only);
    let findings = spec::check_all(&models, || ()).unwrap();
    for (model, finding) in models.iter().zip(&findings) {
        let differences = finding.differences(&model.expected);
        assert!(differences.is_empty(), "{}: {differences:?}", model.name);
        // Every step of a counterexample says who did what.
        for step in finding.trace.iter().flat_map(Trace::steps) {
            let told = !step.who.is_empty() && !step.action.is_empty() && !step.what.is_empty();
            assert!(told, "{}: {step}", model.name);
        }
    }
}

#[test]
fn every_file_is_in_the_manifest_and_every_model_says_what_it_shows() {
    let specification = specification();
    let known: BTreeSet<PathBuf> = specification
        .models()
        .iter()
        .flat_map(|model| [model.path(), model.module_path()])
        .collect();
    for entry in fs::read_dir(specification.directory()).unwrap() {
        let path = entry.unwrap().path();
        if matches!(
            path.extension().and_then(|e| e.to_str()),
            Some("tla" | "cfg")
        ) {
            assert!(known.contains(&path), "{} is not in it", path.display());
        }
    }
    for model in specification.models() {
        assert!(
            model.about.ends_with('.'),
            "{}: {:?}",
            model.name,
            model.about
        );
        let fails = model.expected.outcome != Outcome::Holds;
        assert_eq!(fails, model.expected.fails.is_some(), "{}", model.name);
        assert!(model.name.starts_with(&model.module), "{}", model.name);
    }
}

#[test]
fn each_module_has_a_model_that_fails_beside_one_that_holds() {
    let specification = specification();
    let models = specification.models().iter();
    let modules: BTreeSet<&str> = models.map(|model| &*model.module).collect();
    assert!(modules.contains("CondvarLoop"), "{modules:?}");
    for module in modules {
        let models = specification
            .models()
            .iter()
            .filter(|model| model.module == module && model.is_default && !model.is_for_tlc_only);
        let (hold, fail): (Vec<_>, Vec<_>) =
            models.partition(|model| model.expected.outcome == Outcome::Holds);
        assert!(!fail.is_empty(), "{module} has no model that fails");
        // A module of faults EXTENDS the one that holds.
        assert_eq!(hold.is_empty(), module.ends_with("Faults"), "{module}");
    }
}

#[test]
fn a_model_that_only_tlc_can_check_is_not_taken_for_checked() {
    let for_tlc = |specification: &Specification| {
        let models = specification.models().iter();
        let for_tlc = models.filter(|model| model.is_for_tlc_only);
        for_tlc.map(|model| model.name.clone()).collect::<Vec<_>>()
    };
    assert!(for_tlc(&specification()).contains(&"CondvarLoopContract".to_owned()));
    expect_error(
        &wakeproof(&["--model", "CondvarLoopContract"]),
        &["only TLC can check CondvarLoopContract", "--tlc"],
    );
    // tla-checker says so itself, and takes nothing for checked.
    let copy = broken("manifest.json", "\"checker\": \"TLC\",", "");
    assert!(for_tlc(&Specification::load(copy.path()).unwrap()).is_empty());
    let output = check_copy(copy.path(), &["--model", "CondvarLoopContract"]);
    expect_error(&output, &["CondvarLoopContract.cfg"]);
}

/// `wakeproof spec --mutants` checks them.
#[test]
fn every_module_but_those_of_faults_has_mutants() {
    let specification = specification();
    let mutants = mutants::make(&specification).unwrap();
    // Every action of CondvarLoop has at least one guard.
    assert!(mutants.len() > 200, "{} mutants", mutants.len());
    let mutated: BTreeSet<&str> = mutants.iter().map(|mutant| &*mutant.module).collect();
    let models = specification.models().iter();
    let modules = models.map(|model| &*model.module);
    let modules = modules.filter(|module| !module.ends_with("Faults"));
    assert_eq!(mutated, modules.collect());
}

fn trace(model: &str) -> Trace {
    let finding = specification().model(model).unwrap().check().unwrap();
    finding.trace.unwrap()
}

#[test]
fn a_counterexample_is_told_in_words() {
    let told = trace("CondvarLoopUnsafe").to_string();
    let expected = "  \
  1. Loop: Lock — takes the mutex (holder: Nobody → Loop, phase: idle → started)
  2. Loop: Sleep — begins to wait, and lets the mutex go by that \
(holder: Loop → Nobody, asleep: no → yes, waitSet: nobody → {Loop})
  3. s1: Lock — takes the mutex (holder: Nobody → s1)
  4. s1: Enqueue — puts its callback last in the queue (queue: empty → [s1#1])
";
    assert_eq!(told.trim_start(), expected.trim_start());
}

/// Copies the specification and replaces some text in one file of the copy.
fn broken(file: &str, from: &str, to: &str) -> Folder {
    let copy = Folder::new();
    for entry in fs::read_dir(spec::default_directory()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    let path = copy.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replace(from, to)).unwrap();
    copy
}

fn check_copy(copy: &Path, arguments: &[&str]) -> Output {
    let directory = copy.to_str().unwrap();
    wakeproof(&[&["--spec-dir", directory], arguments].concat())
}

#[test]
fn without_the_notify_in_the_safe_variant_the_command_fails() {
    let copy = broken("CondvarLoop.tla", "IF Wakes /\\ asleep", "IF FALSE");
    let arguments = ["--model", "CondvarLoop", "--format", "json"];
    // It is not a step of the one-page specification, and without that check, a wakeup is lost.
    for fails in ["RefinesLostWakeup", "NoWakeupLost"] {
        let output = check_copy(copy.path(), &arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["as_expected"], false);
        assert_eq!(report["models"][0]["found"]["fails"], fails);
        let model = copy.path().join("CondvarLoop.cfg");
        let text = fs::read_to_string(&model).unwrap();
        fs::write(&model, text.replace(&format!("    {fails}\n"), "")).unwrap();
    }
}

#[test]
fn a_design_that_breaks_the_contract_is_not_a_refinement_of_it() {
    // This design takes only the oldest callback.
    let copy = broken(
        "CondvarLoop.tla",
        "    /\\ batch' = queue\n    /\\ queue' = <<>>\n",
        "    /\\ batch' = IF queue = <<>> THEN <<>> ELSE <<Head(queue)>>\n    \
             /\\ queue' = IF queue = <<>> THEN <<>> ELSE Tail(queue)\n",
    );
    let output = check_copy(copy.path(), &["--model", "CondvarLoopOrder"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("RefinesEventLoop fails"), "{text}");
}

#[test]
fn the_invariant_is_not_inductive_without_what_the_loop_goes_by() {
    for conjunct in [
        "pc[Loop] = \"waiting\" => asleep",
        "pc[Loop] = \"sleep\" => NothingToDo",
    ] {
        let copy = broken("CondvarLoopInduction.tla", conjunct, "TRUE");
        let arguments = ["--model", "CondvarLoopInduction", "--format", "json"];
        let output = check_copy(copy.path(), &arguments);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["models"][0]["found"]["fails"], "Inv", "{conjunct}");
    }
}

#[test]
fn a_number_that_is_not_the_manifests_is_not_as_expected() {
    let copy = broken("manifest.json", "\"stateDepth\": 6", "\"stateDepth\": 9");
    let output = check_copy(copy.path(), &["--model", "CondvarLoopUnsafeDeadlock"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("6 states deep instead of 9"), "{text}");
}

#[track_caller]
fn expect_error(output: &Output, expected: &[&str]) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for expected in expected {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_is_missing_or_broken_is_named_in_one_line() {
    expect_error(
        &wakeproof(&["--model", "Nonsense"]),
        &["no model is called Nonsense", "CondvarLoopUnsafe"],
    );
    expect_error(
        &wakeproof(&["--spec-dir", "/nonexistent"]),
        &["/nonexistent/manifest.json", "--spec-dir"],
    );
    let unsafe_only = ["--model", "CondvarLoopUnsafe"];
    for (file, from, to, expected) in [
        (
            "CondvarLoop.tla",
            "Sleep ==",
            "Sleep = =",
            "CondvarLoop.tla:",
        ),
        (
            "CondvarLoop.tla",
            "holder = Nobody",
            "holdr = Nobody",
            "holdr",
        ),
        (
            "CondvarLoopUnsafe.cfg",
            "CONSTANTS",
            "CONSTNATS",
            "CondvarLoopUnsafe.cfg",
        ),
        ("CondvarLoopUnsafe.cfg", "    Wakes = FALSE\n", "", "Wakes"),
        (
            "CondvarLoopUnsafe.cfg",
            "NoWakeupLost\n",
            "NoWakeupFound\n",
            "NoWakeupFound",
        ),
        ("EventLoop.tla", "Init ==", "Init = =", "EventLoop"),
        (
            "manifest.json",
            "\"modules\"",
            "\"moduls\"",
            "manifest.json is broken",
        ),
        (
            "manifest.json",
            "\"success\"",
            "\"succes\"",
            "manifest.json is broken",
        ),
    ] {
        let copy = broken(file, from, to);
        expect_error(&check_copy(copy.path(), &unsafe_only), &[expected]);
    }
    let copy = broken("CondvarLoop.tla", "", "");
    for file in ["CondvarLoop.tla", "CondvarLoopUnsafe.cfg", "EventLoop.tla"] {
        fs::rename(copy.path().join(file), copy.path().join("aside")).unwrap();
        let stem = file.split('.').next().unwrap();
        expect_error(&check_copy(copy.path(), &unsafe_only), &[stem]);
        fs::rename(copy.path().join("aside"), copy.path().join(file)).unwrap();
    }
}

/// The path of the Python interpreter, if there is one.
fn python() -> Option<String> {
    // `python3` may be a wrapper script that needs other programs.
    let executable = ["-c", "import sys; print(sys.executable)"];
    let python = Command::new("python3").args(executable).output().ok()?;
    let python = String::from_utf8(python.stdout).unwrap();
    Some(python.trim_end().to_owned())
}

/// Runs a line of Python with `spec/tlc.py` imported; returns what it prints.
fn python_with_tlc(line: &str, input: &str) -> Option<String> {
    let mut command = Command::new(python()?);
    command
        .args(["-B", "-c", &format!("import sys, tlc; {line}")])
        .env("PYTHONPATH", spec::default_directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    Some(printed.trim_end().to_owned())
}

/// Runs `spec/tlc.py` with a separate target folder. Returns `None` if there is no Python.
fn tlc(target: &Path, path: Option<&Path>, settings: &[(&str, &str)]) -> Option<Output> {
    let mut command = Command::new(python()?);
    command
        .arg(spec::default_directory().join("tlc.py"))
        .args(["--model", "CondvarLoopUnsafe", "--target"])
        .arg(target)
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    Some(command.output().unwrap())
}

#[test]
fn what_tlc_needs_is_named_and_nothing_is_left_half_written() {
    let target = Folder::new();
    let nothing = Folder::new();
    let Some(without_java) = tlc(target.path(), Some(nothing.path()), &[]) else {
        println!("not tested: there is no python3");
        return;
    };
    expect_error(&without_java, &["Java 11", "install"]);

    // A fake java. The script fails before it runs it.
    let java = nothing.path().join("java");
    fs::write(&java, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&java, fs::Permissions::from_mode(0o755)).unwrap();
    let offline = [("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", "/nonexistent")];
    let output = tlc(target.path(), Some(nothing.path()), &offline).unwrap();
    expect_error(&output, &["pip cannot download", "network"]);
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0);

    let jar = target.path().join("tla2tools.jar");
    fs::write(&jar, "not a jar").unwrap();
    let output = tlc(target.path(), Some(nothing.path()), &[]).unwrap();
    expect_error(&output, &["tla2tools.jar", "SHA-256", "delete it"]);
}

/// What TLC prints when it cannot check a model, and the cause that must be shown.
const WHAT_TLC_SAYS: [(&str, &str); 7] = [
    (
        "Exception in thread \"main\" util.Assert$TLCRuntimeException: TLC writes its files to a \
         directory whose name is generated from the current time.\n\
         This directory should be /tmp/26-11-25-03-14-36, but that directory already exists.\n\
         Trying to run TLC again will probably fix this problem.\n\
         \tat util.Assert.check(Assert.java:90)\n\
         \tat tlc2.TLC.main(TLC.java:243)\n",
        "TLC writes its files to a directory whose name is generated from the current time. \
         This directory should be /tmp/26-11-25-03-14-36, but that directory already exists.",
    ),
    (
        "Starting... (2026-11-25 03:14:59)\n\
         Error: The constant parameter Wakes is not assigned a value by the configuration file.\n\
         Finished in 00s at (2026-11-25 03:14:59)\n",
        "The constant parameter Wakes is not assigned a value by the configuration file.",
    ),
    (
        "Error: TLC threw an unexpected exception.\n\
         This was probably caused by an error in the spec or model.\n\
         See the User Output or TLC Console for clues to what happened.\n\
         The exception was a tlc2.tool.ConfigFileException\n\
         : TLC found an error in the configuration file at line 5\n\
         It was expecting a keyword, but did not find it.\n\
         Finished in 00s at (2026-11-25 03:15:00)\n",
        "TLC found an error in the configuration file at line 5 \
         It was expecting a keyword, but did not find it.",
    ),
    (
        "***Parse Error***\nWas expecting \"==== or more Module body\"\n\
         Encountered \"Sleep\" at line 223, column 1 and token \">>\" \n\n\
         Residual stack trace follows:\nModule definition starting at line 1, column 1.\n",
        "Was expecting \"==== or more Module body\" \
         Encountered \"Sleep\" at line 223, column 1 and token \">>\"",
    ),
    (
        "*** Errors: 2\n\nline 110, col 8 to line 110, col 12 of module CondvarLoop\n\n\
         Unknown operator: `holdr'.\n\n\n\
         line 140, col 8 to line 140, col 12 of module CondvarLoop\n\n\
         Unknown operator: `holdr'.\n",
        "line 110, col 8 to line 110, col 12 of module CondvarLoop Unknown operator: `holdr'.",
    ),
    (
        "Starting... (2026-11-25 03:15:03)\nwithout a word of error\nand no more\n",
        "without a word of error and no more",
    ),
    ("", "it said nothing"),
];

#[test]
fn of_what_tlc_says_the_cause_is_told_and_not_its_stack_trace() {
    for (says, cause) in WHAT_TLC_SAYS {
        let Some(told) = python_with_tlc("print(tlc.cause(sys.stdin.read()))", says) else {
            println!("not tested: there is no python3");
            return;
        };
        assert_eq!(told, cause);
    }
}

#[test]
fn each_run_of_tlc_has_a_folder_of_its_own_and_clears_it_away() {
    let run = "print(tlc.run(['echo', 'tlc2.TLC'], 'Model', 'Module')[0])";
    let both = format!("{run}; {run}");
    let Some(printed) = python_with_tlc(&both, "") else {
        println!("not tested: there is no python3");
        return;
    };
    let words: Vec<&str> = printed.split_whitespace().collect();
    let folders: Vec<&str> = words
        .iter()
        .filter_map(|word| word.strip_prefix("-Djava.io.tmpdir="))
        .collect();
    assert_eq!(folders.len(), 2, "{printed}");
    assert_ne!(folders[0], folders[1]);
    for folder in folders {
        // TLC's files were in this folder, and it was deleted.
        assert!(words.contains(&&*format!("{folder}/states")), "{printed}");
        assert!(!Path::new(folder).exists(), "{folder} is still there");
    }
}

/// Ctrl-C may reach only the command and not its children; the command may be killed.
#[test]
fn tlc_ends_with_whoever_has_started_it() {
    let folder = Folder::new();
    let java = folder.path().join("java");
    let started = folder.path().join("started");
    let script = format!(
        "#!/bin/sh\necho $$ > {}\nexec sleep 1000\n",
        started.display()
    );
    fs::write(&java, script).unwrap();
    fs::set_permissions(&java, fs::Permissions::from_mode(0o755)).unwrap();
    let Some(python) = python() else {
        println!("not tested: there is no python3");
        return;
    };
    let line = format!(
        "import sys, tlc; tlc.jar = lambda target: 'jar'; tlc.java = lambda: {:?}; sys.exit(tlc.main())",
        java.display()
    );
    let mut child = Command::new(python)
        .args([
            "-B",
            "-c",
            &line,
            "--while-stdin-is-open",
            "--model",
            "LostWakeup",
        ])
        .env("PYTHONPATH", spec::default_directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = loop {
        let pid = fs::read_to_string(&started).unwrap_or_default();
        if pid.ends_with('\n') {
            break pid;
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "it has ended by itself"
        );
        std::thread::yield_now();
    };
    let process = Path::new("/proc").join(pid.trim());
    // Elsewhere than on Linux, only the end of the script itself is seen.
    assert!(process.exists() || !Path::new("/proc/self").exists());
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    assert!(!process.exists(), "TLC still runs");
}
