//! Texts and values as far as anybody is shown them: a server may send very many, and very long ones.

use std::io::{Error, ErrorKind, Write};

use serde_json::Value;

/// Bytes of a text that are kept.
const MOST_SHOWN: usize = 64 << 10;

/// The text, cut where it becomes too long.
pub fn shortened(text: impl Into<String>) -> String {
    let mut text = text.into();
    if text.len() > MOST_SHOWN {
        let end = (0..=MOST_SHOWN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

/// A value as JSON, cut where it becomes too long: the whole is never built.
pub fn excerpt(value: &Value) -> String {
    let mut start = Start(Vec::new());
    // Only a full one fails.
    let is_cut = serde_json::to_writer(&mut start, value).is_err();
    let text = String::from_utf8_lossy(&start.0);
    match is_cut {
        true => format!("{}…", text.trim_end_matches('\u{fffd}')),
        false => text.into_owned(),
    }
}

/// The beginning of what is written.
struct Start(Vec<u8>);

impl Write for Start {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let room = MOST_SHOWN - self.0.len();
        self.0.extend_from_slice(&bytes[..room.min(bytes.len())]);
        match bytes.len() > room {
            true => Err(Error::from(ErrorKind::StorageFull)),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_long_is_cut_and_never_within_a_character() {
        assert_eq!(excerpt(&json!({"a": [1, "é"]})), r#"{"a":[1,"é"]}"#);
        for lead in ["", "a", "aa"] {
            let long = json!(lead.to_owned() + &"é€".repeat(MOST_SHOWN));
            assert_eq!(excerpt(&long), shortened(long.to_string()));
        }
    }
}
