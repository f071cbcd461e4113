//! A picture in one file, for light and dark backgrounds.

use std::fmt::Write;

use super::{Notified, Trace};

/// A lane's width, unless the lines above and below the lanes need more.
const LANE: usize = 300;
/// No letter of the bold font is wider, on average over a line.
const LETTER: usize = 8;
const ROW: usize = 30;
const TOP: usize = 110;
const MARGIN: usize = 20;

const STYLE: &str = "text{font:13px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}\
.name{font-weight:600;font-size:14px}.small{fill:#59636e}.lane{stroke:#d1d9e0;stroke-width:2}\
.step{fill:#ddf4ff;stroke:#54aeff}.bad{fill:#ffebe9;stroke:#ff8182}.end{fill:#cf222e;font-weight:600}\
.arrow{stroke:#1a7f37;stroke-width:2;marker-end:url(#head)}";

pub(super) fn draw(trace: &Trace) -> String {
    let lanes = trace.threads.len().max(2);
    let headline = format!("{}: {}", trace.fault, trace.wrong);
    let lines = [&headline, &trace.found, &trace.end];
    let longest = lines.map(|line| line.chars().count()).into_iter().max();
    let lane = LANE.max(longest.unwrap_or(0) * LETTER / lanes);
    let centre = |index: usize| MARGIN + index * lane + lane / 2;
    let width = lanes * lane + 2 * MARGIN;
    let bottom = TOP + trace.steps.len() * ROW;
    let height = bottom + 3 * ROW;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" fill=\"#1a7f37\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escape(&format!("{}: {}", trace.fault, trace.end)),
    );
    text(&mut out, MARGIN, 26, "name", &headline);
    text(&mut out, MARGIN, 48, "small", &trace.found);
    for (index, thread) in trace.threads.iter().enumerate() {
        let x = centre(index);
        let _ = writeln!(
            out,
            "<line class=\"lane\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>",
            TOP - 22
        );
        centred(&mut out, x, TOP - 30, "name", thread);
    }
    for (row, step) in trace.steps.iter().enumerate() {
        let (x, y) = (centre(step.thread), TOP + row * ROW);
        let class = if step.notifies == Some(Notified::Nobody) || step.what.ends_with("nobody") {
            "bad"
        } else {
            "step"
        };
        if let Some(Notified::Thread(woken)) = step.notifies
            && woken != step.thread
        {
            let to = centre(woken);
            let y = y + ROW / 2 - 3;
            let _ = writeln!(
                out,
                "<line class=\"arrow\" x1=\"{x}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\"/>"
            );
        }
        let (left, box_width, box_height) = (x - lane / 2 + 8, lane - 16, ROW - 6);
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{y}\" width=\"{box_width}\" height=\"{box_height}\" rx=\"4\"/>"
        );
        centred(
            &mut out,
            x,
            y + 17,
            "",
            &format!("{}. {}", row + 1, step.what),
        );
    }
    for (index, end) in trace.ends.iter().enumerate() {
        let class = if end == "ends" { "small" } else { "end" };
        centred(&mut out, centre(index), bottom + 18, class, end);
    }
    text(&mut out, MARGIN, bottom + 2 * ROW, "end", &trace.end);
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, x: usize, y: usize, class: &str, content: &str) {
    let content = escape(content);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{content}</text>"
    );
}

fn centred(out: &mut String, x: usize, y: usize, class: &str, content: &str) {
    let content = escape(content);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"middle\">{content}</text>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
