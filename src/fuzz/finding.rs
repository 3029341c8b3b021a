//! Findings saved as JSON Lines: a head, then one action per line, readable and editable by hand.

use serde::{Deserialize, Serialize};

use super::oracle::{Kind, Severity};
use super::script::{Action, Script};
use crate::protocol::{Revision, inert};

/// Whether a finding comes each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stability {
    /// It came three times of three.
    Stable,
    /// It did not.
    Flaky,
}

impl Stability {
    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Flaky => "flaky",
        }
    }
}

/// A bug with the smallest script that shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The fingerprint: the same for the same cause.
    pub finding: String,
    /// What kind of bug it is.
    pub kind: Kind,
    /// Whether it is a bug for sure, or only worth a look.
    #[serde(default)]
    pub severity: Severity,
    /// The requirement that is violated, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// What happened, in a sentence.
    pub message: String,
    /// The revision that was spoken.
    pub revision: Revision,
    /// The seed of the campaign.
    pub seed: u64,
    /// The number of the case, from 0; none for a script of the corpus.
    pub case: Option<u64>,
    /// What was done to legal messages.
    pub operators: Vec<String>,
    /// Whether it comes each time.
    pub stability: Stability,
    /// What identifies it in a run: see [`super::Bug::cause`].
    pub cause: String,
    /// The smallest script.
    #[serde(skip)]
    pub script: Script,
    /// What crossed the wire when it was shown, the end of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<String>,
    /// The end of the server's standard error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
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

impl Finding {
    /// Whether another one says the same. A script with the same cause as another, or another death, is told only if it
    /// comes each time: those of a race never look alike. Of a server that dies a death that is only worth a look is no news.
    pub(super) fn is_told_by(&self, known: &Self) -> bool {
        let is_death = known.kind.is_death() && self.kind.is_death();
        let is_alike = is_death || known.cause == self.cause;
        let is_less = is_death && known.severity < self.severity;
        known.finding == self.finding || is_less || self.stability == Stability::Flaky && is_alike
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}-{}.jsonl", self.kind.as_str(), self.finding)
    }

    /// The file.
    pub fn write(&self) -> String {
        let head = serde_json::to_string(self).unwrap_or_default();
        let lines = std::iter::once(head).chain(self.script.lines());
        inert::json(&lines.map(|line| line + "\n").collect::<String>())
    }

    /// Reads a file.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (index, head) =
            lines.next().ok_or(ReadError { line: 1, problem: "the file is empty".to_owned() })?;
        let mut finding: Self = serde_json::from_str(head).map_err(|error| at(index, &error))?;
        finding.script = actions(lines)?;
        Ok(finding)
    }
}

fn at(index: usize, error: &serde_json::Error) -> ReadError {
    ReadError { line: index + 1, problem: error.to_string() }
}

/// Reads actions, one per line.
fn actions<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Result<Script, ReadError> {
    let read = |(index, line)| serde_json::from_str::<Action>(line).map_err(|error| at(index, &error));
    lines.map(read).collect::<Result<_, _>>().map(Script::of)
}

/// Reads a script without a head, such as a file of a corpus.
pub(super) fn read_script(text: &str) -> Result<Script, ReadError> {
    actions(text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::script::{Http, Which};
    use serde_json::json;

    fn crash(finding: &str, cause: &str, stability: Stability) -> Finding {
        Finding {
            finding: finding.into(),
            kind: Kind::Crash,
            severity: Severity::Finding,
            requirement: None,
            message: "m".into(),
            revision: Revision::V2025_11_25,
            seed: 1,
            case: Some(2),
            operators: vec!["removed /id".into()],
            stability,
            cause: cause.into(),
            script: Script::default(),
            wire: vec!["-> {".into()],
            stderr: "panic".into(),
        }
    }

    #[test]
    fn a_second_script_is_told_if_it_comes_each_time_and_a_race_once() {
        use Stability::{Flaky, Stable};
        let known = crash("f", "c", Stable);
        assert!(crash("f", "c", Stable).is_told_by(&known));
        assert!(!crash("g", "c", Stable).is_told_by(&known));
        assert!(crash("g", "d", Flaky).is_told_by(&known), "another death");
        let worth_a_look = Finding { severity: Severity::Advice, ..crash("g", "d", Stable) };
        assert!(worth_a_look.is_told_by(&known) && !crash("h", "d", Stable).is_told_by(&worth_a_look));
        let lost = |cause: &str| Finding { kind: Kind::NoReply, ..crash("g", cause, Flaky) };
        assert!(!lost("d").is_told_by(&known));
        assert!(lost("c").is_told_by(&known));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let actions = vec![
            Action::Message(json!({"id": "${id}"})),
            Action::of_bytes(vec![0xff]),
            Action::Text("{".into()),
            Action::Pieces(vec!["{".into(), "}".into()]),
            Action::Cancel(Which::Last),
            Action::Await,
            Action::Http(Http { method: "GET".into(), cut: true, ..Http::default() }),
            Action::Reconnect { handshake: false },
            Action::CloseInput,
        ];
        let finding = Finding { script: Script::of(actions), ..crash("f", "c", Stability::Stable) };
        assert_eq!(Finding::read(&finding.write()), Ok(finding));
    }

    #[test]
    fn a_broken_line_is_named() {
        assert_eq!(Finding::read("{}").unwrap_err().line, 1);
        assert_eq!(Finding::read("").unwrap_err().line, 1);
        assert_eq!(read_script("\"await\"\n\"later\"").unwrap_err().line, 2);
    }
}
