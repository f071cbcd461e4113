//! Text without its numbers and spaces, to compare what is printed with what a page shows.

/// The words and the punctuation, every number a 0.
pub fn shape(text: &str) -> String {
    let mut shape = String::new();
    for word in text.split_whitespace() {
        for c in word.chars() {
            if !c.is_ascii_digit() {
                shape.push(c);
            } else if !shape.ends_with('0') {
                shape.push('0');
            }
        }
        shape.push(' ');
    }
    shape
}
