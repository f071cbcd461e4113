//! The plots, as SVG.

use std::fmt::Write as _;

use crate::contest::Row;
use crate::growth::Curve;

const WIDTH: f64 = 760.0;
const STYLE: &str = "<style>\
    text{font:12px sans-serif;fill:#24292f}.light{fill:#57606a}\
    .ahead{fill:#1a7f37}.behind{fill:#afb8c1}.line{fill:none;stroke-width:2}\
    .grid{stroke:#d0d7de}rect.back{fill:#fff}</style>";

/// What others take for the work that we do in the time 1, on a logarithmic scale.
pub fn ratios(rows: &[Row]) -> String {
    const LEFT: f64 = 250.0;
    const LINE: f64 = 16.0;
    let shown: Vec<&Row> = rows.iter().collect();
    let headings = shown.chunk_by(|a, b| a.work == b.work).count();
    let height = LINE * (shown.len() + headings) as f64 + 60.0;
    let scale = (WIDTH - LEFT - 60.0) / 3.0; // from 1/10 to 100
    let x = |ratio: f64| LEFT + (ratio.clamp(0.1, 100.0).log10() + 1.0) * scale;
    let mut body = String::new();
    for (ratio, label) in [
        (0.1, "0.1"),
        (1.0, "1: as fast as we are"),
        (10.0, "10"),
        (100.0, "100"),
    ] {
        let _ = write!(
            body,
            "<line class=\"grid\" x1=\"{0:.0}\" x2=\"{0:.0}\" y1=\"38\" y2=\"{1:.0}\"/>\
             <text class=\"light\" x=\"{0:.0}\" y=\"34\" text-anchor=\"middle\">{label}</text>",
            x(ratio),
            height - 10.0
        );
    }
    let mut y = 40.0;
    for group in shown.chunk_by(|a, b| a.work == b.work) {
        y += LINE;
        let _ = write!(
            body,
            "<text x=\"8\" y=\"{y:.0}\" font-weight=\"bold\">{}, {:.0} ns</text>",
            group[0].work, group[0].ours.median
        );
        for row in group {
            y += LINE;
            let slower = 1.0 / row.ratio.median;
            let (from, to) = (x(1.0).min(x(slower)), x(1.0).max(x(slower)));
            let class = if slower >= 1.0 { "ahead" } else { "behind" };
            let _ = write!(
                body,
                "<text class=\"light\" x=\"{:.0}\" y=\"{y:.0}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.0}\" width=\"{:.1}\" height=\"10\"/>\
                 <text class=\"light\" x=\"{:.0}\" y=\"{y:.0}\">{slower:.2}</text>",
                LEFT - 8.0,
                row.peer,
                y - 9.0,
                to - from,
                to + 4.0
            );
        }
    }
    page(
        "The time that others take for what the loop does in the time 1",
        height,
        &body,
    )
}

/// Nanoseconds each, by their number, both on logarithmic scales.
pub fn curves(curves: &[Curve]) -> String {
    const LEFT: f64 = 60.0;
    const TOP: f64 = 50.0;
    const BOTTOM: f64 = 330.0;
    const COLOURS: [&str; 4] = ["#0969da", "#bf3989", "#1a7f37", "#9a6700"];
    let x = |size: usize| LEFT + (size as f64).log10() * (WIDTH - LEFT - 170.0) / 6.0;
    let y = |each: f64| BOTTOM - (each.clamp(10.0, 100_000.0).log10() - 1.0) * (BOTTOM - TOP) / 4.0;
    let mut body = String::new();
    for power in 0..=6 {
        let size = 10_usize.pow(power);
        let _ = write!(
            body,
            "<line class=\"grid\" x1=\"{0:.0}\" x2=\"{0:.0}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/>\
             <text class=\"light\" x=\"{0:.0}\" y=\"{1:.0}\" text-anchor=\"middle\">{size}</text>",
            x(size),
            BOTTOM + 16.0
        );
    }
    for power in 1..=5 {
        let each = 10_f64.powi(power);
        let _ = write!(
            body,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{1:.0}\" y1=\"{0:.0}\" y2=\"{0:.0}\"/>\
             <text class=\"light\" x=\"{2:.0}\" y=\"{3:.0}\" text-anchor=\"end\">{each}</text>",
            y(each),
            x(1_000_000),
            LEFT - 6.0,
            y(each) + 4.0
        );
    }
    for (curve, colour) in curves.iter().zip(COLOURS) {
        let points = curve.points.iter();
        let path: Vec<String> = points
            .map(|(size, each)| format!("{:.1},{:.1}", x(*size), y(each.median)))
            .collect();
        let Some((size, each)) = curve.points.last() else {
            continue;
        };
        let _ = write!(
            body,
            "<polyline class=\"line\" stroke=\"{colour}\" points=\"{}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" style=\"fill:{colour}\">{}</text>",
            path.join(" "),
            x(*size) + 6.0,
            y(each.median) + 4.0,
            curve.of
        );
    }
    page("Nanoseconds each, by their number", BOTTOM + 30.0, &body)
}

fn page(title: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         role=\"img\" aria-label=\"{title}\">{STYLE}\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\
         <text x=\"8\" y=\"18\">{title}</text>{body}</svg>\n"
    )
}
