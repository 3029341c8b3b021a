//! The one ordered stream of events from a run to every reporter.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::Check;
use super::exit::ExitCode;
use crate::protocol::Revision;

/// What happens in a run, in order. Reporters match it exhaustively.
#[derive(Debug, Clone)]
pub enum Event {
    /// The whole run begins. Always first.
    Started(Started),
    /// Something that takes time begins, in words for a person who waits.
    Progress(String),
    /// One of several servers, which are judged side by side, does something; what it came to is told as a whole later.
    Beside(Box<Beside>),
    /// Judging one revision over one transport begins.
    RunStarted(RunStarted),
    /// What the server offers in this revision, for the snapshot.
    Surface(Surface),
    /// A check has its verdict.
    Checked(Box<Check>),
    /// The last check of the revision was before this.
    RunFinished(RunFinished),
    /// The snapshot of a surface was compared.
    Snapshot(SnapshotOutcome),
    /// A fuzzing campaign ended.
    Fuzzed(Box<Fuzzed>),
    /// The whole run is over. Always last.
    Finished(Finished),
}

/// What one of several servers is doing.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The name of the server.
    pub server: String,
    /// What happens.
    pub event: Event,
}

/// The beginning of everything.
#[derive(Debug, Clone)]
pub struct Started {
    /// Seed of everything random.
    pub seed: u64,
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// What is judged.
    pub target: TargetInfo,
}

/// What is judged.
#[derive(Debug, Clone, Serialize)]
pub struct TargetInfo {
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// The command line that is launched, if any.
    pub command: Vec<String>,
    /// The address, over HTTP.
    pub url: Option<String>,
    /// The file that names the servers, when there may be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// One revision over one transport.
#[derive(Debug, Clone)]
pub struct RunStarted {
    /// The name of the server, where a file names several.
    pub name: Option<String>,
    /// The revision that is spoken.
    pub revision: Revision,
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// What the server says that it is: `name`, `version` and more, or null.
    pub server: Value,
    /// What the server declared.
    pub capabilities: Value,
    /// Time from launch to the first reply, in milliseconds.
    pub startup_ms: u64,
    /// How many checks are planned.
    pub planned: usize,
}

/// What a server offers in one revision, in the order and form in which it said so.
#[derive(Debug, Clone)]
pub struct Surface {
    /// The revision.
    pub revision: Revision,
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// `server`, `capabilities`, `instructions`, `tools`, `resources`, `resourceTemplates`, `prompts`; what is not offered is absent.
    pub value: Arc<Value>,
}

/// The end of one revision.
#[derive(Debug, Clone)]
pub struct RunFinished {
    /// How often the server was launched, or a connection opened over HTTP.
    pub spawns: usize,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// The result of comparing a snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotOutcome {
    /// The file with the snapshot.
    pub file: String,
    /// What became of it.
    pub change: SnapshotChange,
}

/// What became of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotChange {
    /// Nothing changed.
    Same,
    /// There was none; it was written.
    Created,
    /// It changed, and the change was accepted.
    Updated,
    /// It changed.
    Changed(Difference),
}

/// What changed between two snapshots or reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Each change with its judgement.
    pub changes: Vec<Change>,
    /// The unified difference of the texts.
    pub text: String,
}

/// One change, judged from the side of those who use the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it means.
    pub judgement: Judgement,
    /// What changed, in a sentence.
    pub what: String,
}

/// What a change means for those who use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// What worked no longer does.
    Breaking,
    /// It cannot be told.
    Unknown,
    /// What worked still does.
    Compatible,
}

impl Judgement {
    /// Every one, the gravest first.
    pub const ALL: [Self; 3] = [Self::Breaking, Self::Unknown, Self::Compatible];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Unknown => "unknown",
            Self::Compatible => "compatible",
        }
    }
}

/// The end of everything.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The exit code of the process.
    pub exit: ExitCode,
    /// Why the run could not be done or was cut short: what, where, what to do.
    pub problem: Option<String>,
}

/// What came of a fuzzing campaign.
#[derive(Debug, Clone, Serialize)]
pub struct Fuzzed {
    /// The name of the server, where a file names several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// The revision that was spoken.
    pub revision: Revision,
    /// Cases that were run.
    pub executed: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// Cases that were not run.
    pub skipped: u64,
    /// The bugs, each once.
    pub findings: Vec<FuzzFinding>,
}

/// One bug, with the smallest script that shows it.
#[derive(Debug, Clone, Serialize)]
pub struct FuzzFinding {
    /// The name of the server, where a file names several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fingerprint: the same for the same cause.
    pub id: String,
    /// The revision in which it was found.
    pub revision: Revision,
    /// What kind of bug it is.
    pub kind: &'static str,
    /// The requirement that is violated, if one is.
    pub requirement: Option<String>,
    /// What happened, in a sentence.
    pub message: String,
    /// How many actions the script has.
    pub steps: usize,
    /// `stable` or `flaky`.
    pub stability: &'static str,
    /// `finding`, or `advice`, which fails nothing.
    pub severity: &'static str,
    /// The file that it was saved in.
    pub replay: Option<String>,
    /// What was done to legal messages.
    pub operators: Vec<String>,
    /// The script, one action per line.
    pub script: Vec<String>,
    /// The command that runs it again.
    pub rerun: Option<String>,
    /// The end of the wire log, one message per line.
    pub wire: Vec<String>,
    /// The end of the server's standard error.
    pub stderr: String,
}

impl FuzzFinding {
    /// Whether it is only worth a look, and fails nothing.
    pub fn is_advice(&self) -> bool {
        self.severity == "advice"
    }
}
