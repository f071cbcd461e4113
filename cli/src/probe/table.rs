//! What was found out about loops, as tables that fit eighty columns, with what is wrong below them.

use std::fmt::Write;

use super::adapter::TIME_LIMIT;
use super::cell::{Cell, Clause, Grounds, Level};
use super::session::Probed;

/// A table: what it is about, and its columns.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) clauses: &'static [Clause],
}

/// The clauses, in tables narrow enough for a terminal.
pub(crate) const PARTS: [Part; 8] = [
    Part {
        title: "Calls from another thread, to a loop that is asleep",
        clauses: &[Clause::SleepsIn, Clause::Plain, Clause::Safe],
    },
    Part {
        title: "Order, and cancelling",
        clauses: &[
            Clause::Then,
            Clause::Order,
            Clause::AcrossKinds,
            Clause::Cancel,
        ],
    },
    Part {
        title: "Stops and timers from another thread, the plain way and the safe one",
        clauses: &[
            Clause::StopPlain,
            Clause::StopSafe,
            Clause::TimerPlain,
            Clause::TimerSafe,
        ],
    },
    Part {
        title: "Events that a waiter waits for, set from another thread; starving",
        clauses: &[Clause::EventPlain, Clause::EventSafe, Clause::Snapshot],
    },
    Part {
        title: "Stops and exceptions on the loop's own thread",
        clauses: &[Clause::AfterStop, Clause::StopFirst, Clause::Exception],
    },
    Part {
        title: "Close",
        clauses: &[Clause::Closed, Clause::Race],
    },
    Part {
        title: "Debug mode, and a second with nothing to do",
        clauses: &[Clause::Debug, Clause::Unchanged, Clause::Idle],
    },
    Part {
        title: "The module of the loop's design",
        clauses: &[Clause::Design],
    },
];

/// A cell that is not as it must or should be, by its number below the table.
pub(crate) struct Note<'a> {
    pub(crate) number: usize,
    pub(crate) name: &'a str,
    pub(crate) cell: &'a Cell,
}

/// All cells that are not as they must or should be, numbered.
pub(crate) fn notes(probed: &[Probed]) -> Vec<Note<'_>> {
    let mut notes = Vec::new();
    for probed in probed {
        for cell in probed.cells.iter().filter(|cell| !cell.fine) {
            notes.push(Note {
                number: notes.len() + 1,
                name: &probed.name,
                cell,
            });
        }
    }
    notes
}

/// The answer of a loop to a clause, as it stands in a table.
pub(crate) fn answer(cell: Option<&Cell>, notes: &[Note<'_>]) -> String {
    let Some(cell) = cell else {
        return "-".into();
    };
    let mut text = cell.outcome.clone();
    if let Some(detail) = &cell.detail {
        // A table has room for the outcome or for the number, and a good outcome says nothing new.
        let is_known = matches!(text.as_str(), "kept" | "asleep");
        text = if is_known {
            detail.clone()
        } else {
            format!("{text}, {detail}")
        };
    }
    if cell.grounds == Some(Grounds::TimeLimit) {
        text.push('*');
    }
    if let Some(note) = notes.iter().find(|note| std::ptr::eq(note.cell, cell)) {
        let _ = write!(text, " [{}]", note.number);
    }
    text
}

/// Why the answers of a loop with a star are no proof.
pub(crate) fn star(probed: &Probed) -> Option<String> {
    let (name, why) = (&probed.name, probed.unseen.as_ref()?);
    let limit = TIME_LIMIT.as_millis();
    let is_starred = |cell: &&Cell| cell.grounds == Some(Grounds::TimeLimit);
    let starred = probed.cells.iter().filter(is_starred);
    let starred: Vec<String> = starred.map(|cell| cell.clause.name()).collect();
    if starred.is_empty() {
        return None;
    }
    let starred = starred.join(", ");
    Some(format!(
        "* {name} ({starred}): nothing happened for {limit} ms, which is no proof. The look: {why}"
    ))
}

/// Why an answer that is fine says no more.
pub(crate) fn remarks(probed: &Probed) -> impl Iterator<Item = String> {
    let cells = probed.cells.iter().filter(|cell| cell.fine);
    cells.filter_map(|cell| {
        let sentence = cell.sentence.as_ref()?;
        Some(format!("{}, {}: {sentence}", probed.name, cell.clause))
    })
}

/// What is wrong, with the lines that show it and the command that shows it again.
pub(crate) fn below(note: &Note<'_>, again: &str) -> String {
    let Note { number, name, cell } = note;
    let level = match cell.level {
        Level::Must => "must",
        Level::Should => "should",
        Level::Observation => "observation",
    };
    let mut text = format!("[{number}] {name}, {} ({level}): ", cell.clause);
    text.push_str(cell.sentence.as_deref().unwrap_or("not as it must be."));
    for line in &cell.lines {
        let _ = write!(text, "\n      {line}");
    }
    let file = &cell.recording;
    let _ = write!(
        text,
        "\n    again: {again} --record out\n           wakeproof conform --trace out/{name}-{file}"
    );
    text
}
