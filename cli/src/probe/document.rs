//! `docs/loops.md`, made from a run.

use std::fmt::{self, Write};

use clap::ValueEnum;

use super::cell::{Cell, Clause, Level};
use super::loops::{ECOSYSTEMS, LOOPS};
use super::session::Probed;
use super::table::{Note, PARTS, answer, below, notes, remarks, star};

const HEAD: &str = "\
# Real event loops, held against the contract

Made by `wakeproof probe --build --format markdown` from runs of these loops; nothing here was written by
hand. `wakeproof probe LOOP` shows a row again, `--record DIR` leaves a recording of each run, and `wakeproof
conform --trace FILE` has the judge read it. `probes/README.md` tells how a loop is driven.

*Stranded* means: after the call, every thread of the process was seen asleep without a time limit, and the
callback had not run. It runs when something else wakes the loop, or never. A star: the look could not tell, and
nothing happened for 300 ms. A dash: the loop has no such call, or the adapter does not know it.
";

/// The document.
///
/// # Errors
///
/// None: writing to a string does not fail.
pub(crate) fn write(probed: &[Probed], date: &str) -> Result<String, fmt::Error> {
    let mut out = String::from(HEAD);
    writeln!(out, "\nThe run was on {date}.")?;
    write_advice(&mut out, probed)?;
    let notes = notes(probed);
    writeln!(out, "\n## What each does\n")?;
    writeln!(
        out,
        "A number in brackets leads to what is wrong, below. What is asked:\n"
    )?;
    for clause in Clause::value_variants() {
        let level = match clause.level(false) {
            Level::Must => " (must)",
            Level::Should => " (should)",
            Level::Observation => "",
        };
        writeln!(out, "- `{clause}`{level}: {}.", lowercase(&clause.asks()))?;
    }
    for part in &PARTS {
        write_part(&mut out, part.title, part.clauses, probed, &notes)?;
    }
    write_deviations(&mut out, probed, &notes)?;
    Ok(out)
}

fn lowercase(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    first.chain(chars).collect()
}

/// For people of each ecosystem: which call to use, and which not.
fn write_advice(out: &mut String, probed: &[Probed]) -> fmt::Result {
    writeln!(out, "\n## Which call to use from another thread")?;
    for ecosystem in ECOSYSTEMS {
        writeln!(out, "\n### {ecosystem}\n")?;
        writeln!(
            out,
            "| loop | version | from another thread | not from another thread | what happens if you do | the mistake |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|")?;
        for known in LOOPS.iter().filter(|known| known.ecosystem() == ecosystem) {
            let Some(probed) = probed.iter().find(|probed| probed.name == known.name) else {
                continue;
            };
            let Some(hello) = &probed.hello else {
                continue;
            };
            let call = |how: &str| {
                let words = ["submit", "timer", "set", "stop"];
                let names = words
                    .iter()
                    .filter_map(|word| hello.calls.get(&format!("{word} {how}")));
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            };
            let (happens, entry) = fate(probed);
            writeln!(
                out,
                "| {} | {} | {} | {} | {happens} | {entry} |",
                hello.name,
                hello.version,
                call("safe"),
                call("plain"),
            )?;
        }
    }
    writeln!(
        out,
        "\nThe mistake is the catalogue's: `wakeproof trace no-notify` draws how the wakeup is lost, and \
         `wakeproof matrix` shows which checker finds it."
    )
}

/// What becomes of the plain call's callback, and which entry of the catalogue that is.
fn fate(probed: &Probed) -> (String, &'static str) {
    let cell = |clause| probed.cells.iter().find(|cell| cell.clause == clause);
    let outcome = |clause| cell(clause).map(|cell: &Cell| &*cell.outcome);
    match (outcome(Clause::Plain), outcome(Clause::Then)) {
        (Some("stranded"), Some(then)) => {
            let later = match then {
                "slept on" => "a safe call does not rescue it",
                "ran, after it" => "the next safe call rescues it, and overtakes it",
                _ => "the next safe call rescues it",
            };
            (format!("stranded; {later}"), "`no-notify`")
        }
        (Some("stranded"), None) => (
            "stranded, and no call of another thread wakes it".into(),
            "`no-notify`",
        ),
        (Some(outcome), _) => (outcome.to_owned(), "-"),
        (None, _) => ("there is one call, and it wakes".into(), "-"),
    }
}

fn write_part(
    out: &mut String,
    title: &str,
    clauses: &[Clause],
    probed: &[Probed],
    notes: &[Note<'_>],
) -> fmt::Result {
    writeln!(out, "\n### {title}\n")?;
    write!(out, "| loop |")?;
    for clause in clauses {
        write!(out, " {clause} |")?;
    }
    write!(out, "\n|---|")?;
    for _ in clauses {
        write!(out, "---|")?;
    }
    writeln!(out)?;
    for probed in probed {
        if !probed
            .cells
            .iter()
            .any(|cell| clauses.contains(&cell.clause))
        {
            continue;
        }
        write!(out, "| {} |", probed.name)?;
        for clause in clauses {
            let cell = probed.cells.iter().find(|cell| cell.clause == *clause);
            let mark = match cell {
                Some(cell) if !cell.fine => "✗ ",
                Some(cell) if cell.level != Level::Observation => "✓ ",
                _ => "",
            };
            write!(out, " {mark}{} |", answer(cell, notes))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_deviations(out: &mut String, probed: &[Probed], notes: &[Note<'_>]) -> fmt::Result {
    writeln!(out, "\n## What is not as it must or should be\n")?;
    writeln!(out, "```text")?;
    for note in notes {
        writeln!(
            out,
            "{}\n",
            below(note, &format!("wakeproof probe {}", note.name))
        )?;
    }
    for remark in probed.iter().flat_map(remarks) {
        writeln!(out, "{remark}\n")?;
    }
    for star in probed.iter().filter_map(star) {
        writeln!(out, "{star}\n")?;
    }
    writeln!(out, "```")
}
