//! The tables: on the terminal, and as Markdown.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::asleep::Burst;
use crate::contest::Row;
use crate::growth::Curve;
use crate::{plot, python};

pub struct Report {
    pub quick: bool,
    pub rounds: usize,
    pub rows: Vec<Row>,
    pub bursts: Vec<Burst>,
    pub curves: Vec<Curve>,
}

/// Where the tables stand in speed.md.
const BEGIN: &str = "<!-- The bench writes what follows, up to the end. -->\n";

impl Report {
    /// For a terminal of 80 columns. The table of ratios comes last.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for curve in &self.curves {
            let _ = writeln!(text, "\nns each, by the number of {}", curve.of);
            for (size, each) in &curve.points {
                let (median, lower, upper) = (each.median, each.lower, each.upper);
                let _ = writeln!(text, "{size:>9}  {median:>8.0}  ({lower:.0} to {upper:.0})");
            }
        }
        if !self.bursts.is_empty() {
            text.push_str("\na burst of callbacks to a sleeping loop\n");
        }
        for burst in &self.bursts {
            let _ = writeln!(
                text,
                "{:>9}  {:>8.0} ns each, {} notifications",
                burst.callbacks, burst.each, burst.notifications
            );
        }
        let _ = writeln!(
            text,
            "\nour time / the peer's: median of {} rounds, quartiles, target\n",
            self.rounds
        );
        let mut work = "";
        for row in &self.rows {
            if row.work != work {
                work = &row.work;
                let _ = writeln!(text, "{work}: {:.0} ns", row.ours.median);
            }
            let (name, theirs, ratio) = (row.peer, row.theirs.median, row.ratio);
            let (median, lower, upper) = (ratio.median, ratio.lower, ratio.upper);
            let spread = format!("({lower:.2} to {upper:.2})");
            let _ = writeln!(
                text,
                "  {name:<34}{theirs:>8.0} ns {median:>5.2} {spread:<14} {}",
                verdict(row)
            );
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        let command = match self.quick {
            true => "cargo bench -p wakeproof-benches --bench speed -- --quick --write docs",
            false => "cargo bench -p wakeproof-benches --bench speed -- --write docs",
        };
        let _ = write!(
            text,
            "\n`{command}`\n\non {}, {}, {} processors, {}, {}; {} rounds. Load while it ran: {}.\n",
            date(),
            processor(),
            thread::available_parallelism().map_or(1, usize::from),
            first_line("rustc", "--version"),
            python::version(),
            self.rounds,
            load(),
        );
        text.push_str(
            "\n| work | ns | peer | ns | our time / the peer's | quartiles | target |\n\
             |---|---|---|---|---|---|---|\n",
        );
        let mut work = "";
        for row in &self.rows {
            let (mut name, mut ours) = (String::new(), String::new());
            if row.work != work {
                work = &row.work;
                name.clone_from(&row.work);
                ours = format!("{:.0}", row.ours.median);
            }
            let ratio = row.ratio;
            let _ = writeln!(
                text,
                "| {name} | {ours} | {} | {:.0} | {:.2} | {:.2} to {:.2} | {} |",
                row.peer,
                row.theirs.median,
                ratio.median,
                ratio.lower,
                ratio.upper,
                verdict(row)
            );
        }
        text.push_str(
            "\nA burst of callbacks to a sleeping loop:\n\n\
             | callbacks | ns each | notifications |\n|---|---|---|\n",
        );
        for burst in &self.bursts {
            let Burst {
                callbacks,
                each,
                notifications,
            } = burst;
            let _ = writeln!(text, "| {callbacks} | {each:.0} | {notifications} |");
        }
        text.push_str("\n## Cost as work grows: figures\n\n![growth](growth.svg)\n");
        for curve in &self.curves {
            let _ = write!(
                text,
                "\n| {} | ns each | quartiles |\n|---|---|---|\n",
                curve.of
            );
            for (size, each) in &curve.points {
                let (median, lower, upper) = (each.median, each.lower, each.upper);
                let _ = writeln!(text, "| {size} | {median:.0} | {lower:.0} to {upper:.0} |");
            }
        }
        text
    }
}

/// `speed.md`, whose tables are to be replaced.
pub struct Page {
    folder: PathBuf,
    /// What stands before the tables.
    kept: String,
}

impl Page {
    /// Reads it from a folder, relative to the workspace.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = workspace.join(folder);
        let path = folder.join("speed.md");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let Some((kept, _)) = text.split_once(BEGIN) else {
            return Err(format!("{} has no line {:?}", path.display(), BEGIN.trim()));
        };
        let kept = kept.to_owned();
        Ok(Page { folder, kept })
    }

    /// Writes the plots, and the page with new tables.
    pub fn write(&self, report: &Report) -> Result<(), String> {
        let page = format!("{}{BEGIN}{}", self.kept, report.markdown());
        let files = [
            ("speed.md", page),
            ("speed.svg", plot::ratios(&report.rows)),
            ("growth.svg", plot::curves(&report.curves)),
        ];
        for (name, text) in files {
            let path = self.folder.join(name);
            replace(&path, &text)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }
}

fn verdict(row: &Row) -> String {
    match (row.target, row.is_met()) {
        (Some(target), Some(true)) => format!("≤ {target}: met"),
        (Some(target), Some(false)) => format!("≤ {target}: missed"),
        _ => String::new(),
    }
}

/// Writes a file in one step, so that no half of it is ever there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}

fn first_line(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}

fn date() -> String {
    first_line("date", "+%Y-%m-%d")
}

fn processor() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    name.map_or("?", |name| name.trim_start_matches([' ', '\t', ':']))
        .to_owned()
}

fn load() -> String {
    let known = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    known.split(' ').take(3).collect::<Vec<_>>().join(", ")
}
