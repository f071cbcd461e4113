//! The first failure of an execution, written down when it happens.
//!
//! An execution fails by a panic, and while a search runs nobody else needs to hear of it. A hook
//! writes the first one down at once: a body that catches it cannot hide it, and what unwinding does
//! afterwards does not change what has been found.

use std::cell::{Cell, RefCell};
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use wakeproof::platform::Deliberate;

use super::message;
use crate::journal::{self, Journal};

/// How an execution failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What the panic says.
    pub(super) message: String,
    /// The line that panicked, if there is one to tell.
    pub(super) at: Option<String>,
    /// Whether the code that panicked is a checker's own.
    pub(super) is_in_checker: bool,
    /// The steps up to it.
    pub(super) journal: Journal,
}

impl Failure {
    /// The execution fails here.
    pub(super) fn now(message: &str) -> Self {
        Failure {
            message: message.to_owned(),
            at: None,
            is_in_checker: false,
            journal: journal::with(Journal::clone),
        }
    }
}

thread_local! {
    static LISTENS: Cell<bool> = const { Cell::new(false) };
    static FIRST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// From now on, panics on this thread print nothing and are written down.
pub(super) fn listen() {
    install();
    LISTENS.set(true);
}

/// The execution that begins has not failed.
pub(super) fn forget() {
    FIRST.set(None);
}

/// A thread has come to its end by a panic, which may have printed nothing.
pub(super) fn note(payload: &dyn std::any::Any) {
    if !has_failed() {
        FIRST.set(Some(Failure::now(&message(payload))));
    }
}

/// Whether the execution has failed.
pub(crate) fn has_failed() -> bool {
    FIRST.with_borrow(Option::is_some)
}

/// How the execution has failed, if it has.
pub(super) fn take() -> Option<Failure> {
    FIRST.take()
}

/// Goes on with a failure that somebody has caught, if there is one.
pub(crate) fn resume_hidden() {
    if has_failed() {
        panic::resume_unwind(Box::new("a panic that was caught"));
    }
}

/// Puts a hook in front of the one that is there, once. It leaves other threads' panics alone.
fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // shuttle puts its own hook, which prints on every thread, in front at its first execution.
        // Let it do so on top of a hook that is thrown away with it.
        let original = panic::take_hook();
        shuttle::Runner::new(
            shuttle::scheduler::RandomScheduler::new_from_seed(0, 1),
            shuttle::Config::new(),
        )
        .run(|| ());
        drop(panic::take_hook());
        panic::set_hook(Box::new(move |news| {
            if LISTENS.get() {
                write_down(news);
            } else {
                original(news);
            }
        }));
    });
}

fn write_down(news: &PanicHookInfo<'_>) {
    let payload = news.payload();
    if payload.is::<Deliberate>() || has_failed() {
        return;
    }
    let is_in = |crates: &[&str]| {
        let file = news.location().map_or("", |location| location.file());
        let mut folders = file.split(['/', '\\']);
        folders.any(|folder| crates.iter().any(|name| folder.starts_with(name)))
    };
    // That is how a generator ends which has more to do. Its own hook keeps quiet about it, but that hook
    // comes after this one if the process has run bare loom before.
    let has_text = payload.is::<&'static str>() || payload.is::<String>();
    if !has_text && is_in(&["generator-"]) {
        return;
    }
    let is_in_checker = is_in(&["loom-", "shuttle-", "generator-"]);
    let message = message(payload);
    // Misuse has a line of its own in its words.
    let is_the_bodys = !is_in_checker && !message.starts_with("misuse");
    let at = news.location().filter(|_| is_the_bodys).map(journal::place);
    FIRST.set(Some(Failure {
        message,
        at,
        is_in_checker,
        journal: journal::with(Journal::clone),
    }));
}
