//! Standard output: how wide it is, which characters it can show, and what becomes of text that it does not take.

use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressStyle};
use terminal_size::{Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;
use wakeproof_explore::trace::Page;

/// Sentences are no wider than this: longer lines are hard to read.
const WIDEST_PROSE: usize = 100;
/// How wide sentences and drawings are where nobody says how wide the output is.
const USUAL: usize = 80;
/// Nothing is made to fit less than this.
const NARROWEST: usize = 40;

/// How wide the output is: the terminal, or what `COLUMNS` says of another program that shows it. `None` if it
/// goes to a file or a program, where lines may be of any length.
pub(crate) fn width() -> Option<usize> {
    let stdout = io::stdout();
    let terminal = if stdout.is_terminal() {
        terminal_size_of(stdout).map(|(Width(width), _)| usize::from(width))
    } else {
        None
    };
    let asked = || env::var("COLUMNS").ok()?.trim().parse().ok();
    let width = terminal.filter(|width| *width > 0).or_else(asked)?;
    Some(width.max(NARROWEST))
}

/// How wide a drawing may be.
pub(crate) fn room() -> usize {
    width().unwrap_or(USUAL)
}

/// What drawings are made on.
pub(crate) fn page() -> Page {
    Page {
        width: room(),
        is_ascii: is_plain(),
        has_colours: has_colours(),
    }
}

/// Breaks sentences between words, so that they fit. Each paragraph is a line of `text`.
pub(crate) fn wrap(text: &str) -> String {
    wrap_beside("", text)
}

/// The same beside a label: the first line begins with it, and the others are indented as far.
pub(crate) fn wrap_beside(label: &str, text: &str) -> String {
    let indent = " ".repeat(label.chars().count());
    let options = textwrap::Options::new(room().min(WIDEST_PROSE))
        .initial_indent(label)
        .subsequent_indent(&indent)
        .break_words(false);
    textwrap::fill(text, options)
}

/// A command to copy, after a label. Where it is broken, the shell goes on reading.
pub(crate) fn command(label: &str, command: &str) -> String {
    let whole = format!("{label}{command}");
    let Some(width) = width().filter(|width| *width < whole.width()) else {
        return whole;
    };
    let options = textwrap::Options::new(width - 2)
        .subsequent_indent("    ")
        .break_words(false);
    textwrap::wrap(&whole, options).join(" \\\n")
}

/// Whether the locale has no more than plain characters: `LC_ALL=C`, for instance. A locale that nobody has set
/// says nothing.
pub(crate) fn is_plain() -> bool {
    static PLAIN: OnceLock<bool> = OnceLock::new();
    *PLAIN.get_or_init(|| {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| env::var(name).ok());
        is_plain_locale(set)
    })
}

fn is_plain_locale(mut set: impl Iterator<Item = String>) -> bool {
    set.find(|value| !value.is_empty()).is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// The text in plain characters, each as wide as the one that it stands for.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let characters = text.chars().map(|character| match character {
        '─' | '━' | '┄' | '┅' | '╌' | '╍' | '–' | '—' | '―' | '−' => '-',
        '═' => '=',
        '│' | '┃' | '┆' | '┇' | '╎' | '╏' | '║' => '|',
        '✓' | '╞' | '╡' | '╪' | '╤' | '╧' => '+',
        '┌'..='╿' => '+',
        '✗' | '✘' | '↯' => '!',
        '→' | '▶' | '▸' | '►' | '⇒' => '>',
        '←' | '◀' | '◂' | '◄' | '⇐' => '<',
        '↑' | '▲' => '^',
        '↓' | '▼' => 'v',
        '·' | '•' | '…' => '.',
        '●' | '■' | '█' | '★' => '*',
        '○' | '□' => 'o',
        'µ' | 'μ' => 'u',
        '×' => 'x',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        '\u{a0}' => ' ',
        character if character.is_ascii() => character,
        _ => '?',
    });
    Cow::Owned(characters.collect())
}

/// Standard output for people: in lines that fit, and in plain characters if the locale has no others.
pub(crate) fn out() -> Out {
    Out {
        to: anstream::stdout(),
        people: Some(People {
            width: width(),
            is_plain: is_plain(),
        }),
        line: String::new(),
    }
}

/// Standard output for programs, which read UTF-8, and for what people copy.
pub(crate) fn verbatim() -> Out {
    Out {
        to: anstream::stdout(),
        people: None,
        line: String::new(),
    }
}

/// Standard output. It takes whatever is written: what becomes of it is no business of the work that is done, and
/// [`lost`] tells it in the end.
#[derive(Debug)]
pub(crate) struct Out {
    to: AutoStream<io::Stdout>,
    people: Option<People>,
    /// The beginning of a line, for people.
    line: String,
}

/// What is done to a line for people.
#[derive(Debug, Clone, Copy)]
struct People {
    width: Option<usize>,
    is_plain: bool,
}

impl People {
    fn line(self, line: &str) -> String {
        let line = match self.width {
            Some(width) => fit(line, width),
            None => line.to_owned(),
        };
        match plain(&line) {
            Cow::Owned(plain) if self.is_plain => plain,
            _ => line,
        }
    }
}

/// A line that is too wide is broken between words, or else after a comma. What follows is indented further.
fn fit(line: &str, width: usize) -> String {
    // Escape sequences take no room, but what writes them knows how wide it is.
    if line.width() <= width || line.contains('\u{1b}') {
        return line.to_owned();
    }
    let text = line.trim_start();
    let first = &line[..line.len() - text.len()];
    let rest = match first {
        "" => String::new(),
        first => " ".repeat(first.width() + 4),
    };
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(&rest)
        .word_separator(textwrap::WordSeparator::Custom(words))
        .break_words(false);
    textwrap::fill(text, options)
}

/// Words as they are, but for those that fit nowhere.
fn words(line: &str) -> Box<dyn Iterator<Item = textwrap::core::Word<'_>> + '_> {
    let words = textwrap::WordSeparator::AsciiSpace.find_words(line);
    Box::new(words.flat_map(|word| {
        let (text, space) = (word.word, word.whitespace);
        if text.width() <= NARROWEST {
            return vec![word];
        }
        let mut parts: Vec<_> = text
            .split_inclusive(',')
            .map(textwrap::core::Word::from)
            .collect();
        if let Some(last) = parts.last_mut() {
            last.whitespace = space;
        }
        parts
    }))
}

/// Why something could not be written.
static LOST: Mutex<Option<String>> = Mutex::new(None);

impl Write for Out {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let Some(people) = self.people else {
            self.put(text);
            return Ok(text.len());
        };
        self.line += &String::from_utf8_lossy(text);
        while let Some(end) = self.line.find('\n') {
            let line: String = self.line.drain(..=end).collect();
            self.put((people.line(line.trim_end_matches('\n')) + "\n").as_bytes());
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(people) = self.people {
            let line = std::mem::take(&mut self.line);
            self.put(people.line(&line).as_bytes());
        }
        note(self.to.flush());
        Ok(())
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        // It reports no error: what is lost is noted.
        let _ = self.flush();
    }
}

impl Out {
    fn put(&mut self, text: &[u8]) {
        let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lost = lost.is_some();
        drop(lost);
        if !is_lost {
            note(self.to.write_all(text));
        }
    }
}

fn note(written: io::Result<()>) {
    if let Err(error) = written {
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader who has seen enough, such as `head`, is no failure.
        let why = match error.kind() {
            io::ErrorKind::BrokenPipe => String::new(),
            _ => error.to_string(),
        };
        lost.get_or_insert(why);
    }
}

/// Why some of the output could not be written, unless its reader has closed it.
pub(crate) fn lost() -> Option<String> {
    note(io::stdout().flush());
    let lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    lost.clone().filter(|why| !why.is_empty())
}

/// Whether standard output should have colours.
pub(crate) fn has_colours() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Shows on standard error that work goes on, if that is a terminal. It turns by itself.
pub(crate) fn spinner(message: impl Into<Cow<'static, str>>) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    let spinner = if is_plain() {
        spinner.with_style(ProgressStyle::default_spinner().tick_chars("-\\|/ "))
    } else {
        spinner
    };
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_which_characters_are_shown() {
        let is_plain = |set: &[&str]| is_plain_locale(set.iter().map(|&value| value.into()));
        assert!(is_plain(&["C"]) && is_plain(&["POSIX", "de_DE.UTF-8"]));
        assert!(is_plain(&["", "C"]) && is_plain(&["de_DE"]));
        assert!(!is_plain(&[]) && !is_plain(&["", ""]));
        assert!(!is_plain(&["C.UTF-8", "C"]) && !is_plain(&["en_GB.utf8"]));
    }

    #[test]
    fn plain_characters_are_as_wide_as_the_others() {
        let fancy = "┌─┬═┆ ✓ ran, 1.5µs – ✗ … → ┘";
        let text = plain(fancy);
        assert!(text.is_ascii(), "{text}");
        assert_eq!(text.len(), fancy.chars().count());
        assert_eq!(plain("as it is"), "as it is");
    }

    #[test]
    fn a_line_that_is_too_wide_is_broken_where_it_can_be() {
        let line = "  1. the loop: Sleep, which goes to sleep (asleep: no, pc: idle)";
        let expected = "  1. the loop: Sleep, which goes to sleep\n      (asleep: no, pc: idle)";
        assert_eq!(fit(line, 45), expected);
        assert_eq!(fit(line, 80), line);
        let json = r#"  10: {"thread":"main","begins":"submit","callback":6,"wakes":true}"#;
        let expected = "  10: {\"thread\":\"main\",\"begins\":\"submit\",\n      \"callback\":6,\"wakes\":true}";
        assert_eq!(fit(json, 46), expected);
    }

    #[test]
    fn words_are_never_cut() {
        let long = "call_soon_threadsafe_".repeat(10);
        assert!(wrap(&format!("a {long} b")).contains(&long));
        let beside = wrap_beside("label  ", &"word ".repeat(60));
        assert!(
            beside
                .lines()
                .skip(1)
                .all(|line| line.starts_with("       word"))
        );
    }
}
