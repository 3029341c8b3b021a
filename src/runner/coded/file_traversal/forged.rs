//! URIs that lead out of a folder, if nothing is done about it.

use base64::Engine;
use serde_json::Value;
use url::Url;

/// More levels than any folder has: above the root there is nothing.
const LEVELS: usize = 12;
/// What climbs one level, and what stands between the names of the path then.
const CLIMBS: [(&str, &str); 8] = [
    ("../", "/"),
    ("%2e%2e/", "/"),
    ("..%2f", "%2f"),
    ("%2e%2e%2f", "%2f"),
    // Decoded once more than it should be.
    ("%252e%252e%252f", "%252f"),
    // What is left when `../` is taken out once.
    ("....//", "/"),
    ("..\\", "\\"),
    ("..%5c", "%5c"),
];
/// What makes a path absolute that is joined to a folder.
const ROOTS: [(&str, &str); 2] = [("/", "/"), ("%2f", "%2f")];
/// A name that no file has.
const NOBODY: &str = "mcp-conform-no-such-file-4711";
/// The longest file that is looked at, in bytes.
const LONGEST: u64 = 1 << 20;
/// From here on it is no accident that a text stands within another.
const TELLING: usize = 16;

/// A file that the server does not offer.
pub(super) struct Outside {
    /// Its plain URI.
    pub uri: String,
    /// Its path, without the slash at the beginning.
    pub path: String,
    /// What is in it, where that can be read here.
    content: Option<Vec<u8>>,
}

impl Outside {
    /// The file of a URI.
    pub fn of(uri: &Url) -> Self {
        let content = uri.to_file_path().ok().and_then(|path| {
            let is_short = std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= LONGEST);
            is_short.then(|| std::fs::read(&path).ok()).flatten()
        });
        let content = content.map(|content| content.trim_ascii().to_vec());
        Self {
            uri: uri.to_string(),
            path: uri.path().trim_start_matches('/').to_owned(),
            content: content.filter(|content| !content.is_empty()),
        }
    }

    /// The last part of its path.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Its path and each end of that, down to its name.
    pub fn ends(&self) -> impl Iterator<Item = &str> {
        let after = self.path.match_indices('/').map(|(slash, _)| &self.path[slash + 1..]);
        std::iter::once(self.path.as_str()).chain(after)
    }

    /// Whether one of the parts holds what is in the file.
    pub fn is_in(&self, parts: &[Vec<u8>]) -> bool {
        let Some(content) = &self.content else { return false };
        let within = |part: &Vec<u8>| part.windows(content.len()).any(|window| window == content.as_slice());
        parts
            .iter()
            .any(|part| part.trim_ascii() == content.as_slice() || (content.len() >= TELLING && within(part)))
    }

    fn neighbour(&self) -> String {
        let folder = self.path.len() - self.name().len();
        format!("{}{NOBODY}", &self.path[..folder])
    }
}

/// The folder in which a file:// URI, or the beginning of one, lies.
pub(super) fn folder(uri: &str) -> Option<String> {
    let path = uri.strip_prefix("file://")?;
    let end = path.rfind('/').map_or("/", |slash| &path[..=slash]);
    Some(format!("file://{end}"))
}

/// Spellings that lead from a folder to the file, each with the same one of a neighbour that is not there.
pub(super) fn forms(folder: &str, outside: &Outside) -> Vec<(String, String)> {
    let climbs = CLIMBS.iter().map(|(up, between)| (up.repeat(LEVELS), *between));
    let roots = ROOTS.iter().map(|(root, between)| ((*root).to_owned(), *between));
    let both = climbs.chain(roots);
    both.map(|(start, between)| {
        let to = |path: &str| format!("{folder}{start}{}", path.replace('/', between));
        (to(&outside.path), to(&outside.neighbour()))
    })
    .collect()
}

/// The bytes of each part of some contents that has any.
pub(super) fn parts(contents: &Value) -> Vec<Vec<u8>> {
    let all = contents.as_array().into_iter().flatten();
    let bytes = all.filter_map(|part| match (part["text"].as_str(), part["blob"].as_str()) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(blob)) => base64::engine::general_purpose::STANDARD.decode(blob).ok(),
        (None, None) => None,
    });
    bytes.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outside(content: &str) -> Outside {
        let content = Some(content.as_bytes().to_vec());
        Outside { uri: "file:///etc/motd".into(), path: "etc/motd".into(), content }
    }

    #[test]
    fn spellings_climb_out_of_the_folder() {
        let forms = forms("file:///project/", &outside("x"));
        assert_eq!(forms[0].0, format!("file:///project/{}etc/motd", "../".repeat(12)));
        assert!(forms[0].1.ends_with("../etc/mcp-conform-no-such-file-4711"));
        assert!(forms.iter().any(|(uri, _)| uri.ends_with("%2e%2e%2fetc%2fmotd")));
        assert!(forms.iter().any(|(uri, _)| uri == "file:///project//etc/motd"));
        assert_eq!(outside("x").ends().collect::<Vec<_>>(), ["etc/motd", "motd"]);
    }

    #[test]
    fn folders_end_at_the_last_slash() {
        assert_eq!(folder("file:///a/b.txt").as_deref(), Some("file:///a/"));
        assert_eq!(folder("file:///logs/app-").as_deref(), Some("file:///logs/"));
        assert_eq!(folder("file://").as_deref(), Some("file:///"));
        assert_eq!(folder("memo://a/b"), None);
    }

    #[test]
    fn content_is_the_whole_file_or_a_long_text_within() {
        let text = |text: &str| parts(&json!([{"uri": "x", "text": text}, {"uri": "y", "blob": "aGk="}]));
        assert!(outside("host-7").is_in(&text("host-7\n")) && outside("hi").is_in(&text("")));
        assert!(!outside("host-7").is_in(&text("there is no file host-7 here")));
        assert!(outside("a text that is long").is_in(&text("1: a text that is long")));
    }
}
