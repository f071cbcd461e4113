//! Lines that fit.

/// Breaks a text between words, and a word that is too long where it must be, so that no line is wider than `most`.
pub(super) fn wrap(text: &str, most: usize, width: impl Fn(&str) -> usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a last line");
        let joined = if last.is_empty() {
            word.to_owned()
        } else {
            format!("{last} {word}")
        };
        if width(&joined) <= most {
            *last = joined;
            continue;
        }
        if !last.is_empty() {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let last = lines.last_mut().expect("there is always a last line");
            let mut longer = last.clone();
            longer.push(letter);
            if width(&longer) <= most || last.is_empty() {
                *last = longer;
            } else {
                lines.push(letter.to_string());
            }
        }
    }
    lines
}

/// Columns of a terminal: characters, of which those that would move the cursor are replaced.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Without characters that mean something to a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_too_wide_and_nothing_is_lost() {
        let text = "a callback that was accepted_by_a_call_with_a_very_long_name runs";
        for most in 1..70 {
            let lines = wrap(text, most, columns);
            assert!(lines.iter().all(|line| columns(line) <= most), "{lines:?}");
            let without_spaces = |text: &str| text.replace(' ', "");
            assert_eq!(without_spaces(&lines.concat()), without_spaces(text));
        }
        assert_eq!(wrap("one two three", 7, columns), ["one two", "three"]);
    }
}
