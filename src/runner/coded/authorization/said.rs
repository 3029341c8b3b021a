//! What a refusal says in `WWW-Authenticate`.

use crate::protocol::{Challenge, challenges};
use crate::session::Outcome;

/// The header of a refusal, read.
pub(super) struct Said {
    /// Its text.
    pub header: Option<String>,
    /// Its challenges, or why it cannot be read.
    pub challenges: Result<Vec<Challenge>, String>,
}

/// The header as one text.
pub(super) fn header(outcome: &Outcome) -> Option<String> {
    let lines = outcome.headers.iter().filter(|(name, _)| name == "www-authenticate");
    let lines: Vec<&str> = lines.map(|(_, value)| value.as_str()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

impl Said {
    pub fn of(outcome: &Outcome) -> Self {
        let header = header(outcome);
        Self { challenges: challenges(header.as_deref().unwrap_or_default()), header }
    }

    /// The first challenge for bearer tokens.
    pub fn bearer(&self) -> Option<&Challenge> {
        self.challenges.as_ref().ok()?.iter().find(|challenge| challenge.is_bearer())
    }

    /// A parameter of that challenge.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.bearer()?.param(name)
    }

    /// The scopes that it asks for, sorted.
    pub fn scopes(&self) -> Option<Vec<&str>> {
        let mut scopes: Vec<&str> =
            self.param("scope")?.split(' ').filter(|scope| !scope.is_empty()).collect();
        scopes.sort_unstable();
        Some(scopes)
    }

    /// What is wrong with the form of the header.
    pub fn malformed(&self) -> Option<String> {
        match &self.challenges {
            Err(problem) => Some(format!("WWW-Authenticate cannot be read: {problem}")),
            Ok(all) => all.iter().filter(|challenge| challenge.is_bearer()).find_map(malformed),
        }
    }
}

/// The parameters of RFC 6750, each with the characters that it may hold.
const PARAMS: [&str; 5] = ["realm", "scope", "error", "error_description", "error_uri"];

fn malformed(challenge: &Challenge) -> Option<String> {
    let twice =
        PARAMS.iter().find(|name| challenge.params.iter().filter(|(known, _)| known == *name).count() > 1);
    if let Some(name) = twice {
        return Some(format!("the parameter {name} occurs twice"));
    }
    let is_wrong = |(name, value): &&(String, String)| match name.as_str() {
        "scope" => !is_scope(value),
        "error" | "error_description" => !value.chars().all(is_text),
        "error_uri" => !value.chars().all(|c| is_text(c) && c != ' '),
        _ => false,
    };
    challenge.params.iter().find(is_wrong).map(|(name, value)| format!("{name} must not be `{value}`"))
}

/// Printable ASCII without quote and backslash.
fn is_text(c: char) -> bool {
    matches!(c, ' '..='~') && c != '"' && c != '\\'
}

/// Scopes with single spaces between them. A comma is a legal character; a list of scopes with commas is none of spaces.
fn is_scope(value: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| is_text(c) && c != ' ');
    let looks_like_a_list = value.starts_with('[') || value.contains(", ");
    value.split(' ').all(is_word) && !looks_like_a_list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_words_with_single_spaces() {
        assert!(is_scope("a b:c") && is_scope("read,write"));
        assert!(!is_scope("a  b") && !is_scope("[\"a\"]") && !is_scope("a, b") && !is_scope(""));
    }
}
