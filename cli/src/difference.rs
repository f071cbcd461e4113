//! The one line that differs between the two calls, taken from the library's source.

/// The protocol, which is compiled into the library from the same file.
const SOURCE: &str = include_str!("../../src/inbox.rs");

/// Where it is.
pub(crate) const PLACE: &str = "src/inbox.rs";

/// A line of `call_soon_threadsafe`, and whether `call_soon` has it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// Without the comment and what comes before it.
    pub(crate) text: &'static str,
    /// Whether both calls have it.
    pub(crate) is_common: bool,
}

/// The body of `call_soon_threadsafe`, beside that of `call_soon`.
pub(crate) fn lines() -> Vec<Line> {
    let unsafe_body = body("call_soon");
    let body = body("call_soon_threadsafe").into_iter();
    body.map(|text| Line {
        text,
        is_common: unsafe_body.contains(&text),
    })
    .collect()
}

/// The lines between the braces of a method of the protocol.
fn body(method: &str) -> Vec<&'static str> {
    let head = format!("    fn {method}(&self, ");
    let lines = SOURCE.lines().skip_while(|line| !line.starts_with(&head));
    let body = lines.skip(1).take_while(|line| *line != "    }");
    body.map(|line| line.split(" // ").next().unwrap_or(line).trim())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_differ_in_one_line_and_that_is_the_wakeup() {
        let lines = lines();
        assert_eq!(lines.len(), body("call_soon").len() + 1);
        let different: Vec<&Line> = lines.iter().filter(|line| !line.is_common).collect();
        let [line] = different[..] else {
            panic!("{lines:#?}");
        };
        assert_eq!(line.text, "self.wake(inbox, &mut state);");
    }
}
