//! A picture in one file, for light and dark backgrounds.

use std::fmt::Write;

use super::measure::Font;
use super::section::{Lock, Section};
use super::wrap::wrap;
use super::{Notified, Trace};

const MARGIN: usize = 20;
/// A lane with its box.
const LEAST_LANE: usize = 150;
const MOST_LANE: usize = 290;
/// Between two boxes that are side by side.
const GAP: usize = 24;
/// Between the edge of a box and its text.
const PAD: usize = 10;
const LINE: usize = 18;
/// Between two boxes, one below the other.
const BELOW: usize = 12;
/// A column beside the lanes.
const MOST_BESIDE: usize = 110;
/// The picture has room for a sentence.
const LEAST_WIDTH: usize = 560;

const TEXT: Font = Font {
    size: 13,
    is_bold: false,
};
const BOLD: Font = Font {
    size: 13,
    is_bold: true,
};
const TITLE: Font = Font {
    size: 15,
    is_bold: true,
};
const SMALL: Font = Font {
    size: 11,
    is_bold: false,
};

/// Written out, without custom properties, which not everything that shows a picture knows.
const STYLE: &str = "\
.trace .paper{fill:#fff}\
.trace text{font-family:system-ui,'DejaVu Sans',Arial,sans-serif;font-size:13px;fill:#1f2328}\
.trace .title{font-size:15px;font-weight:700}.trace .name{font-weight:700}\
.trace .small{font-size:11px;fill:#59636e}.trace .faint{fill:#59636e}\
.trace .lane{stroke:#8c959f;stroke-width:1.5}.trace .asleep{stroke-dasharray:2 5}\
.trace .step{fill:#ddf4ff;stroke:#54aeff}.trace .nobody{fill:#f6f8fa;stroke:#8c959f}\
.trace .bad{fill:#ffebe9;stroke:#cf222e;stroke-width:2.5}\
.trace .end{font-weight:700;fill:#cf222e}\
.trace .arrow{stroke:#1a7f37;stroke-width:2}.trace .head{fill:#1a7f37}\
.trace .lost{stroke:#cf222e;stroke-width:2}\
@media screen and (prefers-color-scheme:dark){\
.trace .paper{fill:#0d1117}.trace text{fill:#e6edf3}.trace .small,.trace .faint{fill:#9198a1}\
.trace .lane{stroke:#6e7681}.trace .step{fill:#0c2d6b;stroke:#388bfd}.trace .nobody{fill:#21262d;stroke:#6e7681}\
.trace .bad{fill:#67060c;stroke:#ff7b72}.trace .end{fill:#ff7b72}.trace .arrow{stroke:#3fb950}\
.trace .head{fill:#3fb950}.trace .lost{stroke:#ff7b72}}";

/// Where a piece of text stands.
#[derive(Clone, Copy)]
enum Align {
    Left,
    Centre,
}

/// What is beside the lanes, a column each.
struct Column {
    head: &'static str,
    x: usize,
    width: usize,
}

struct Picture<'a> {
    trace: &'a Trace,
    lane: usize,
    lanes: usize,
    columns: Vec<Column>,
    width: usize,
    out: String,
}

pub(super) fn draw(trace: &Trace) -> String {
    let sections = trace.sections();
    let lanes = trace.threads.len().max(1);
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let lines = sections.iter().flat_map(|section| {
        let lines = section.lines.iter().map(|line| BOLD.width(&line.what));
        lines.chain([SMALL.width(&label(99, section))])
    });
    let names = trace.threads.iter().map(|name| BOLD.width(name));
    let needs = widest(&mut lines.chain(names)) + 2 * PAD;
    let lane = needs.clamp(LEAST_LANE, MOST_LANE);
    // Room for an arrow to nobody.
    let mut x = MARGIN + lanes * (lane + GAP) + PAD;
    let mut columns = Vec::new();
    for head in ["queue", "flags", "mutex", "clock"] {
        let values: Vec<String> = sections
            .iter()
            .map(|section| value(section, head))
            .collect();
        if values.iter().all(|value| value == "-") {
            continue;
        }
        let width = widest(&mut values.iter().map(|value| TEXT.width(value)));
        let width = width.max(BOLD.width(head)).min(MOST_BESIDE);
        columns.push(Column { head, x, width });
        x += width + GAP;
    }
    let width = (x - GAP + MARGIN).max(LEAST_WIDTH);
    let mut picture = Picture {
        trace,
        lane,
        lanes,
        columns,
        width,
        out: String::new(),
    };
    let height = picture.draw(&sections);
    let title = escape(&format!("{}: {}", trace.fault, trace.end));
    let inside = picture.out;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"trace\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{inside}</svg>\n"
    )
}

fn value(section: &Section, head: &str) -> String {
    let shared = &section.shared;
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    match head {
        "queue" => known(&shared.queue),
        "flags" => shared.flags(),
        "mutex" => known(&shared.mutex),
        _ => known(&shared.clock),
    }
}

/// The first line of a box.
fn label(number: usize, section: &Section) -> String {
    let lock = match section.lock {
        Lock::None => String::new(),
        lock => format!(" · {}", lock.in_words()),
    };
    let wrong = if section.is_wrong {
        " · the step that goes wrong"
    } else {
        ""
    };
    format!("{number}{lock}{wrong}")
}

impl Picture<'_> {
    fn left(&self, lane: usize) -> usize {
        MARGIN + lane * (self.lane + GAP)
    }

    fn centre(&self, lane: usize) -> usize {
        self.left(lane) + self.lane / 2
    }

    /// Draws everything, and returns how high that is.
    fn draw(&mut self, sections: &[Section]) -> usize {
        let trace = self.trace;
        let room = self.width - 2 * MARGIN;
        let mut y = MARGIN + 10;
        let headline = format!("{}: {}", trace.fault, trace.wrong);
        y = self.text(MARGIN, y, room, TITLE, "title", &headline, Align::Left);
        y = self.text(MARGIN, y, room, TEXT, "faint", &trace.found, Align::Left);
        y += LINE;
        for (lane, thread) in trace.threads.iter().enumerate() {
            self.text(
                self.centre(lane),
                y,
                self.lane,
                BOLD,
                "name",
                thread,
                Align::Centre,
            );
        }
        for index in 0..self.columns.len() {
            let Column { head, x, width } = self.columns[index];
            self.text(x, y, width, BOLD, "name", head, Align::Left);
        }
        y += LINE / 2;
        let mut asleep: Vec<bool> = vec![false; trace.threads.len()];
        for (index, section) in sections.iter().enumerate() {
            let top = y;
            // The lines of the threads go behind the boxes.
            let behind = std::mem::take(&mut self.out);
            y = self.section(index + 1, section, y + BELOW);
            let boxes = std::mem::replace(&mut self.out, behind);
            for (lane, asleep) in asleep.iter_mut().enumerate() {
                self.life(lane, top, y, *asleep);
                *asleep = section.shared.waiting.contains(&lane);
            }
            self.out.push_str(&boxes);
        }
        for (lane, asleep) in asleep.iter().enumerate() {
            self.life(lane, y, y + BELOW, *asleep);
        }
        y += BELOW + LINE;
        let mut bottom = y;
        for (lane, end) in trace.ends.iter().enumerate() {
            let class = if end == "ends" || end == "…" {
                "faint"
            } else {
                "end"
            };
            let font = if class == "end" { BOLD } else { TEXT };
            let below = self.text(
                self.centre(lane),
                y,
                self.lane,
                font,
                class,
                end,
                Align::Centre,
            );
            bottom = bottom.max(below);
        }
        bottom += LINE / 2;
        self.text(MARGIN, bottom, room, BOLD, "end", &trace.end, Align::Left)
    }

    /// The line of a thread.
    fn life(&mut self, lane: usize, from: usize, to: usize, is_asleep: bool) {
        let x = self.centre(lane);
        let class = if is_asleep { "lane asleep" } else { "lane" };
        let _ = writeln!(
            self.out,
            "<line class=\"{class}\" x1=\"{x}\" y1=\"{from}\" x2=\"{x}\" y2=\"{to}\"/>"
        );
    }

    /// A box and what is beside it. Returns where it ends.
    fn section(&mut self, number: usize, section: &Section, top: usize) -> usize {
        let (left, width) = match section.thread {
            Some(thread) => (self.left(thread), self.lane),
            // It is nobody's, so it goes across.
            None => (self.left(0), self.lanes * (self.lane + GAP) - GAP),
        };
        let class = match (section.is_wrong, section.thread) {
            (true, _) => "bad",
            (false, None) => "nobody",
            (false, Some(_)) => "step",
        };
        let room = width - 2 * PAD;
        let label = wrap(&label(number, section), room, |text| SMALL.width(text));
        let mut rows: Vec<(String, Option<Notified>, bool)> = Vec::new();
        for line in &section.lines {
            let font = if line.is_wrong { BOLD } else { TEXT };
            let mut parts = wrap(&line.what, room, |text| font.width(text));
            let last = parts.pop().unwrap_or_default();
            rows.extend(parts.into_iter().map(|part| (part, None, line.is_wrong)));
            rows.push((last, line.notifies, line.is_wrong));
        }
        let beside: Vec<Vec<String>> = self
            .columns
            .iter()
            .map(|column| {
                wrap(&value(section, column.head), column.width, |text| {
                    TEXT.width(text)
                })
            })
            .collect();
        let tall = beside.iter().map(Vec::len).max().unwrap_or(0);
        let box_height = (label.len() + rows.len()) * LINE + PAD;
        let height = box_height.max(tall * LINE + PAD);
        let _ = writeln!(self.out, "<g data-section=\"{number}\">");
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{box_height}\" rx=\"5\"/>"
        );
        let mut y = top + LINE - 2;
        for part in &label {
            self.line(left + PAD, y, "small", part, Align::Left);
            y += LINE;
        }
        for (text, notifies, is_wrong) in &rows {
            let class = if *is_wrong { "name" } else { "" };
            self.line(left + PAD, y, class, text, Align::Left);
            if let (Some(thread), Some(notifies)) = (section.thread, notifies) {
                self.arrow(thread, *notifies, y - 4);
            }
            y += LINE;
        }
        for (index, lines) in beside.iter().enumerate() {
            let x = self.columns[index].x;
            for (row, text) in lines.iter().enumerate() {
                self.line(x, top + LINE + row * LINE, "", text, Align::Left);
            }
        }
        self.out.push_str("</g>\n");
        top + height
    }

    /// From the box to the thread that it wakes, or to nobody.
    fn arrow(&mut self, thread: usize, notifies: Notified, y: usize) {
        let (left, right) = (self.left(thread), self.left(thread) + self.lane);
        match notifies {
            Notified::Thread(woken) if woken != thread => {
                let to = self.centre(woken);
                let (from, back) = if woken < thread {
                    (left, to + 9)
                } else {
                    (right, to - 9)
                };
                let (above, below) = (y - 5, y + 5);
                let _ = writeln!(
                    self.out,
                    "<line class=\"arrow\" x1=\"{from}\" y1=\"{y}\" x2=\"{back}\" y2=\"{y}\"/>\
                     <path class=\"head\" d=\"M{to} {y}L{back} {above}L{back} {below}z\"/>"
                );
            }
            Notified::Nobody => {
                let (to, above, below) = (right + 10, y - 5, y + 5);
                let far = to + 10;
                let _ = writeln!(
                    self.out,
                    "<line class=\"lost\" x1=\"{right}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\"/>\
                     <path class=\"lost\" d=\"M{to} {above}L{far} {below}M{to} {below}L{far} {above}\"/>"
                );
            }
            _ => {}
        }
    }

    /// A text that is wrapped. Returns where the next line would begin.
    #[expect(
        clippy::too_many_arguments,
        reason = "each of them is where or how the text stands"
    )]
    fn text(
        &mut self,
        x: usize,
        mut y: usize,
        room: usize,
        font: Font,
        class: &str,
        content: &str,
        align: Align,
    ) -> usize {
        for part in wrap(content, room, |text| font.width(text)) {
            self.line(x, y, class, &part, align);
            y += font.size + 7;
        }
        y
    }

    fn line(&mut self, x: usize, y: usize, class: &str, content: &str, align: Align) {
        let content = escape(content);
        let class = match class {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let anchor = match align {
            Align::Left => "",
            Align::Centre => " text-anchor=\"middle\"",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\"{class}{anchor}>{content}</text>"
        );
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Shared, Told};
    use super::*;

    const LONG: &str = "says_something_in_a_very_long_word_of_WWWWWWWWWWWWWWWWWWWWWWWWWWWWW, and <goes> on & on after it";

    fn trace(threads: usize) -> Trace {
        let step = |thread: Option<usize>, notifies| Told {
            notifies,
            kind: Kind::Other,
            shared: Shared {
                queue: Some("1".into()),
                flags: vec!["asleep".into(), "thread 1 until 3600s".into()],
                mutex: Some("thread 1".into()),
                waiting: vec![0],
                clock: Some("3600.000000001s".into()),
            },
            ..Told::new(thread, LONG)
        };
        let last = Some(Notified::Thread(threads - 1));
        let mut steps: Vec<Told> = (0..threads)
            .map(|thread| step(Some(thread), last))
            .collect();
        steps.push(step(None, None));
        steps.push(step(Some(threads - 1), Some(Notified::Nobody)));
        Trace {
            fault: "fault".into(),
            wrong: LONG.into(),
            found: LONG.into(),
            schedule: None,
            threads: (0..threads)
                .map(|number| format!("{number} {LONG}"))
                .collect(),
            ends: (0..threads).map(|_| LONG.into()).collect(),
            wrong_step: Some(0),
            steps,
            end: LONG.into(),
        }
    }

    /// A number after a name and a quotation mark.
    fn number(line: &str, name: &str) -> usize {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).expect(name);
        let digits = rest.split('"').next().expect("a value");
        digits.parse().expect("a number")
    }

    /// Every text is within the box that it stands in, if it stands in one, and within the picture; and the next
    /// text on its line begins behind it.
    #[test]
    fn nothing_overflows() {
        for threads in 1..5 {
            let svg = draw(&trace(threads));
            let head = svg.lines().next().expect("a first line");
            let (width, height) = (number(head, "width"), number(head, "height"));
            let boxes: Vec<[usize; 4]> = svg
                .lines()
                .filter(|line| line.starts_with("<rect class=") && !line.contains("paper"))
                .map(|line| {
                    let (x, y) = (number(line, "x"), number(line, "y"));
                    [x, x + number(line, "width"), y, y + number(line, "height")]
                })
                .collect();
            assert_eq!(boxes.len(), threads + 2, "one of them is nobody's");
            let mut texts = 0;
            let mut ends: Vec<(usize, usize, usize)> = Vec::new();
            for line in svg.lines().filter(|line| line.starts_with("<text ")) {
                texts += 1;
                let (_, content) = line
                    .trim_end_matches("</text>")
                    .split_once('>')
                    .expect("a text");
                let content = content
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&");
                let font = match line {
                    _ if line.contains("\"title\"") => TITLE,
                    _ if line.contains("\"small\"") => SMALL,
                    _ if line.contains("\"name\"") || line.contains("\"end\"") => BOLD,
                    _ => TEXT,
                };
                let wide = font.width(&content);
                let (mut x, y) = (number(line, "x"), number(line, "y"));
                if line.contains("middle") {
                    x -= wide / 2;
                }
                assert!(x + wide <= width && y <= height, "{threads}: {line}");
                for [left, right, top, bottom] in &boxes {
                    if (left..right).contains(&&x) && (top..bottom).contains(&&y) {
                        assert!(x + wide <= *right && y + 3 <= *bottom, "{threads}: {line}");
                    }
                }
                ends.push((y, x, x + wide));
            }
            assert!(texts > 20, "{svg}");
            ends.sort_unstable();
            for pair in ends.windows(2) {
                let [(y, _, end), (next, begins, _)] = pair else {
                    continue;
                };
                assert!(y != next || end <= begins, "{threads}: {pair:?}");
            }
        }
    }

    #[test]
    fn the_step_that_goes_wrong_is_the_only_red_one() {
        let svg = draw(&trace(3));
        assert_eq!(svg.matches("class=\"bad\"").count(), 1);
        assert!(svg.contains("the step that goes wrong"));
        assert_eq!(
            svg.matches("class=\"head\"").count(),
            2,
            "arrows to whom they wake"
        );
        assert_eq!(
            svg.matches("<path class=\"lost\"").count(),
            1,
            "and to nobody"
        );
    }
}
