//! The one ordered stream of events from a run to every reporter.

use serde::Serialize;
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
    /// The whole run is over. Always last.
    Finished(Finished),
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
}

/// One revision over one transport.
#[derive(Debug, Clone)]
pub struct RunStarted {
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
    pub value: Value,
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
    /// It changed: a unified diff.
    Changed(String),
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
