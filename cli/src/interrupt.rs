//! Ctrl-C: the first ends the command within two seconds, the second at once.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use wakeproof_explore::Progress;

use crate::specification;

/// What a command that was interrupted ends with.
const STATUS: u8 = 130;
/// How long a command may take to end by itself.
const GRACE: Duration = Duration::from_millis(1500);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// What a command that was interrupted has to show for it.
static LEFT: Mutex<&str> = Mutex::new("nothing is proved");
/// The searches that are to end.
static SEARCHES: Mutex<Vec<Arc<Progress>>> = Mutex::new(Vec::new());

/// What is removed if the command is cut off: files that have not come to their end, and folders made for them.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// If the command is cut off, this file is removed, or this folder if nothing is in it.
pub(crate) fn removes(unfinished: &Path) {
    let mut all = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(unfinished.to_owned());
}

/// From now on, Ctrl-C ends the command.
///
/// # Errors
///
/// If the operating system does not let it be caught.
pub(crate) fn catch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            end();
        }
        for search in SEARCHES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            search.cancel();
        }
        // Work that does not hear of it, such as the checker of the specification, is cut off.
        thread::spawn(|| {
            thread::sleep(GRACE);
            end();
        });
    })
    .context("Ctrl-C cannot be caught")
}

/// A search that Ctrl-C ends.
pub(crate) fn ends(search: &Arc<Progress>) {
    let mut searches = SEARCHES.lock().unwrap_or_else(PoisonError::into_inner);
    searches.push(search.clone());
    if INTERRUPTED.load(Ordering::SeqCst) {
        search.cancel();
    }
}

/// What Ctrl-C leaves, where it is more than nothing: it is told with the interruption.
pub(crate) fn leaves(what: &'static str) {
    *LEFT.lock().unwrap_or_else(PoisonError::into_inner) = what;
}

/// Whether Ctrl-C was pressed, for work that looks by itself.
pub(crate) fn flag() -> &'static AtomicBool {
    &INTERRUPTED
}

/// How the command ends, if it was interrupted: whatever it has come to is not worth printing.
pub(crate) fn status() -> Option<ExitCode> {
    INTERRUPTED.load(Ordering::SeqCst).then(|| {
        say();
        ExitCode::from(STATUS)
    })
}

fn end() -> ! {
    say();
    specification::clean_up();
    for path in UNFINISHED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        // What is not there any more has been renamed, and a folder with something in it stays.
        let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
    }
    process::exit(STATUS.into())
}

fn say() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if SAID.swap(true, Ordering::SeqCst) {
        return;
    }
    let mut errors = io::stderr().lock();
    // A spinner may stand in the line.
    let clear = if errors.is_terminal() {
        "\r\x1b[2K"
    } else {
        ""
    };
    let left = *LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(errors, "{clear}wakeproof: interrupted; {left}");
}
