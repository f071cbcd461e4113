//! What stands below each `--help`.

/// The examples, and the exit statuses, which are the same for every command. `means` says what they mean here.
pub(crate) fn below(examples: &str, means: &str) -> String {
    let status = "\
Exit status: 0 as expected, 1 not as expected, 2 usage or environment (what
cannot be decided or written, too), 130 interrupted.";
    if means.is_empty() {
        return format!("{examples}\n\n{status}");
    }
    format!("{examples}\n\n{status}\nHere: {means}")
}
