//! The lines of a file, whatever program wrote it.

use std::io::{BufRead, Read};

use anyhow::{Context, bail};

/// No line of a recording is longer than this, in bytes.
pub(crate) const LONGEST_LINE: u64 = 64 * 1024;

/// The mark with which some programs begin a file of Unicode text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a file line by line, without its blank lines and without a byte order mark.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    line: u64,
    /// Everything that has been read, if it will be read again.
    read: Option<Vec<u8>>,
}

/// A line, without its end.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Whether the line ends with a newline, rather than with the file.
    pub(crate) is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Lines {
            input,
            line: 0,
            read: None,
        }
    }

    /// The same, but [`into_read`](Self::into_read) gives back what has been read.
    pub(crate) fn remembering(input: R) -> Self {
        Lines {
            read: Some(Vec::new()),
            ..Lines::new(input)
        }
    }

    pub(crate) fn into_read(self) -> Vec<u8> {
        self.read.unwrap_or_default()
    }

    /// The line that was read last, counted from one.
    pub(crate) fn number(&self) -> u64 {
        self.line
    }

    /// The next line that is not blank, or `None` at the end of the file.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Text>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let mut limited = self.input.by_ref().take(LONGEST_LINE + 1);
            limited
                .read_until(b'\n', &mut bytes)
                .context("cannot be read")?;
            if bytes.is_empty() {
                return Ok(None);
            }
            if let Some(read) = &mut self.read {
                read.extend_from_slice(&bytes);
            }
            self.line += 1;
            let is_whole = bytes.ends_with(b"\n");
            if !is_whole && bytes.len() as u64 > LONGEST_LINE {
                bail!("a line of more than {LONGEST_LINE} bytes; is this a recording?");
            }
            let text = std::str::from_utf8(&bytes).context("this is no text in UTF-8")?;
            let text = match self.line {
                1 => text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
                _ => text,
            };
            let text = text.trim();
            if !text.is_empty() {
                let text = text.to_owned();
                return Ok(Some(Text { text, is_whole }));
            }
        }
    }
}

/// Text from a recording, with control characters made visible, so that it can do nothing to a
/// terminal: a name may be anything.
pub(crate) fn harmless(text: &str) -> String {
    let is_harmful = |c: char| c.is_control() || is_invisible(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that turn the direction of text around, or cannot be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_and_blank_lines_are_passed_over_and_lines_are_counted_all_the_same() {
        let mut lines = Lines::new("\u{feff}a\r\n\n  \nb".as_bytes());
        let first = lines.next().unwrap().unwrap();
        assert_eq!(
            (&*first.text, first.is_whole, lines.number()),
            ("a", true, 1)
        );
        let second = lines.next().unwrap().unwrap();
        assert_eq!(
            (&*second.text, second.is_whole, lines.number()),
            ("b", false, 4)
        );
        assert!(lines.next().unwrap().is_none());
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }
}
