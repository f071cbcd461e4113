//! What a module says about its actions: the comment in front of each.

use std::collections::BTreeMap;
use std::path::Path;

use crate::spec::read;

/// Each definition's comment, as one line, in this module and in those that it extends.
pub(super) fn sentences(folder: &Path, text: &str) -> BTreeMap<String, String> {
    let mut sentences = BTreeMap::new();
    for extended in extended(text) {
        // Those that come with TLA+ are not here.
        if let Ok(text) = read(&folder.join(format!("{extended}.tla"))) {
            sentences.extend(self::sentences(folder, &text));
        }
    }
    sentences.extend(of_one(text));
    sentences
}

fn extended(text: &str) -> Vec<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix("EXTENDS "));
    let names = line.into_iter().flat_map(|names| names.split(','));
    names.map(str::trim).collect()
}

fn of_one(text: &str) -> BTreeMap<String, String> {
    let mut sentences = BTreeMap::new();
    for comment in text.split("\n(* ").skip(1) {
        let Some((comment, rest)) = comment.split_once("*)\n") else {
            continue;
        };
        let (name, _) = rest
            .split_once(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or_default();
        let is_definition = rest.lines().next().is_some_and(|line| line.contains("=="));
        if is_definition && !name.is_empty() {
            let words: Vec<&str> = comment.split_whitespace().collect();
            sentences.insert(name.to_owned(), words.join(" "));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::default_directory;

    #[test]
    fn an_action_has_the_comment_in_front_of_it_also_in_a_module_that_is_extended() {
        let folder = default_directory();
        let text = read(&folder.join("AsyncioLoop.tla")).unwrap();
        let sentences = sentences(&folder, &text);
        assert_eq!(
            sentences["AsyncioRun"],
            "The loop: runs the first that is ready, if it is a callback."
        );
        assert_eq!(
            sentences["Write"],
            "Another thread: writes a byte to the pipe, if it is not full."
        );
        assert!(!sentences.contains_key("AsyncioNext"));
    }
}
