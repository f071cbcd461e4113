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

#[test]
fn the_front_page_shows_what_the_example_prints() {
    let page = front_page();
    for story in mailbox::stories() {
        // The example is a part of this test here, which shows in its file's name and in its function's.
        let printed = story
            .to_string()
            .replace("explore/tests/all/../../examples/", "explore/examples/")
            .replace("all::front_page::mailbox::", "mailbox::");
        assert!(
            page.contains(printed.trim_end()),
            "the front page does not have:\n{printed}"
        );
    }
}
