//! The command line.

use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
How fast the loop is beside what people use instead.

Usage: cargo bench -p wakeproof-benches -- [OPTIONS] [WORK]

  WORK            only the kinds of work whose names contain this
  --quick         about a minute, with more noise
  --write FOLDER  replace the tables and plots of speed.md there
  --help          this text

Examples:
  cargo bench -p wakeproof-benches
  cargo bench -p wakeproof-benches -- --quick submit
  cargo bench -p wakeproof-benches -- --write docs
";

/// What the user wants to have measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Less of everything.
    pub quick: bool,
    /// The folder of the page to write.
    pub write: Option<PathBuf>,
    /// What the names of the work must contain.
    pub filter: Option<String>,
}

impl Arguments {
    /// Reads the words of the command line. `None` if the help is asked for.
    ///
    /// # Errors
    ///
    /// What is wrong, in one line.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments = Arguments::default();
        let mut words = words;
        while let Some(word) = words.next() {
            match &*word {
                "--bench" => {} // cargo says so
                "--help" | "-h" => return Ok(None),
                "--quick" => arguments.quick = true,
                "--write" => {
                    let folder = words.next().ok_or("--write needs a folder")?;
                    arguments.write = Some(folder.into());
                }
                option if option.starts_with('-') => {
                    return Err(format!("no option {option:?}; --help lists them"));
                }
                _ => arguments.filter = Some(word),
            }
        }
        if arguments.write.is_some() && arguments.filter.is_some() {
            return Err("--write needs all the work, not only some of it".into());
        }
        Ok(Some(arguments))
    }

    /// Whether to do the work with this name.
    #[must_use]
    pub fn selects(&self, work: &str) -> bool {
        self.filter
            .as_deref()
            .is_none_or(|filter| work.contains(filter))
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn parse(words: &str) -> Result<Option<Arguments>, String> {
        Arguments::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn cargo_adds_a_word_of_its_own() {
        assert_eq!(parse("--bench"), Ok(Some(Arguments::default())));
    }

    #[test]
    fn a_word_selects_work() {
        let arguments = parse("--quick timers --bench").unwrap().unwrap();
        assert!(arguments.quick);
        assert!(arguments.selects("1000 timers in order"));
        assert!(!arguments.selects("call_soon and cancel"));
        assert!(parse("").unwrap().unwrap().selects("anything"));
    }

    #[test]
    fn help_comes_before_everything() {
        assert_eq!(parse("--quick --help"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for words in ["--qick", "--write", "--write docs timers"] {
            let message = parse(words).unwrap_err();
            assert!(
                !message.is_empty() && !message.contains('\n'),
                "{message:?}"
            );
        }
    }
}
