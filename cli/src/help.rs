//! What stands below each `--help`.

/// How wide it may be.
const WIDTH: usize = 80;

/// The examples, and the exit statuses, which are the same for every command. `means` says what they mean here.
pub(crate) fn below(examples: &str, means: &str) -> String {
    let status = "\
Exit status: 0 as expected, 1 not as expected, 2 usage or environment (what
cannot be decided or written, too), 130 interrupted.";
    let examples = fitted(examples);
    if means.is_empty() {
        return format!("{examples}\n\n{status}");
    }
    format!("{examples}\n\n{status}\nHere: {means}")
}

/// Examples with their descriptions beside them or, if one is too wide for that, below them.
fn fitted(examples: &str) -> String {
    if examples.lines().all(|line| line.chars().count() <= WIDTH) {
        return examples.to_owned();
    }
    let lines = examples.lines().map(|line| {
        let example = line.trim_start();
        match example.split_once("   ") {
            _ if !line.starts_with("  ") => textwrap::fill(line, WIDTH),
            Some((command, means)) => format!("  {command}\n      {}", means.trim_start()),
            // The rest of a description has its place.
            None if line.starts_with("   ") => format!("      {example}"),
            None => line.to_owned(),
        }
    });
    let lines: Vec<String> = lines.collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_that_are_too_wide_are_described_below() {
        let narrow = "Examples:\n  wakeproof probe   every loop";
        assert_eq!(fitted(narrow), narrow);
        let long = "a".repeat(70);
        let wide = format!("Examples:\n  wakeproof probe   {long}\n  wakeproof spec --model X");
        let expected =
            format!("Examples:\n  wakeproof probe\n      {long}\n  wakeproof spec --model X");
        assert_eq!(fitted(&wide), expected);
    }
}
