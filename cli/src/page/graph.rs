//! A state graph as a picture: a row for each number of steps from the beginning.

use std::fmt::Write;

use wakeproof_conform::spec::states::StateGraph;

const WIDE: usize = 190;
const HIGH: usize = 46;
const GAP: usize = 40;
const BELOW: usize = 70;
const MARGIN: usize = 24;
/// How far aside a step goes for each row that it passes.
const ASIDE: usize = 45;

/// Draws it. `title` is its text for those who do not see it.
pub(super) fn draw(graph: &StateGraph, title: &str) -> String {
    let deepest = graph
        .states
        .iter()
        .map(|state| state.depth)
        .max()
        .unwrap_or(0);
    let in_row = |depth: usize| -> Vec<usize> {
        let states = graph.states.iter().enumerate();
        states
            .filter(|(_, state)| state.depth == depth)
            .map(|(index, _)| index)
            .collect()
    };
    let rows: Vec<Vec<usize>> = (0..=deepest).map(in_row).collect();
    let most = rows.iter().map(Vec::len).max().unwrap_or(1);
    // Room for what goes around.
    let width = 2 * MARGIN + most * (WIDE + GAP) + ASIDE * rows.len() / 2;
    let height = 2 * MARGIN + rows.len() * (HIGH + BELOW) - BELOW;
    let mut places = vec![(0, 0); graph.states.len()];
    for (depth, row) in rows.iter().enumerate() {
        let left = MARGIN + (most - row.len()) * (WIDE + GAP) / 2;
        for (nth, state) in row.iter().enumerate() {
            places[*state] = (left + nth * (WIDE + GAP), MARGIN + depth * (HIGH + BELOW));
        }
    }
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{title}</title>\n"
    );
    let is_on_the_path =
        |from: usize, to: usize| graph.path.windows(2).any(|pair| pair == [from, to]);
    // Those on the path come last, and so lie above the others.
    let (path, others): (Vec<_>, Vec<_>) = graph
        .steps
        .iter()
        .partition(|step| is_on_the_path(step.from, step.to));
    for (step, class) in others
        .into_iter()
        .map(|step| (step, "edge"))
        .chain(path.into_iter().map(|step| (step, "edge path")))
    {
        edge(
            &mut out,
            places[step.from],
            places[step.to],
            &step.action,
            class,
        );
    }
    for (index, (state, (x, y))) in graph.states.iter().zip(&places).enumerate() {
        let is_last = graph.path.last() == Some(&index);
        let class = match (graph.path.contains(&index), is_last) {
            (_, true) => "state lost",
            (true, false) => "state path",
            (false, false) => "state",
        };
        let set = state.values.iter().filter(|(_, value)| value == "yes");
        let set: Vec<&str> = set.map(|(name, _)| name.as_str()).collect();
        let label = if set.is_empty() {
            "nothing is set".to_owned()
        } else {
            set.join(", ")
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{WIDE}\" height=\"{HIGH}\" rx=\"8\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            x + WIDE / 2,
            y + HIGH / 2 + 5
        );
    }
    out.push_str("</svg>\n");
    out
}

fn edge(out: &mut String, from: (usize, usize), to: (usize, usize), action: &str, class: &str) {
    let rows = from.1.abs_diff(to.1) / (HIGH + BELOW);
    let ((x1, y1), (cx, cy), (x2, y2), (x, y));
    if rows > 1 {
        // Around what is in between.
        (x1, y1) = (from.0 + WIDE, from.1 + HIGH / 2);
        (x2, y2) = (to.0 + WIDE, to.1 + HIGH / 2);
        (cx, cy) = (x1.max(x2) + ASIDE * rows, y1.midpoint(y2));
        (x, y) = ((x1 + x2 + 2 * cx) / 4, cy + 4);
    } else {
        let is_down = to.1 > from.1;
        // A step and the one back are side by side.
        let shift = if is_down {
            WIDE / 2 - 18
        } else {
            WIDE / 2 + 18
        };
        ((x1, y1), (x2, y2)) = match (from.1 == to.1, to.0 > from.0) {
            (true, true) => ((from.0 + WIDE, from.1 + HIGH / 2), (to.0, to.1 + HIGH / 2)),
            (true, false) => ((from.0, from.1 + HIGH / 2), (to.0 + WIDE, to.1 + HIGH / 2)),
            (false, _) if is_down => ((from.0 + shift, from.1 + HIGH), (to.0 + shift, to.1)),
            (false, _) => ((from.0 + shift, from.1), (to.0 + shift, to.1 + HIGH)),
        };
        (cx, cy) = (x1.midpoint(x2), y1.midpoint(y2));
        // Nearer to where it begins, so that the names of a step and of the one back are apart.
        let near = |from: usize, to: usize| (from * 7 + to * 3) / 10;
        (x, y) = (near(x1, x2), near(y1, y2) + 4);
    }
    let _ = writeln!(
        out,
        "<path class=\"{class}\" d=\"M{x1} {y1}Q{cx} {cy} {x2} {y2}\"/>{}\
         <text class=\"action\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{action}</text>",
        head((cx, cy), (x2, y2), class)
    );
}

/// The head of an arrow.
fn head((x1, y1): (usize, usize), (x2, y2): (usize, usize), class: &str) -> String {
    let (dx, dy) = (x2 as f64 - x1 as f64, y2 as f64 - y1 as f64);
    let length = dx.hypot(dy).max(1.0);
    let (dx, dy) = (dx / length * 9.0, dy / length * 9.0);
    let (x, y) = (x2 as f64, y2 as f64);
    let point = |x: f64, y: f64| format!("{x:.1} {y:.1}");
    let left = point(x - dx - dy * 0.5, y - dy + dx * 0.5);
    let right = point(x - dx + dy * 0.5, y - dy - dx * 0.5);
    format!(
        "<path class=\"{} head\" d=\"M{}L{left}L{right}z\"/>",
        class,
        point(x, y)
    )
}
