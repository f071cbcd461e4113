//! A counterexample that can be stepped through.

use maud::{Markup, PreEscaped, html};
use wakeproof_explore::trace::{Section, Shared, Told, Trace};

use crate::sources;

/// A counterexample: without a script, a picture and a list.
pub(super) fn draw(id: &str, trace: &Trace) -> Markup {
    let sections = trace.sections();
    let threads = serde_json::to_string(&trace.threads).unwrap_or_else(|_| "[]".to_owned());
    let nothing = Shared::default();
    let before = |index: usize| match index.checked_sub(1) {
        Some(before) => &trace.steps[before].shared,
        None => &nothing,
    };
    html! {
        div.stepper id=(id) tabindex="0" role="group" data-threads=(threads)
            aria-label={ (trace.fault) ", step by step" } {
            p.faint { (trace.found) }
            div.bar hidden {
                button type="button" { "First" }
                button type="button" { "← Previous" }
                button type="button" { "Next →" }
                button type="button" { "Last" }
                output aria-live="polite" {}
                span.faint { "or the arrow keys" }
            }
            div.now aria-live="polite" hidden {}
            // What does not fit is scrolled, by keys too.
            div.wide tabindex="0" role="region" aria-label={ "drawing of " (trace.fault) } { (picture(trace)) }
            p { strong { (trace.end) } }
            details {
                summary { "The steps as a list" }
                ol.steps {
                    @for (index, step) in trace.steps.iter().enumerate() {
                        (item(trace, &sections, index, step, before(index)))
                    }
                }
            }
        }
    }
}

/// The drawing, without its style, which the page has once.
fn picture(trace: &Trace) -> PreEscaped<String> {
    PreEscaped(without_style(&trace.to_svg()).0)
}

/// A picture, and the style in it.
pub(super) fn without_style(svg: &str) -> (String, String) {
    let split = svg.split_once("<style>").and_then(|(head, rest)| {
        let (style, tail) = rest.split_once("</style>")?;
        Some((format!("{head}{tail}"), style.to_owned()))
    });
    split.unwrap_or_else(|| (svg.to_owned(), String::new()))
}

fn item(trace: &Trace, sections: &[Section], index: usize, step: &Told, before: &Shared) -> Markup {
    let section = sections
        .iter()
        .position(|section| section.steps.contains(&index));
    let section = section.map_or(0, |section| section + 1);
    let is_wrong = trace.wrong_step == Some(index);
    let who = step
        .thread
        .map_or("the environment", |thread| &*trace.threads[thread]);
    let shared = &step.shared;
    let waiting: Vec<String> = shared.waiting.iter().map(ToString::to_string).collect();
    let changed = shared.changes(before).join("; ");
    let excerpt = step.at.as_deref().and_then(sources::excerpt);
    html! {
        li .wrong[is_wrong] data-section=(section) data-thread=[step.thread] data-who=(who) data-what=(step.what)
            data-waiting=(waiting.join(" ")) data-wrong[is_wrong]
            data-queue=[shared.queue.as_ref()] data-mutex=[shared.mutex.as_ref()] data-clock=[shared.clock.as_ref()]
            data-flags=(shared.flags.join(", ")) data-changed=(changed)
            data-action=[step.action.as_ref()] data-line=[step.at.as_ref()] {
            b { (who) } ": " (step.what)
            @if is_wrong { span.bad-text { " – this is the step that goes wrong" } }
            @if !changed.is_empty() { span.faint { " (" (changed) ")" } }
            @if let Some(action) = &step.action { " " span.faint { "action " code { (action) } } }
            @if let Some(at) = &step.at {
                " " span.faint { code { (at) } }
                @if let Some(excerpt) = &excerpt {
                    @if !excerpt.text().is_empty() { " " code { (excerpt.text()) } }
                }
            }
            @if let Some(excerpt) = &excerpt {
                template {
                    pre {
                        @for (number, text) in &excerpt.lines {
                            @let line = format!("{number:>4}  {text}\n");
                            @if *number == excerpt.line { mark { (line) } } @else { (line) }
                        }
                    }
                }
            }
        }
    }
}
