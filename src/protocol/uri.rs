//! URIs that are written in different ways and mean the same.

/// A URI in one spelling, to compare it with another: scheme and host in small letters, nothing percent-encoded, no slash
/// at the end.
pub fn spelled(uri: &str) -> String {
    let decoded = decoded(uri.as_bytes());
    let text = String::from_utf8_lossy(&decoded);
    let path = match text.find("://") {
        Some(at) => text[at + 3..].find('/').map_or(text.len(), |slash| at + 3 + slash),
        None => text.find(':').unwrap_or_default(),
    };
    let (origin, path) = text.split_at(path);
    format!("{}{path}", origin.to_lowercase()).trim_end_matches('/').to_owned()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = match (*byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_uri_are_the_same() {
        for (one, other) in [
            ("memo://greeting", "MEMO://Greeting/"),
            ("file:///a%20b/%C3%A9", "file:///a b/é"),
            ("https://Example.com/A", "https://example.com/A"),
            ("urn:x", "URN:x"),
        ] {
            assert_eq!(spelled(one), spelled(other));
        }
        for (one, other) in [("https://a/X", "https://a/x"), ("memo://a%zz", "memo://a"), ("a/b", "A/b")] {
            assert_ne!(spelled(one), spelled(other));
        }
    }
}
