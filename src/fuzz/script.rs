//! Scripts, and findings saved as JSON Lines: a head, then one action per line, readable and editable by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::oracle::Kind;
use crate::protocol::Revision;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A legal request, whose reply is awaited.
    Request {
        /// Its method.
        method: String,
        /// Its parameters; the metadata of the era is added.
        params: Value,
        /// Whether the server must refuse it: its own schema forbids the arguments.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forbidden: bool,
    },
    /// Exactly this message; `"${id}"` stands for a new id.
    Message(Value),
    /// Exactly this text and a newline; `"${id}"` stands for a new id.
    Text(String),
    /// Exactly these bytes, in base64, and a newline.
    Base64(String),
    /// This text, written in pieces, and a newline.
    Pieces(Vec<String>),
    /// Legal requests in one write, whose replies are awaited.
    Together(Vec<Call>),
    /// The input is closed; then a new connection is opened.
    CloseInput,
}

/// A legal request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its parameters; the metadata of the era is added.
    pub params: Value,
}

/// A list of actions, and what was done to legal messages to get them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// The names of the operators that made each action; empty for a script that was read from a file.
    pub operators: Vec<Vec<String>>,
}

impl Script {
    /// Adds an action.
    pub(super) fn push(&mut self, action: Action, operators: Vec<String>) {
        self.actions.push(action);
        self.operators.push(operators);
    }

    /// Whether the connection is over after it.
    pub(super) fn ends(&self) -> bool {
        self.actions.contains(&Action::CloseInput)
    }

    /// The script without one action.
    pub(super) fn without(&self, index: usize) -> Self {
        let mut fewer = self.clone();
        fewer.actions.remove(index);
        fewer.operators.remove(index);
        fewer
    }

    /// Scripts one after the other, as one.
    pub(super) fn joined<'s>(scripts: impl Iterator<Item = &'s Self>) -> Self {
        let mut whole = Self::default();
        for script in scripts {
            whole.actions.extend(script.actions.iter().cloned());
            whole.operators.extend(script.operators.iter().cloned());
        }
        whole
    }
}

/// Whether a finding comes each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stability {
    /// It came three times of three.
    Stable,
    /// It did not.
    Flaky,
}

/// A bug with the smallest script that shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The fingerprint: the same for the same cause.
    pub finding: String,
    /// What kind of bug it is.
    pub kind: Kind,
    /// The requirement that is violated, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// What happened, in a sentence.
    pub message: String,
    /// The revision that was spoken.
    pub revision: Revision,
    /// The seed of the campaign, and the number of the case.
    pub seed: u64,
    /// The number of the case, from 0.
    pub case: u64,
    /// What was done to legal messages.
    pub operators: Vec<String>,
    /// Whether it comes each time.
    pub stability: Stability,
    /// The smallest script.
    #[serde(skip)]
    pub script: Script,
}

/// A finding file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl Action {
    /// The action for these bytes: text where they are text.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Base64(STANDARD.encode(error.into_bytes())),
        }
    }
}

impl Finding {
    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}-{}.jsonl", self.kind.as_str(), self.finding)
    }

    /// The file.
    pub fn write(&self) -> String {
        let head = serde_json::to_string(self).unwrap_or_default();
        let lines = self.script.actions.iter().filter_map(|action| serde_json::to_string(action).ok());
        std::iter::once(head).chain(lines).map(|line| line + "\n").collect()
    }

    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let fail = |index: usize, error: serde_json::Error| ReadError {
            line: index + 1,
            problem: error.to_string(),
        };
        let (index, head) =
            lines.next().ok_or(ReadError { line: 1, problem: "the file is empty".to_owned() })?;
        let mut finding: Self = serde_json::from_str(head).map_err(|error| fail(index, error))?;
        for (index, line) in lines {
            finding.script.actions.push(serde_json::from_str(line).map_err(|error| fail(index, error))?);
        }
        Ok(finding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_again() {
        let actions = vec![
            Action::Message(json!({"id": "${id}"})),
            Action::of_bytes(vec![0xff]),
            Action::Text("{".into()),
            Action::Pieces(vec!["{".into(), "}".into()]),
            Action::CloseInput,
        ];
        let finding = Finding {
            finding: "f".into(),
            kind: Kind::Crash,
            requirement: None,
            message: "m".into(),
            revision: Revision::V2025_11_25,
            seed: 1,
            case: 2,
            operators: vec!["removed /id".into()],
            stability: Stability::Stable,
            script: Script { actions, operators: Vec::new() },
        };
        assert_eq!(Finding::read(&finding.write()), Ok(finding));
    }

    #[test]
    fn a_broken_line_is_named() {
        assert_eq!(Finding::read("{}").unwrap_err().line, 1);
        assert_eq!(Finding::read("").unwrap_err().line, 1);
    }
}
