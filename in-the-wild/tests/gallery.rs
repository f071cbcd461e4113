//! Each program is found faulty, and its repair proved or not; and the page tells each story.

use std::fmt::Write;
use std::path::Path;
use std::time::SystemTime;
use std::{env, fs};

use wakeproof_explore::suite::Expected::{self, Found};
use wakeproof_explore::{self as explore, Limits, Search};
use wakeproof_in_the_wild::{Report, reports};

#[test]
fn the_fault_is_found_and_the_repair_proved_or_not() {
    let mut wrong = Vec::new();
    for report in reports() {
        let name = report.name;
        let limits = Limits {
            executions: Some(report.executions),
            ..Limits::default()
        };
        for (body, [loom, shuttle]) in [
            (report.faulty, report.of_fault),
            (report.repaired, report.of_repair),
        ] {
            let by_loom = explore::loom(report.environment, &limits, body);
            let search = Search::Exhaustive;
            let by_shuttle = explore::shuttle(report.environment, search, &limits, body);
            for (explored, expected) in [(by_loom, loom), (by_shuttle, shuttle)] {
                println!("{name}: {explored} ({:?})", explored.time);
                let of = Expected::of(&explored);
                // Where nobody sleeps, an assertion has the last word.
                let says = |text: &&str| explored.to_string().contains(*text);
                let is_asleep = of != Found || says(&"deadlock") || report.end.iter().all(says);
                if of != expected || !is_asleep {
                    wrong.push(format!("{name}: {expected:?} expected, {explored}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `WAKEPROOF_BLESS=1 cargo test -p wakeproof-in-the-wild` writes the page anew.
const PAGE: &str = "docs/in-the-wild.md";
const BEGIN: &str = "<!-- begin: gallery -->\n";
const END: &str = "<!-- end: gallery -->\n";
const REPLAY: &str = "\nReplay: `";

/// What the page has of a search: the execution that it found, and what it took to find.
struct Searched {
    line: String,
    executions: u64,
    seconds: f64,
}

impl Searched {
    fn now(report: &Report) -> Self {
        let name = report.name;
        let story = report.fault().run().unwrap_or_else(|why| panic!("{why}"));
        let replay = story
            .replay
            .unwrap_or_else(|| panic!("{name}: {}", story.exploration));
        let (_, line) = replay.split_once("='").expect("a variable and its value");
        let searches = story.searches.iter().map(|(_, search)| search);
        Searched {
            line: line.trim_end_matches('\'').to_owned(),
            executions: searches.clone().map(|search| search.executions).sum(),
            seconds: searches.map(|search| search.time.as_secs_f64()).sum(),
        }
    }

    fn read(page: &str, report: &Report) -> Self {
        let name = report.name;
        let between = |before: &str, after: &str| {
            let rest = page.split_once(before).map(|(_, rest)| rest);
            let part = rest.and_then(|rest| Some(rest.split_once(after)?.0));
            part.unwrap_or_else(|| panic!("{PAGE} does not have {before:?}: write it anew"))
        };
        let row = between(&format!("](#{name}) |"), "|\n");
        let mut cells = row.split('|').rev().map(str::trim);
        let mut number = || cells.next().and_then(|cell| cell.parse::<f64>().ok());
        let [seconds, executions] = [(); 2].map(|()| number().expect("a number"));
        let section = between(&format!("\n## {name}\n"), "\n## ");
        let (_, line) = section.split_once(REPLAY).expect(REPLAY);
        let (line, _) = line.split_once('`').expect("the line");
        Searched {
            line: line.to_owned(),
            executions: executions as u64,
            seconds,
        }
    }
}

fn median<T: Copy + PartialOrd>(all: impl Iterator<Item = T>) -> T {
    let mut all: Vec<T> = all.collect();
    all.sort_by(|one, other| one.partial_cmp(other).expect("they are numbers"));
    all[all.len() / 2]
}

/// On what, and when.
fn measured(searched: &[Searched]) -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let number = std::thread::available_parallelism().map_or(1, usize::from);
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let (today, _) = today.split_once('T').expect("a day and a time");
    format!(
        "The executions and the seconds are those up to the first counterexample, without its shortening and its \
         drawing:\nthe median is {} executions and {:.4} s. Measured on {today} on {number} processors of the kind \
         {model},\nbuilt as tests are.\n",
        median(searched.iter().map(|one| one.executions)),
        median(searched.iter().map(|one| one.seconds)),
    )
}

#[test]
fn the_gallery_tells_each_story() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let page = fs::read_to_string(&path).expect(PAGE);
    let blesses = env::var_os("WAKEPROOF_BLESS");
    // Other words for the same executions need no new search.
    let searches = blesses.as_ref().is_some_and(|how| how != "draw");
    let (head, rest) = page.split_once(BEGIN).expect(BEGIN);
    let (old, tail) = rest.split_once(END).expect(END);
    let reports = reports();
    let searched = reports.iter().map(|report| {
        if searches {
            Searched::now(report)
        } else {
            Searched::read(&format!("{old}\n## "), report)
        }
    });
    let searched: Vec<Searched> = searched.collect();
    let (mut drawings, mut wrong) = (String::new(), Vec::new());
    let mut table = if searches {
        measured(&searched)
    } else {
        let (measured, _) = old
            .trim_start()
            .split_once("\n\n")
            .expect("what was measured");
        format!("{measured}\n")
    };
    table += "\n| report | primitive | what goes wrong | the repair | executions | seconds |\n\
              | --- | --- | --- | --- | --: | --: |\n";
    for (report, searched) in reports.iter().zip(&searched) {
        let Searched {
            line,
            executions,
            seconds,
        } = searched;
        let replayed = report.fault().replay(line);
        let story = replayed.unwrap_or_else(|why| panic!("{}: {why}", report.name));
        let trace = story.trace.expect("an execution that fails");
        for end in report.end {
            if !trace.end.contains(end) {
                let told = format!("{}: {end:?} is not in {:?}", report.name, trace.end);
                wrong.push(told);
            }
        }
        let (name, cited) = (report.name, report.cited());
        let (primitive, what, repair) = (report.primitive, report.wrong, report.of_repair());
        let _ = writeln!(
            table,
            "| [{cited}](#{name}) | {primitive} | {what} | {repair} | {executions} | {seconds:.4} |"
        );
        let text = trace.to_text();
        let (_, drawing) = text.split_once("\n\n").expect("a caption");
        let (words, drawing) = (report.words(), drawing.trim_end());
        let _ = writeln!(
            drawings,
            "\n## {name}\n\n{words}\n\n[The program](../in-the-wild/src/{name}.rs)\n\n\
             ```text\n{drawing}\n```\n{REPLAY}{line}`"
        );
    }
    let new = format!("{head}{BEGIN}\n{table}{drawings}\n{END}{tail}");
    if blesses.is_some() {
        fs::write(&path, new).expect(PAGE);
    } else {
        assert_eq!(page, new, "{PAGE} differs: write it with WAKEPROOF_BLESS=1");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
