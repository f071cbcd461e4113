//! `wakeproof report`: a page that needs no network and no script, and that a browser can be used on.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::wakeproof;
use wakeproof_model_tests::faults;

fn report(arguments: &[&str]) -> (Option<i32>, String, String) {
    wakeproof("report", arguments)
}

/// Whether a browser is there, and node to drive it. In CI they must be.
fn can_browse() -> bool {
    let is_there = |tool: &str| {
        let mut asked = Command::new(tool);
        let asked = asked
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    ["chromium", "node"].iter().all(|tool| {
        let there = is_there(tool);
        assert!(
            there || std::env::var_os("ASLEEP_REQUIRE_ALL").is_none(),
            "{tool} is missing"
        );
        there
    })
}

/// Goes through a page in a browser. Returns what is wrong with it, a line each.
fn browse(page: &Path, screenshots: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/browse.mjs");
    let mut node = Command::new("node");
    let output = node.arg(script).args([page, screenshots]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

#[test]
fn the_page_needs_nothing_else_and_a_person_can_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("page");
    let (status, said, errors) = report(&["--quick", "--out", out.to_str().unwrap()]);
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{said}");
    assert!(said.starts_with("As expected: "), "{said}");
    let files: Vec<PathBuf> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let path = out.join("index.html");
    assert_eq!(
        files,
        std::slice::from_ref(&path),
        "one file, and nothing half-written"
    );
    assert!(said.ends_with(&format!("{}\n", path.display())), "{said}");
    let page = fs::read_to_string(&path).unwrap();
    // Nothing is fetched: the only address that begins like one names what an SVG is.
    let names = page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(page.matches("http").count(), names);
    assert!(!page.contains(" src=\"/") && !page.contains("@import") && !page.contains("url("));
    for fault in faults::catalogue() {
        assert!(
            page.contains(&format!("id=\"fault-{}\"", fault.name)),
            "{}",
            fault.name
        );
        for (checker, id) in [
            (faults::Checker::Tla, "tla"),
            (faults::Checker::Loom, "loom"),
            (faults::Checker::ShuttleDepthFirst, "shuttle"),
        ] {
            let id = format!("id=\"{}-{id}\"", fault.name);
            assert_eq!(
                page.contains(&id),
                fault.blindness(checker).is_none(),
                "{id}"
            );
        }
    }
    for made_elsewhere in [
        "wakeproof report --matrix",
        "cargo bench",
        "wakeproof probe --build",
    ] {
        assert!(page.contains(made_elsewhere), "{made_elsewhere}");
    }
    assert_eq!(
        page.matches("not made in this run").count(),
        3,
        "what was not made says so"
    );

    if can_browse() {
        let screenshots = tempfile::tempdir().unwrap();
        let (is_fine, said) = browse(&path, screenshots.path());
        assert!(is_fine, "{said}");
        // And a page that is broken is seen to be: in all of these ways at once, and with a script that ends at once.
        let broken = [
            (
                "console",
                "const source = ",
                "console.error(\"no\"); const source = ",
            ),
            ("dead links", "id=\"fault-no-notify\"", ""),
            (
                "pixels the page is",
                "<main>",
                "<main><div style=\"width:1400px\">a</div>",
            ),
            ("step 1", "show(at + 1)", "show(at)"),
            (
                "too wide",
                ">finds nothing to do",
                ">finds nothing to do, and goes on for much longer than there is room",
            ),
            (
                "asks for",
                "</main>",
                "<img alt=\"a\" src=\"http://127.0.0.1:9/a.png\"></main>",
            ),
            ("without a text", "</main>", "<img src=\"data:,\"></main>"),
        ];
        let mut all = page.clone();
        for (what, right, wrong) in broken {
            assert!(all.contains(right), "{what}");
            all = all.replace(right, wrong);
        }
        let ends = page.replace("bar.hidden = false;", "nothing.is();");
        let seen = broken.map(|(what, ..)| what);
        for (page, seen) in [(all, &seen[..]), (ends, &["exception"])] {
            let path = folder.path().join("broken.html");
            fs::write(&path, page).unwrap();
            let (is_fine, said) = browse(&path, screenshots.path());
            assert!(!is_fine);
            for what in seen {
                assert!(said.contains(what), "{what}: {said}");
            }
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let full = folder.path().to_str().unwrap();
    let under_a_file = file.join("page");
    let other = folder.path().join("other.json");
    fs::write(&other, r#"{"shape": "probe/0", "loops": []}"#).unwrap();
    let empty = folder.path().join("empty");
    let (file, other, empty) = (
        file.to_str().unwrap(),
        other.to_str().unwrap(),
        empty.to_str().unwrap(),
    );
    for (arguments, says) in [
        (vec!["--out", full], "is not empty"),
        (vec!["--out", file], "as a folder"),
        (vec!["--out", under_a_file.to_str().unwrap()], "cannot"),
        (vec!["--out", "/proc/wakeproof"], "cannot make the folder"),
        (
            vec!["--out", empty, "--loops", other],
            "has not the shape probe/1",
        ),
        (vec!["--out", empty, "--loops", file], "is no JSON"),
        (vec!["--out", empty, "--loops", "/nowhere"], "cannot read"),
        (
            vec!["--out", empty, "--spec-dir", "/nowhere"],
            "cannot read",
        ),
    ] {
        let (status, output, errors) = report(&arguments);
        assert_eq!(
            (status, output.as_str()),
            (Some(2), ""),
            "{arguments:?}: {errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.contains(says), "{arguments:?}: {errors}");
    }
    assert!(!Path::new(empty).exists(), "nothing is left behind");
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("page");
    let mut child = Command::new(env!("CARGO_BIN_EXE_wakeproof"))
        .args(["report", "--out"])
        .arg(&out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The folder is there as soon as the long work begins.
    while !out.exists() {
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(child.try_wait().unwrap(), None, "it ends before it begins");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(!out.exists(), "neither a page nor a folder");
}
