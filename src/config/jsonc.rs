//! JSON with comments and trailing commas, as editors accept it.

/// The same text as plain JSON: comments and trailing commas become spaces, so that every position stays.
pub fn plain(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut comma = None;
    while at < out.len() {
        match (out[at], out.get(at + 1)) {
            ('"', _) => {
                comma = None;
                at = end_of_string(&out, at);
            }
            ('/', Some('/')) => at = blank(&mut out, at, |rest| rest.first() == Some(&'\n'), 0),
            ('/', Some('*')) => at = blank(&mut out, at, |rest| rest.starts_with(&['*', '/']), 2),
            (',', _) => comma = Some(at),
            ('}' | ']', _) => {
                if let Some(comma) = comma.take() {
                    out[comma] = ' ';
                }
            }
            (other, _) if !other.is_whitespace() => comma = None,
            _ => {}
        }
        at += 1;
    }
    out.into_iter().collect()
}

/// The place of the quote that ends the text that begins at `at`.
fn end_of_string(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at
}

/// Blanks from `at` until `is_end`, and `after` characters more; returns the last place.
fn blank(chars: &mut [char], from: usize, is_end: impl Fn(&[char]) -> bool, after: usize) -> usize {
    let length = (from + 2..chars.len()).find(|at| is_end(&chars[*at..])).unwrap_or(chars.len());
    let end = (length + after).min(chars.len());
    for c in &mut chars[from..end] {
        if *c != '\n' {
            *c = ' ';
        }
    }
    end - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn comments_and_trailing_commas_vanish_and_texts_stay() {
        let text = "\u{feff}{ // one\n \"a\": [1, 2,], /* two\n lines, */ \"url\": \"http://x/*,]\\\"//\", }";
        let value: Value = serde_json::from_str(&plain(text)).unwrap();
        assert_eq!(value, json!({"a": [1, 2], "url": "http://x/*,]\"//"}));
        assert_eq!(plain(text).lines().count(), text.lines().count());
    }

    #[test]
    fn broken_texts_stay_broken() {
        for text in ["{", "\"a", "/*", "{\"a\": ,}", "\"\\", "//", "/"] {
            assert!(serde_json::from_str::<Value>(&plain(text)).is_err(), "{text}");
        }
    }
}
