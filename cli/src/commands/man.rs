//! `wakeproof man`: the manual page, or that of a subcommand.

use std::io::Write;

use anyhow::Context;
use clap_mangen::Man;

use crate::help;
use crate::report::Verdict;
use crate::screen;

const EXAMPLES: &str = "\
Examples:
  wakeproof man | man -l -          reads it
  wakeproof man stuck | man -l -    reads that of a subcommand
  wakeproof man > ~/.local/share/man/man1/wakeproof.1";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, ""))]
pub(crate) struct Args {
    /// The subcommand.
    #[arg(value_name = "COMMAND")]
    of: Option<String>,
}

pub(crate) fn run(args: &Args, whole: &clap::Command) -> anyhow::Result<Verdict> {
    let mut whole = whole.clone();
    // Gives the subcommands their full names.
    whole.build();
    let command = match &args.of {
        None => &whole,
        Some(name) => {
            let names: Vec<&str> = whole
                .get_subcommands()
                .map(clap::Command::get_name)
                .collect();
            let found = whole.find_subcommand(name);
            found.with_context(|| {
                let names = names.join(", ");
                format!("no subcommand is called {name:?}; there are {names}")
            })?
        }
    };
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    screen::verbatim().write_all(&page)?;
    Ok(Verdict::AsExpected)
}
