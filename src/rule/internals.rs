//! What tells of the inside of a server: stack traces, and paths of its source files.

use std::sync::OnceLock;

use regex::Regex;

/// Whether a JSON text holds a stack trace.
pub(crate) fn is_trace(json: &str) -> bool {
    static TRACE: OnceLock<Regex> = OnceLock::new();
    let forms = [
        r"Traceback \(most recent call last\)",
        r"\\n\s+at [\w.<>$ ]+ \(?[^\s)]+:\d+",
        r"panicked at [^\s]+\.rs:\d+",
        r"goroutine \d+ \[",
        r"\\n\tat [\w.$]+\([\w.]+:\d+\)",
    ];
    pattern(&TRACE, &forms.join("|")).is_match(json)
}

/// The path of a source file in a JSON text, where servers are installed.
pub(crate) fn source_path(json: &str) -> Option<&str> {
    static PATH: OnceLock<Regex> = OnceLock::new();
    let form = r#"(?:/(?:home|root|usr|opt|app|srv|var|Users|workspace)|[A-Z]:\\\\)[^\s"':]*\.(?:js|mjs|cjs|ts|py|rs|go|java|rb|php|cs)\b"#;
    pattern(&PATH, form).find(json).map(|found| found.as_str())
}

fn pattern<'p>(kept: &'p OnceLock<Regex>, form: &str) -> &'p Regex {
    kept.get_or_init(|| Regex::new(form).unwrap_or_else(|error| panic!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_and_paths_are_seen() {
        let json = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
        assert!(is_trace(&json("x\n    at Server.handle (/a/b.js:1:2)\n")));
        assert!(is_trace(&json("Traceback (most recent call last):\n  File")));
        assert!(!is_trace(&json("look at the docs: they tell")));
        assert!(source_path(&json("ENOENT /home/me/server/dist/index.js")).is_some());
        assert!(source_path(&json("/etc/passwd was not found")).is_none());
        assert!(source_path(&json("/home/me/notes.txt was not found")).is_none());
    }
}
