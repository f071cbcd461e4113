//! `wakeproof completions`: completions for a shell.

use std::io::Write;

use clap_complete::Shell;

use crate::help;
use crate::report::Verdict;
use crate::screen;

const EXAMPLES: &str = "\
Examples:
  source <(wakeproof completions bash)   in this shell; in ~/.bashrc: in every
  wakeproof completions zsh > ~/.zfunc/_wakeproof
  wakeproof completions fish > ~/.config/fish/completions/wakeproof.fish";

#[derive(Debug, clap::Args)]
#[command(after_help = help::below(EXAMPLES, ""))]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, command: &mut clap::Command) -> anyhow::Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "wakeproof", &mut script);
    screen::verbatim().write_all(&script)?;
    Ok(Verdict::AsExpected)
}
