//! The page of `wakeproof report`: one file, which needs no network and no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use wakeproof_conform::spec::states::StateGraph;
use wakeproof_explore::trace::Trace;
use wakeproof_in_the_wild::Report;
use wakeproof_model_tests::faults::{Checker, Fault};

use crate::matrix::{CellResult, Matrix};
use crate::report::{Row, Verdict, grouped};

mod graph;
mod stepper;

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");
/// The benchmark's plot, made by `cargo bench`.
const PLOT: &str = include_str!("../../docs/speed.svg");

/// The checkers whose counterexamples can be drawn.
pub(crate) const DRAWN: [Checker; 3] = [Checker::Tla, Checker::Loom, Checker::ShuttleDepthFirst];

/// What the page shows.
pub(crate) struct Page {
    pub(crate) verdict: Verdict,
    /// The verdict in a sentence.
    pub(crate) conclusion: String,
    pub(crate) rows: Vec<Row>,
    /// What the checks take for granted.
    pub(crate) assumed: Vec<(String, String)>,
    pub(crate) faults: Vec<Drawn>,
    /// If it was filled in.
    pub(crate) matrix: Option<Matrix>,
    pub(crate) gallery: Vec<(Report, Trace)>,
    /// What `wakeproof probe --format json` has printed, if it was given.
    pub(crate) loops: Option<Value>,
    /// The smallest model, without the wakeup and with it.
    pub(crate) graphs: [StateGraph; 2],
    pub(crate) coverage: Vec<Coverage>,
    pub(crate) made: Vec<Made>,
    /// What has made it: this command's version, the system, and when.
    pub(crate) by: Vec<(&'static str, String)>,
}

/// A fault, and what each of [`DRAWN`] finds.
pub(crate) struct Drawn {
    pub(crate) fault: Fault,
    /// A counterexample, or why there is none.
    pub(crate) found: Vec<(Checker, Result<Trace, String>)>,
}

/// How much of the specification the code's executions show in a model.
pub(crate) struct Coverage {
    pub(crate) model: String,
    pub(crate) about: String,
    pub(crate) executions: u64,
    pub(crate) states: [usize; 2],
    pub(crate) steps: [usize; 2],
}

/// How a figure was made.
pub(crate) struct Made {
    pub(crate) what: &'static str,
    pub(crate) command: String,
    pub(crate) bounds: String,
    /// None if it was not made in this run.
    pub(crate) seconds: Option<f64>,
}

/// The sections, each with its name in links.
const SECTIONS: [(&str, &str); 9] = [
    ("table", "Everything checked"),
    ("matrix", "Which checker finds which fault"),
    ("catalogue", "The catalogue, step by step"),
    ("wild", "Bugs in the wild"),
    ("loops", "Real loops"),
    ("graph", "The smallest lost wakeup"),
    ("coverage", "How much of the specification the code shows"),
    ("speed", "How fast it is"),
    ("made", "How each figure was made"),
];

/// Writes the page.
pub(crate) fn write(page: &Page) -> String {
    let style_of_pictures = page
        .faults
        .iter()
        .flat_map(|drawn| &drawn.found)
        .find_map(|(_, found)| found.as_ref().ok())
        .map_or_else(String::new, |trace| {
            stepper::without_style(&trace.to_svg()).1
        });
    let is_right = page.verdict == Verdict::AsExpected;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "wakeproof: why is call_soon thread-unsafe?" }
                // No icon is fetched.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(style_of_pictures)) }
            }
            body {
                header {
                    h1 { "Why is " code { "call_soon" } " thread-unsafe?" }
                    p {
                        code { "call_soon" } " and " code { "call_soon_threadsafe" }
                        " differ in one line: the second wakes the loop. A loop that is asleep never looks at its "
                        "queue. So a callback that another thread enqueues without a wakeup may wait for ever."
                    }
                    p.verdict.not[!is_right] { (page.conclusion) }
                }
                nav aria-label="Sections" {
                    ul { @for (id, title) in SECTIONS { li { a href={ "#" (id) } { (title) } } } }
                }
                main {
                    (section("table", table(page)))
                    (section("matrix", matrix(page)))
                    (section("catalogue", catalogue(page)))
                    (section("wild", wild(page)))
                    (section("loops", loops(page)))
                    (section("graph", state_graph(page)))
                    (section("coverage", coverage(page)))
                    (section("speed", speed()))
                    (section("made", made(page)))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

fn section(id: &str, inside: Markup) -> Markup {
    let title = SECTIONS
        .iter()
        .find(|(known, _)| *known == id)
        .map_or("", |(_, title)| *title);
    html! { section id=(id) { h2 { (title) } (inside) } }
}

fn not_made(what: &str, command: &str) -> Markup {
    html! { p.not-made { (what) " not made in this run. " code { (command) } " makes it." } }
}

fn wide(label: &str, inside: Markup) -> Markup {
    html! { div.wide tabindex="0" role="region" aria-label=(label) { (inside) } }
}

/// A mark that does not rest on its colour.
fn mark(as_expected: Option<bool>) -> Markup {
    match as_expected {
        Some(true) => html! { span.good { "✓" } },
        Some(false) => html! { span.bad-text { "✗" } },
        None => html! { span.faint { "–" } },
    }
}

fn table(page: &Page) -> Markup {
    html! {
        p { "Every row was checked in this run, except the proofs: those were checked before, and this run sees that nothing has changed since. A check that must fail stands beside the one that must hold." }
        (wide("everything checked", html! {
            table {
                thead { tr { @for head in ["", "checker", "checked", "expected", "found", "work", "seconds"] { th scope="col" { (head) } } } }
                tbody {
                    @for row in &page.rows {
                        tr {
                            td { (mark(row.as_expected)) }
                            td { (row.checker) } td { (row.subject) } td { (row.expected) } td { (row.found) }
                            td { (row.work) } td { (format!("{:.2}", row.seconds)) }
                        }
                    }
                }
            }
        }))
        h3 { "Assumed, and so not shown" }
        dl { @for (about, what) in &page.assumed { dt { b { (about) } } dd { (what) } } }
    }
}

fn checker_id(checker: Checker) -> &'static str {
    match checker {
        Checker::Tla => "tla",
        Checker::Loom => "loom",
        _ => "shuttle",
    }
}

fn matrix(page: &Page) -> Markup {
    let Some(matrix) = &page.matrix else {
        return html! {
            p { "Three of the seven checkers draw what they find. Each cell leads to its counterexample." }
            (wide("faults and checkers", html! {
                table {
                    thead { tr { th scope="col" { "fault" } @for checker in DRAWN { th scope="col" { (checker) } } } }
                    tbody { @for drawn in &page.faults { tr {
                        th scope="row" { a href={ "#fault-" (drawn.fault.name) } { (drawn.fault.name) } }
                        @for (checker, found) in &drawn.found { td { (cell_of(drawn.fault.name, *checker, found)) } }
                    } } }
                }
            }))
            (not_made("The other four columns, and the row of the correct code, were", "wakeproof report --matrix"))
        };
    };
    html! {
        p { "Each cell was filled in this run. Where a counterexample can be drawn, the cell leads to it." }
        (wide("faults and checkers", html! {
            table {
                thead { tr { th scope="col" { "fault" } @for checker in Checker::ALL { th scope="col" { (checker) } } } }
                tbody { @for line in &matrix.rows { tr {
                    th scope="row" {
                        @if line.name == "correct" { "correct" } @else { a href={ "#fault-" (line.name) } { (line.name) } }
                    }
                    @for cell in &line.cells { td {
                        (mark(Some(cell.as_expected))) " "
                        @let words = in_words(&cell.result);
                        @let is_drawn = DRAWN.contains(&cell.checker) && matches!(cell.result, CellResult::Found { .. });
                        @if is_drawn {
                            a href={ "#" (line.name) "-" (checker_id(cell.checker)) } { (words) }
                        } @else { (words) }
                    } }
                } } }
            }
        }))
    }
}

fn cell_of(name: &str, checker: Checker, found: &Result<Trace, String>) -> Markup {
    match found {
        Ok(trace) => html! {
            a href={ "#" (name) "-" (checker_id(checker)) } { "found, " (trace.steps.len()) " steps" }
        },
        Err(why) => html! { span.faint.why { "cannot see it: " (why) } },
    }
}

fn in_words(result: &CellResult) -> String {
    match result {
        CellResult::Found { after, steps, .. } => {
            let steps = steps.map_or_else(String::new, |steps| format!(", {steps} steps"));
            format!("found: #{}{steps}", grouped(*after))
        }
        CellResult::Falsified { by, .. } => format!("falsified by {by}"),
        CellResult::Proved { within } => format!("all {}", grouped(*within)),
        CellResult::NotProved { within, .. } => format!("not in {}", grouped(*within)),
        CellResult::CannotJudge { why } => format!("cannot see it: {why}"),
    }
}

fn catalogue(page: &Page) -> Markup {
    html! {
        p {
            "Each fault is the smallest change to correct code, and has happened to somebody. "
            "The step that goes wrong is red. A dotted line is a thread that is asleep."
        }
        @for Drawn { fault, found } in &page.faults {
            article id={ "fault-" (fault.name) } {
                h3 { (fault.name) }
                p { (fault.wrong) "." }
                p.faint { "Seen in " (fault.seen_in) ". It breaks: " (fault.breaks) "." }
                @let first = found.iter().rposition(|(_, found)| found.is_ok());
                @for (index, (checker, found)) in found.iter().enumerate().rev() {
                    @match found {
                        Ok(trace) => {
                            details open[Some(index) == first] {
                                summary { "Found by " (checker) }
                                (stepper::draw(&format!("{}-{}", fault.name, checker_id(*checker)), trace))
                            }
                        }
                        Err(why) => p.faint { (checker) " cannot see it: " (why) "." }
                    }
                }
            }
        }
    }
}

fn wild(page: &Page) -> Markup {
    html! {
        p {
            "Lost wakeups that somebody has reported in public, each as a small program, replayed in this run. "
            "A number in front of a step is its line."
        }
        @for (report, trace) in &page.gallery {
            details id={ "wild-" (report.name) } {
                summary { b { (report.name) } ": " (with_code(report.wrong)) " (" (report.cited()) ")" }
                @for paragraph in report.words().split("\n\n") { p { (with_code(paragraph)) } }
                (stepper::draw(&format!("{}-found", report.name), trace))
                p.faint { "The repair: " (report.of_repair()) ". " code { "wakeproof explore --example " (report.name) } " finds it anew." }
            }
        }
    }
}

/// A text in which code stands between backticks.
fn with_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn loops(page: &Page) -> Markup {
    let Some(document) = &page.loops else {
        let command = "wakeproof probe --build --format json > loops.json; wakeproof report --loops loops.json";
        return html! {
            (not_made("What real event loops do was", command))
            p { "docs/loops.md has what came of it before." }
        };
    };
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let empty = Vec::new();
    let rows = document["loops"].as_array().unwrap_or(&empty);
    let mut clauses: Vec<String> = Vec::new();
    for cell in rows
        .iter()
        .flat_map(|row| row["cells"].as_array().unwrap_or(&empty))
    {
        let clause = text(cell, "clause");
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    html! {
        p { "Read from the file that was given. Each loop was driven, and held against the contract." }
        (wide("real loops", html! {
            table {
                thead { tr { th scope="col" { "loop" } th scope="col" { "version" } @for clause in &clauses { th scope="col" { (clause) } } } }
                tbody { @for row in rows { tr {
                    th scope="row" { (text(row, "name")) }
                    td { (text(row, "version")) }
                    @for clause in &clauses { td {
                        @if let Some(cell) = row["cells"].as_array().unwrap_or(&empty).iter().find(|cell| text(cell, "clause") == *clause) {
                            (mark(cell["fine"].as_bool())) " " (text(cell, "outcome"))
                        } @else { span.faint { "–" } }
                    } }
                } } }
            }
        }))
        h3 { "What is not as it must or should be" }
        ul {
            @for row in rows { @for cell in row["cells"].as_array().unwrap_or(&empty) {
                @if cell["fine"].as_bool() == Some(false) {
                    li { b { (text(row, "name")) ", " (text(cell, "clause")) } ": " (text(cell, "sentence")) }
                }
            } }
        }
    }
}

fn state_graph(page: &Page) -> Markup {
    let [unsafe_call, safe_call] = &page.graphs;
    let number = unsafe_call.states.len();
    let title = format!(
        "The {number} states without the wakeup. The lost wakeup is {} steps from the beginning.",
        unsafe_call.path.len().saturating_sub(1)
    );
    let set_in = |state: usize| -> String {
        let values = unsafe_call.states[state].values.iter();
        let set = values.filter(|(_, value)| value == "yes");
        set.map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let along = unsafe_call.path.windows(2).filter_map(|pair| {
        let steps = unsafe_call.steps.iter();
        let mut steps = steps.filter(|step| [step.from, step.to] == *pair);
        steps.next()
    });
    html! {
        p {
            code { "spec/LostWakeup.tla" } " is the lost wakeup on one page: a callback is queued or not, the loop is "
            "asleep or not, a thread is about to wake it or not. Every state is drawn, with what is set in it."
        }
        h3 { "Without the wakeup" }
        p { "The red way leads to the loop asleep beside a callback, with nobody about to wake it." }
        (wide("state graph without the wakeup", html! { (PreEscaped(graph::draw(unsafe_call, &title))) }))
        p { "The way, in words:" }
        ol { @for step in along { li { code { (step.action) } ": now " (set_in(step.to)) } } }
        h3 { "With the wakeup" }
        p {
            "Wherever the loop is asleep beside a callback, a thread is about to wake it. "
            "From wherever a callback is queued, steps lead on to the loop taking it."
        }
        @let title = format!("The {} states with the wakeup. In none of them is a wakeup lost.", safe_call.states.len());
        (wide("state graph with the wakeup", html! { (PreEscaped(graph::draw(safe_call, &title))) }))
    }
}

fn coverage(page: &Page) -> Markup {
    html! {
        p {
            "The code's executions are followed through " code { "spec/CondvarLoop.tla" } " step by step. "
            "Counted is how much of the specification they show, within each model."
        }
        (wide("coverage", html! {
            table {
                thead { tr { @for head in ["model", "what happens", "executions", "states shown", "steps shown"] { th scope="col" { (head) } } } }
                tbody { @for row in &page.coverage { tr {
                    th scope="row" { (row.model) } td { (row.about) } td { (grouped(row.executions)) }
                    @for [shown, of] in [row.states, row.steps] { td {
                        (mark(Some(shown == of))) " " (grouped(shown as u64)) " of " (grouped(of as u64))
                    } }
                } } }
            }
        }))
    }
}

fn speed() -> Markup {
    html! {
        (not_made("The benchmark was", "cargo bench"))
        p { "This is the plot of docs/speed.md, which says on which machine it was made." }
        img src={ "data:image/svg+xml," (percent_encoded(PLOT)) }
            alt="How long other channels and loops take for what this loop does in the time 1; docs/speed.md has the numbers as tables";
    }
}

/// A text inside of an address.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3 / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/:=; ".contains(&byte) && byte != b' ' {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn made(page: &Page) -> Markup {
    html! {
        (wide("how each figure was made", html! {
            table {
                thead { tr { @for head in ["figure", "command", "bounds", "made"] { th scope="col" { (head) } } } }
                tbody { @for made in &page.made { tr {
                    th scope="row" { (made.what) } td { code { (made.command) } } td { (made.bounds) }
                    td { @match made.seconds {
                        Some(seconds) => { "in this run, " (format!("{seconds:.1}")) " s" }
                        None => { "not in this run" }
                    } }
                } } }
            }
        }))
        dl { @for (what, value) in &page.by { dt { b { (what) } } dd { (value) } } }
    }
}
