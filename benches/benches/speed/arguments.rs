//! The command line.

use std::path::PathBuf;

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

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub quick: bool,
    pub write: Option<PathBuf>,
    pub filter: Option<String>,
}

impl Arguments {
    /// `None` if the help is asked for.
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

    pub fn selects(&self, work: &str) -> bool {
        self.filter
            .as_deref()
            .is_none_or(|filter| work.contains(filter))
    }
}
