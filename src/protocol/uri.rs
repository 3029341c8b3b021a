//! URIs that are written in different ways and mean the same.

/// A URI in one spelling, to compare it with another: scheme and host in small letters, nothing percent-encoded, no slash
/// at the end.
pub fn spelled(uri: &str) -> String {
    let text = percent_encoding::percent_decode_str(uri).decode_utf8_lossy();
    let path = match text.find("://") {
        Some(at) => text[at + 3..].find('/').map_or(text.len(), |slash| at + 3 + slash),
        None => text.find(':').unwrap_or_default(),
    };
    let (origin, path) = text.split_at(path);
    format!("{}{path}", origin.to_lowercase()).trim_end_matches('/').to_owned()
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
