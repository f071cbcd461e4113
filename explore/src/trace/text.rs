//! Lanes of characters: a box for what a thread does under one lock, and beside it what the threads share.

use std::fmt::Write;

use super::section::{Line, Lock, Section};
use super::wrap::{columns, harmless, wrap};
use super::{Notified, Trace};

/// What a drawing is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many columns there are. Fewer than 40 count as 40.
    pub width: usize,
    /// Draw with characters of ASCII only.
    pub is_ascii: bool,
    /// Draw the step that goes wrong in red, by the escape sequences of a terminal.
    pub has_colours: bool,
}

impl Default for Page {
    /// 80 columns, without colours.
    fn default() -> Self {
        Page {
            width: 80,
            is_ascii: false,
            has_colours: false,
        }
    }
}

/// What a box is drawn with.
struct Pen {
    corners: [&'static str; 4],
    across: &'static str,
    down: &'static str,
    /// Where an arrow leaves the box to the left and to the right.
    leaves: [&'static str; 2],
}

const LIGHT: Pen = Pen {
    corners: ["┌", "┐", "└", "┘"],
    across: "─",
    down: "│",
    leaves: ["┤", "├"],
};
const HEAVY: Pen = Pen {
    corners: ["╔", "╗", "╚", "╝"],
    across: "═",
    down: "║",
    leaves: ["╢", "╟"],
};
const ASCII: Pen = Pen {
    corners: ["+"; 4],
    across: "-",
    down: "|",
    leaves: ["+"; 2],
};
const HEAVY_ASCII: Pen = Pen {
    corners: ["#"; 4],
    across: "#",
    down: "#",
    leaves: ["#"; 2],
};

const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// A lane is at least that wide, or there are no lanes.
const LEAST: usize = 20;
/// That wide, it is easy to read.
const GOOD: usize = 25;
/// A lane is at most that wide: longer lines are hard to read.
const MOST: usize = 44;
/// Between two lanes.
const GAP: usize = 3;
/// Of a column beside the lanes.
const MOST_BESIDE: usize = 16;
const LEAST_BESIDE: usize = 8;

/// What is drawn beside the lanes, one column each.
struct Beside {
    heads: Vec<&'static str>,
    widths: Vec<usize>,
}

pub(super) fn draw(trace: &Trace, page: &Page) -> String {
    let width = page.width.max(2 * LEAST);
    let mut out = String::new();
    // Writing to a string does not fail.
    let caption = format!("{}: {}", trace.fault, trace.wrong);
    for text in [&caption, &trace.found] {
        let _ = writeln!(out, "{}", wrap(&harmless(text), width, columns).join("\n"));
    }
    out.push('\n');
    let sections = trace.sections();
    let lanes = trace.threads.len().max(1);
    let room = |beside: &Beside| width.saturating_sub(beside.width() + (lanes - 1) * GAP) / lanes;
    // What is beside the lanes gets narrower before it goes below the boxes.
    let fitting = (LEAST_BESIDE..=MOST_BESIDE)
        .rev()
        .map(|most| Beside::of(&sections, most))
        .find(|beside| room(beside) >= GOOD);
    let narrowest = || Beside::of(&sections, LEAST_BESIDE);
    let beside = fitting
        .or_else(|| Some(narrowest()).filter(|beside| room(beside) >= LEAST))
        .or_else(|| Some(Beside::nothing()).filter(|beside| room(beside) >= LEAST));
    match beside {
        Some(beside) => {
            let lane = room(&beside).min(MOST);
            let lanes = Lanes {
                trace,
                page,
                lane,
                beside,
            };
            lanes.draw(&mut out, &sections);
        }
        None => one_below_the_other(&mut out, trace, &sections, width),
    }
    let end = wrap(&harmless(&trace.end), width - 3, columns).join("\n   ");
    let _ = writeln!(out, "\n=> {end}");
    if page.is_ascii {
        out = out
            .chars()
            .map(|letter| {
                if letter.is_ascii() {
                    letter
                } else {
                    plain(letter)
                }
            })
            .collect();
    }
    out
}

/// The nearest character of ASCII.
fn plain(letter: char) -> char {
    match letter {
        '─' | '—' | '–' | '═' => '-',
        '→' => '>',
        '…' => '.',
        '·' => '.',
        '’' => '\'',
        _ => '?',
    }
}

/// Whether anything is known of what the threads share.
fn is_known(section: &Section) -> bool {
    section.shared.queue.is_some()
        || !section.shared.flags.is_empty()
        || section.shared.clock.is_some()
}

/// What the threads share after a section, in one line.
fn in_a_line(section: &Section) -> String {
    let heads = ["queue", "flags", "mutex", "clock"];
    let known = heads.iter().zip(values(section, &heads));
    let known: Vec<String> = known
        .filter(|(_, value)| value != "-")
        .map(|(head, value)| format!("{head} {value}"))
        .collect();
    known.join("; ")
}

/// The values beside a box.
fn values(section: &Section, heads: &[&str]) -> Vec<String> {
    let shared = &section.shared;
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let value = |head: &&str| match *head {
        "queue" => known(&shared.queue),
        "flags" => shared.flags(),
        "mutex" => known(&shared.mutex),
        _ => known(&shared.clock),
    };
    heads.iter().map(value).collect()
}

impl Beside {
    fn nothing() -> Self {
        Beside {
            heads: Vec::new(),
            widths: Vec::new(),
        }
    }

    /// Columns that are at most that wide.
    fn of(sections: &[Section], most: usize) -> Self {
        // The primitives alone: only a mutex that is held between two boxes has something to say.
        let only_primitives = !sections.iter().any(is_known);
        let is_shown = |head: &str| {
            let mut values = sections
                .iter()
                .map(|section| values(section, &[head]).remove(0));
            match head {
                "mutex" if only_primitives => {
                    values.any(|value| value != "-" && value != super::shared::FREE)
                }
                _ => values.any(|value| value != "-"),
            }
        };
        let heads: Vec<&str> = ["queue", "flags", "mutex", "clock"]
            .into_iter()
            .filter(|head| is_shown(head))
            .collect();
        let widths = heads
            .iter()
            .map(|head| {
                let values = sections
                    .iter()
                    .map(|section| columns(&values(section, &[head])[0]));
                values.max().unwrap_or(0).clamp(columns(head), most)
            })
            .collect();
        Beside { heads, widths }
    }

    fn width(&self) -> usize {
        self.widths.iter().map(|width| width + 2).sum()
    }
}

struct Lanes<'a> {
    trace: &'a Trace,
    page: &'a Page,
    /// How wide each of them is.
    lane: usize,
    beside: Beside,
}

/// A line of the drawing, by columns.
#[derive(Default)]
struct Row(Vec<String>);

impl Row {
    fn put(&mut self, column: usize, text: &str) {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let end = column + letters.len();
        if self.0.len() < end {
            self.0.resize(end, " ".to_owned());
        }
        for (index, letter) in letters.into_iter().enumerate() {
            self.0[column + index] = letter;
        }
    }

    fn write(&self, out: &mut String) {
        out.push_str(self.0.concat().trim_end());
        out.push('\n');
    }
}

impl Lanes<'_> {
    fn column(&self, lane: usize) -> usize {
        lane * (self.lane + GAP)
    }

    fn lanes_width(&self) -> usize {
        self.column(self.trace.threads.len().max(1)) - GAP
    }

    fn draw(&self, out: &mut String, sections: &[Section]) {
        let mut rows = [Row::default(), Row::default()];
        let heads = self.trace.threads.iter().enumerate();
        for (lane, thread) in heads {
            let name = wrap(&harmless(thread), self.lane, columns).swap_remove(0);
            rows[1].put(self.column(lane), &"─".repeat(columns(&name)));
            rows[0].put(self.column(lane), &name);
        }
        let mut column = self.lanes_width() + 2;
        for (head, width) in self.beside.heads.iter().zip(&self.beside.widths) {
            rows[0].put(column, head);
            rows[1].put(column, &"─".repeat(columns(head)));
            column += width + 2;
        }
        for row in &rows {
            row.write(out);
        }
        let mut before = String::new();
        for (index, section) in sections.iter().enumerate() {
            self.section(out, index + 1, section);
            let known = in_a_line(section);
            if self.beside.heads.is_empty() && is_known(section) && known != before {
                for part in wrap(&harmless(&known), self.lanes_width() - 4, columns) {
                    let _ = writeln!(out, "  = {part}");
                }
                before = known;
            }
        }
        let ends: Vec<Vec<String>> = self
            .trace
            .ends
            .iter()
            .map(|end| wrap(&harmless(end), self.lane, columns))
            .collect();
        for number in 0..ends.iter().map(Vec::len).max().unwrap_or(0) {
            let mut row = Row::default();
            for (lane, end) in ends.iter().enumerate() {
                row.put(
                    self.column(lane),
                    end.get(number).map_or("", String::as_str),
                );
            }
            row.write(out);
        }
    }

    fn section(&self, out: &mut String, number: usize, section: &Section) {
        let (first, width) = match section.thread {
            Some(thread) => (self.column(thread), self.lane),
            // It is nobody's, so it goes across.
            None => (0, self.lanes_width()),
        };
        let pen = match (section.is_wrong, self.page.is_ascii) {
            (false, false) => LIGHT,
            (true, false) => HEAVY,
            (false, true) => ASCII,
            (true, true) => HEAVY_ASCII,
        };
        let mut lines: Vec<(String, Option<Notified>)> = Vec::new();
        for line in &section.lines {
            let text = line_of(section, line);
            let mut parts = wrap(&harmless(&text), width - 4, columns);
            let last = parts.pop().unwrap_or_default();
            lines.extend(parts.into_iter().map(|part| (part, None)));
            lines.push((last, line.notifies));
        }
        let title = title(number, section, width - 4, pen.across);
        let beside = values(section, &self.beside.heads);
        let beside: Vec<Vec<String>> = beside
            .iter()
            .zip(&self.beside.widths)
            .map(|(value, width)| wrap(&harmless(value), *width, columns))
            .collect();
        let mut rows = Vec::new();
        let mut top = Row::default();
        let rest = pen.across.repeat(width - 2 - columns(&title));
        top.put(
            first,
            &format!("{}{title}{rest}{}", pen.corners[0], pen.corners[1]),
        );
        rows.push(top);
        for (line, notifies) in &lines {
            let mut row = Row::default();
            let gap = " ".repeat(width - 4 - columns(line));
            row.put(first, &format!("{} {line}{gap} {}", pen.down, pen.down));
            self.arrow(&mut row, section, *notifies, &pen);
            rows.push(row);
        }
        let mut bottom = Row::default();
        let across = pen.across.repeat(width - 2);
        bottom.put(
            first,
            &format!("{}{across}{}", pen.corners[2], pen.corners[3]),
        );
        rows.push(bottom);
        let beside_rows = beside.iter().map(Vec::len).max().unwrap_or(0);
        while rows.len() < beside_rows + 1 {
            rows.push(Row::default());
        }
        for (index, mut row) in rows.into_iter().enumerate() {
            let mut column = self.lanes_width() + 2;
            for (value, width) in beside.iter().zip(&self.beside.widths) {
                // Beside the first line of the box, not beside its edge.
                if let Some(text) = index.checked_sub(1).and_then(|index| value.get(index)) {
                    row.put(column, text);
                }
                column += width + 2;
            }
            if section.is_wrong && self.page.has_colours {
                row.colour(first, first + width);
            }
            row.write(out);
        }
    }

    /// From the box to the thread that it wakes, or to nobody.
    fn arrow(&self, row: &mut Row, section: &Section, notifies: Option<Notified>, pen: &Pen) {
        let Some(thread) = section.thread else {
            return;
        };
        let (left, right) = (self.column(thread), self.column(thread) + self.lane - 1);
        let ascii = self.page.is_ascii;
        let (shaft, to_left, to_right, nobody) = if ascii {
            ("-", "<", ">", "x")
        } else {
            ("─", "◀", "▶", "✗")
        };
        match notifies {
            Some(Notified::Thread(woken)) if woken < thread => {
                row.put(left, pen.leaves[0]);
                let target = self.column(woken) + self.lane / 2;
                row.put(
                    target,
                    &format!("{to_left}{}", shaft.repeat(left - target - 1)),
                );
            }
            Some(Notified::Thread(woken)) if woken > thread => {
                row.put(right, pen.leaves[1]);
                let target = self.column(woken) + self.lane / 2;
                row.put(
                    right + 1,
                    &format!("{}{to_right}", shaft.repeat(target - right - 1)),
                );
            }
            Some(Notified::Nobody) => {
                row.put(right, pen.leaves[1]);
                // Beside the last lane there is less room.
                let is_last = thread + 1 == self.trace.threads.len();
                let shaft = if is_last { "" } else { shaft };
                row.put(right + 1, &format!("{shaft}{nobody}"));
            }
            _ => {}
        }
    }
}

impl Row {
    fn colour(&mut self, from: usize, to: usize) {
        if self.0.len() >= to {
            self.0[from].insert_str(0, RED);
            self.0[to - 1].push_str(PLAIN);
        }
    }
}

/// What stands in the upper edge of a box: its number, how it stands to the lock, and whether it goes wrong.
fn title(number: usize, section: &Section, most: usize, across: &str) -> String {
    let number = number.to_string();
    let mut parts = vec![number.as_str()];
    if section.is_wrong {
        parts.push("HERE");
    }
    if section.lock != Lock::None {
        parts.push(section.lock.in_words());
    }
    loop {
        let title = format!("{across} {} ", parts.join(" "));
        if columns(&title) <= most + 2 || parts.len() == 1 {
            return title;
        }
        parts.pop();
    }
}

/// What a line says, with a mark if it is the one of several that goes wrong.
fn line_of(section: &Section, line: &Line) -> String {
    let mark = if line.is_wrong && section.lines.len() > 1 {
        "! "
    } else {
        ""
    };
    format!("{mark}{}", line.what)
}

/// Where the lanes do not fit side by side.
fn one_below_the_other(out: &mut String, trace: &Trace, sections: &[Section], width: usize) {
    for (index, section) in sections.iter().enumerate() {
        let name = match section.thread {
            Some(thread) => harmless(&trace.threads[thread]),
            None => "the environment".to_owned(),
        };
        let lock = match section.lock {
            Lock::None => String::new(),
            lock => format!(", {}", lock.in_words()),
        };
        let wrong = if section.is_wrong { "   <-- here" } else { "" };
        let _ = writeln!(out, "{:>3}. {name}{lock}{wrong}", index + 1);
        for line in &section.lines {
            for part in wrap(&harmless(&line_of(section, line)), width - 7, columns) {
                let _ = writeln!(out, "       {part}");
            }
        }
        if is_known(section) {
            let known = wrap(&harmless(&in_a_line(section)), width - 9, columns);
            let _ = writeln!(out, "       = {}", known.join("\n         "));
        }
    }
    for (thread, end) in trace.threads.iter().zip(&trace.ends) {
        let line = harmless(&format!("{thread}: {end}"));
        let _ = writeln!(
            out,
            "end  {}",
            wrap(&line, width - 5, columns).join("\n     ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Shared, Told};
    use super::*;

    fn trace(threads: usize) -> Trace {
        let threads: Vec<String> = (0..threads)
            .map(|number| format!("thread {number}"))
            .collect();
        let shared = Shared {
            queue: Some("1".into()),
            flags: vec!["asleep".into(), "loop until 3600s".into()],
            mutex: Some("free".into()),
            ..Shared::default()
        };
        let steps = (0..threads.len()).map(|thread| Told {
            kind: Kind::Other,
            shared: shared.clone(),
            notifies: Some(Notified::Thread(0)),
            ..Told::new(
                Some(thread),
                "says_something_in_a_very_long_word, and goes on after it",
            )
        });
        Trace {
            fault: "EveryCallbackIsSettled".into(),
            wrong: "a callback that was accepted by a call that wakes the loop runs; ".repeat(2),
            found: "the fewest lines that lead to it "
                .repeat(3)
                .trim_end()
                .into(),
            schedule: None,
            ends: threads.iter().map(|_| "sleeps".into()).collect(),
            steps: steps.collect(),
            wrong_step: Some(threads.len() - 1),
            threads,
            end: "everybody was asleep, and callback 1 was still to run".into(),
        }
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for threads in 1..8 {
            for width in [40, 80, 120, 200] {
                for is_ascii in [false, true] {
                    let page = Page {
                        width,
                        is_ascii,
                        has_colours: false,
                    };
                    let text = trace(threads).to_page(&page);
                    let longest = text.lines().map(columns).max();
                    assert!(
                        longest <= Some(width),
                        "{threads} threads, {width} columns:\n{text}"
                    );
                    assert!(!is_ascii || text.is_ascii(), "{text}");
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_caption_is_lost() {
        let trace = trace(2);
        let text = trace.to_text();
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let caption = text.split("\n\n").next().expect("a caption");
        let expected = format!("{}: {} {}", trace.fault, trace.wrong, trace.found);
        assert_eq!(words(caption), words(&expected));
    }

    #[test]
    fn the_step_that_goes_wrong_is_red() {
        let page = Page {
            has_colours: true,
            ..Page::default()
        };
        let text = trace(2).to_page(&page);
        let red = text.lines().filter(|line| line.contains(RED)).count();
        let heavy = text
            .lines()
            .filter(|line| line.contains(HEAVY.down) || line.contains(HEAVY.across))
            .count();
        assert!(red > 2 && red == heavy, "{text}");
        assert!(!trace(2).to_text().contains('\u{1b}'));
    }
}
