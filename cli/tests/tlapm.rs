//! Tests `wakeproof spec --proofs` with a script in tlapm's place: what it records, and what it says when tlapm
//! does not accept a proof.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wakeproof_conform::spec::default_directory;

/// What tlapm 1.6 prints when it accepts every step.
const ACCEPTS: &str =
    r#"printf 'File "./%s", line 1:\n[INFO]: All 3 obligations proved.' "$file" >&2"#;

/// When a step is false.
const REFUSES: &str = r#"cat >&2 <<'END'
File "./Two.tla", line 4, characters 3-9:
[ERROR]: Could not prove or check:
           ASSUME NEW VARIABLE x
           PROVE  x
File "./Two.tla", line 1, character 1 to line 5, character 4:
[ERROR]: 1/7 obligation failed.
There were backend errors processing module `"Two"`.
END
exit 10"#;

/// When no prover comes to an answer in its time.
const TIMES_OUT: &str = r#"echo 'Zenon error: could not find a proof within the time limit'
cat >&2 <<'END'
File "./Two.tla", line 3, characters 5-9:
[ERROR]: Could not prove or check:
           PROVE  x
File "./Two.tla", line 9, characters 5-9:
[ERROR]: Could not prove or check:
           PROVE  y
File "./Two.tla", line 1, character 1 to line 12, character 4:
[ERROR]: 2/7 obligations failed.
END
exit 10"#;

/// When it cannot read the module.
const CANNOT_READ: &str = r#"cat >&2 <<'END'
File "./Two.tla", line 3, character 15
incomplete expression
File "<unknown>":
Error: Could not parse "./Two.tla" successfully.
 tlapm ending abnormally with Failure("Module.Parser.parse_file")
Raised at Stdlib.failwith in file "stdlib.ml", line 29, characters 17-33
END
exit 3"#;

const WATCHDOG: Duration = Duration::from_secs(60);

/// A specification of two modules with proofs, of which the second builds on the first, and a tlapm.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder };
        fs::create_dir_all(place.path("spec/proofs")).unwrap();
        fs::create_dir(place.path("bin")).unwrap();
        for (file, text) in [
            ("spec/manifest.json", "{}\n"),
            ("spec/Base.tla", "---- MODULE Base ----\n====\n"),
            (
                "spec/proofs/One.tla",
                "---- MODULE One ----\nEXTENDS Base\n====\n",
            ),
            (
                "spec/proofs/Two.tla",
                "---- MODULE Two ----\nEXTENDS One\n====\n",
            ),
        ] {
            fs::write(place.path(file), text).unwrap();
        }
        place.tlapm("1.6.0", ACCEPTS);
        place
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Puts another tlapm in place, which accepts One and answers as it is told for Two.
    fn tlapm(&self, version: &str, two: &str) {
        let script = format!(
            "#!/bin/sh\n\
             case $1 in\n\
             --version) echo '{version}'; exit ;;\n\
             --config) echo 'Z3 version == \"4.8.9\"'; exit ;;\n\
             esac\n\
             for file; do :; done\n\
             if [ $file = Two.tla ]; then\n{two}\nelse\n{ACCEPTS}\nfi\n"
        );
        let path = self.path("bin/tlapm");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.path("bin")]
            .into_iter()
            .chain(std::env::split_paths(&others));
        let mut command = Command::new(env!("CARGO_BIN_EXE_wakeproof"));
        command
            .args(["spec", "--proofs", "--spec-dir"])
            .arg(self.path("spec"))
            .args(arguments)
            .env("PATH", std::env::join_paths(path).unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn record(&self) -> Value {
        let text = fs::read(self.path("spec/proofs/checked.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// No half-written record lies about.
    fn is_tidy(&self) -> bool {
        let entries = fs::read_dir(self.path("spec/proofs")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names == ["One.tla", "Two.tla", "checked.json"]
    }

    fn change(&self, file: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        let changed = text.replace("====\n", "Changed == TRUE\n====\n");
        fs::write(self.path(file), changed).unwrap();
    }
}

fn lines(bytes: &[u8]) -> Vec<&str> {
    std::str::from_utf8(bytes).unwrap().lines().collect()
}

/// What a second run says of Two, and that the record still has what the first run put into it.
fn second_run_says(two: &str) -> String {
    let place = Place::new();
    assert_eq!(place.run(&[]).status.code(), Some(0));
    let before = place.record();
    place.tlapm("1.6.0", two);
    let output = place.run(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(lines(&output.stderr), [""; 0]);
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[1], "1 of 2 modules proved by tlapm 1.6.0.");
    let after = place.record();
    assert_eq!(after["modules"]["Two"], before["modules"]["Two"]);
    assert_eq!(after["modules"]["One"]["obligations"], 3);
    assert!(place.is_tidy());
    said[0].to_owned()
}

#[test]
fn what_tlapm_accepts_is_recorded() {
    let place = Place::new();
    let output = place.run(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        lines(&output.stdout),
        ["2 of 2 modules proved by tlapm 1.6.0."]
    );
    let two = &place.record()["modules"]["Two"];
    assert_eq!(two["command"], "tlapm --strict --stretch 10 -I .. Two.tla");
    assert_eq!(two["tlapm"], "1.6.0");
    assert_eq!(two["provers"]["Z3"], "4.8.9");
    assert_eq!(two["obligations"], 3);
    let texts: Vec<&String> = two["texts"].as_object().unwrap().keys().collect();
    assert_eq!(texts, ["Base", "One", "Two"]);
    assert!(place.is_tidy());
}

#[test]
fn a_refused_obligation_is_one_line_that_says_where() {
    assert_eq!(
        second_run_says(REFUSES),
        "Two.tla: not proved: 1/7 obligation failed, the first at line 4, characters 3-9"
    );
}

#[test]
fn provers_that_time_out_are_one_line_that_says_where() {
    assert_eq!(
        second_run_says(TIMES_OUT),
        "Two.tla: not proved: 2/7 obligations failed, the first at line 3, characters 5-9"
    );
}

#[test]
fn a_module_that_does_not_parse_is_one_line_that_says_where() {
    assert_eq!(
        second_run_says(CANNOT_READ),
        "Two.tla: not proved: it does not parse: line 3, character 15: incomplete expression"
    );
}

#[test]
fn a_tlapm_that_says_nothing_has_proved_nothing() {
    assert_eq!(
        second_run_says(":"),
        "Two.tla: not proved: tlapm says nothing"
    );
}

#[test]
fn a_tlapm_that_fails_has_proved_nothing_whatever_it_says() {
    let says = second_run_says(&format!("{ACCEPTS}\nexit 1"));
    assert!(says.starts_with("Two.tla: not proved: "), "{says}");
}

#[test]
fn another_tlapm_is_named_and_proves_as_well() {
    let place = Place::new();
    assert_eq!(place.run(&[]).status.code(), Some(0));
    place.tlapm("1.7.1 (abc)", ACCEPTS);
    let output = place.run(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        lines(&output.stderr),
        ["wakeproof: checked.json has proofs by tlapm 1.6.0; this is tlapm 1.7.1 (abc)"]
    );
    assert_eq!(place.record()["modules"]["Two"]["tlapm"], "1.7.1 (abc)");
}

#[test]
fn a_tlapm_that_is_too_old_is_refused_and_nothing_is_recorded() {
    for version in ["1.5.0", "1.4.5 (build 33809)", "unknown"] {
        let place = Place::new();
        assert_eq!(place.run(&[]).status.code(), Some(0));
        let before = place.record();
        place.tlapm(version, ACCEPTS);
        let output = place.run(&[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = lines(&output.stderr);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("get tlapm 1.6 or newer"), "{said:?}");
        assert_eq!(place.record(), before);
    }
}

#[test]
fn a_record_that_does_not_fit_its_module_is_renewed_and_no_other_need_be() {
    let place = Place::new();
    assert_eq!(place.run(&[]).status.code(), Some(0));
    let before = place.record();
    let output = place.run(&["--changed"]);
    assert_eq!(
        lines(&output.stdout),
        ["No module has changed since its proofs were checked."]
    );
    assert_eq!(place.record(), before);

    place.change("spec/proofs/Two.tla");
    let output = place.run(&["--changed"]);
    assert_eq!(
        lines(&output.stdout),
        ["1 of 1 modules proved by tlapm 1.6.0."]
    );
    let after = place.record();
    assert_eq!(after["modules"]["One"], before["modules"]["One"]);
    assert_ne!(after["modules"]["Two"], before["modules"]["Two"]);

    // Both build on this one.
    place.change("spec/Base.tla");
    let output = place.run(&["--changed"]);
    assert_eq!(
        lines(&output.stdout),
        ["2 of 2 modules proved by tlapm 1.6.0."]
    );
}

#[test]
fn a_broken_record_is_one_line_and_stays_as_it_is() {
    let place = Place::new();
    let path = place.path("spec/proofs/checked.json");
    fs::write(&path, "{\"modules\": {").unwrap();
    let output = place.run(&[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = lines(&output.stderr);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("checked.json is broken"), "{said:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"modules\": {");
}

#[test]
fn an_assumption_is_no_proof_whatever_tlapm_accepts() {
    let place = Place::new();
    let text = "---- MODULE Two ----\nEXTENDS One\nAXIOM A == FALSE\n====\n";
    fs::write(place.path("spec/proofs/Two.tla"), text).unwrap();
    let output = place.run(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].starts_with("Two.tla assumes something"), "{said:?}");
}

#[test]
fn ctrl_c_keeps_what_was_proved_and_what_the_record_had() {
    let place = Place::new();
    assert_eq!(place.run(&[]).status.code(), Some(0));
    let before = place.record();
    // Now both have something new to prove, and Two takes for ever.
    place.change("spec/Base.tla");
    let begun = place.path("begun");
    place.tlapm("1.6.0", &format!("touch '{}'\nsleep 3600", begun.display()));
    let running = place.command(&[]).spawn().unwrap();
    wait_for(&begun);
    let interrupt = Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(
        lines(&output.stderr),
        ["wakeproof: interrupted; checked.json has the modules that were proved before"]
    );
    let after = place.record();
    assert_ne!(after["modules"]["One"], before["modules"]["One"]);
    assert_eq!(after["modules"]["Two"], before["modules"]["Two"]);
    assert!(place.is_tidy());
}

/// The specification itself, and a tlapm that accepts a proof unless the loop may sleep beside a callback.
fn place_with_mutants() -> Place {
    let place = Place::new();
    for folder in ["", "proofs"] {
        for entry in fs::read_dir(default_directory().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = place.path("spec").join(folder);
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    fs::remove_file(place.path("spec/proofs/mutants.json")).unwrap();
    let script = format!(
        "#!/bin/sh\n\
         if [ $1 = --version ]; then echo 1.6.0; exit; fi\n\
         for file; do :; done\n\
         echo $file >> '{}'\n\
         if grep -q '^    /. ~queued' ../LostWakeup.tla; then\n{ACCEPTS}\nelse\n{REFUSES}\nfi\n",
        place.path("asked").display()
    );
    fs::write(place.path("bin/tlapm"), script).unwrap();
    place
}

#[test]
fn a_mutant_is_recorded_with_the_proof_and_the_model_that_notice_it_and_tried_once() {
    let place = place_with_mutants();
    let tried = place.run(&["--mutants", "--of", "LostWakeup"]);
    assert_eq!(tried.status.code(), Some(0), "{tried:?}");
    let text = fs::read(place.path("spec/proofs/mutants.json")).unwrap();
    let record: Value = serde_json::from_slice(&text).unwrap();
    let mutants = record["modules"]["LostWakeup"]["mutants"]
        .as_array()
        .unwrap();
    let of = |without: &str| {
        let mut found = mutants.iter().filter(|mutant| mutant["without"] == without);
        found.next().unwrap()
    };
    let sleeps_beside_a_callback = of("~queued");
    assert_eq!(sleeps_beside_a_callback["definition"], "Sleep");
    assert!(sleeps_beside_a_callback["proof"]["says"].is_string());
    assert!(sleeps_beside_a_callback["model"].is_string());
    assert!(of("~asleep")["proof"].is_null());
    let asked = fs::read(place.path("asked")).unwrap();
    let again = place.run(&["--mutants", "--of", "LostWakeup"]);
    assert_eq!(again.stdout, tried.stdout);
    assert_eq!(fs::read(place.path("asked")).unwrap(), asked, "asked twice");
}

#[test]
fn a_module_without_mutants_is_one_line() {
    let place = place_with_mutants();
    let output = place.run(&["--mutants", "--of", "Nothing"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(
        lines(&output.stderr),
        ["wakeproof: Nothing.tla has no mutants that a proof could notice"]
    );
}

fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(
            begun.elapsed() < WATCHDOG,
            "{} is not there",
            path.display()
        );
        std::thread::yield_now();
    }
}
