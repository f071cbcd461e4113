//! The package's front page shows what its example is and prints.

#[path = "../../examples/mailbox.rs"]
#[allow(dead_code, reason = "its `main` prints what is compared here")]
mod mailbox;

fn front_page() -> String {
    let lines = include_str!("../../src/lib.rs").lines();
    let page = lines.map_while(|line| line.strip_prefix("//!"));
    page.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}

#[test]
fn the_front_page_shows_the_example() {
    let example = include_str!("../../examples/mailbox.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    let (code, _) = code.split_once("/// The story of the bug").unwrap();
    assert!(front_page().contains(code.trim_end()), "{code}");
}

/// The crate's page in a registry is the beginning of its front page.
/// `WAKEPROOF_BLESS=1 cargo test -p wakeproof-explore front_page` writes it anew.
#[test]
fn the_readme_is_the_beginning_of_the_front_page() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let page = front_page();
    let (beginning, rest) = page.split_once("# What a verdict is worth").unwrap();
    let (worth, _) = rest.split_once("[loom](").unwrap();
    let worth = worth.replace("[`Verdict`]", "`Verdict`");
    let beginning = beginning
        .replace("[`Explorer::prove`]", "`Explorer::prove`")
        .replace("```\nuse wakeproof", "```rust\nuse wakeproof");
    let readme = format!(
        "# wakeproof-explore\n\n{beginning}## What a verdict is worth{worth}\
         The documentation of the crate goes on from here: bounds, CI, what each checker cannot see, and how to move\n\
         in from the standard library, loom or shuttle.\n"
    );
    if std::env::var_os("WAKEPROOF_BLESS").is_some() {
        std::fs::write(path, readme).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(path).unwrap(), readme);
    }
}

#[test]
fn the_front_page_shows_what_the_example_prints() {
    let page = front_page();
    let folder = file!().strip_suffix("front_page.rs").unwrap();
    for story in mailbox::stories() {
        // The example is a part of this test here, which shows in its file's name and in its function's.
        let printed = story
            .to_string()
            .replace(&format!("{folder}../../examples/"), "explore/examples/")
            .replace("all::front_page::mailbox::", "mailbox::");
        assert!(
            page.contains(printed.trim_end()),
            "the front page does not have:\n{printed}"
        );
    }
}
