//! Reading JSON reports back, as the events that they were made from.

use serde::Deserialize;
use serde_json::Value;

use crate::catalogue::{Level, Verdict};
use crate::fuzz::{Kind, Severity, Stability};
use crate::protocol::Revision;
use crate::runner::{
    Change, Check, Difference, ExitCode, FuzzFinding, Fuzzed, RunFinished, RunStarted, SnapshotChange,
    SnapshotOutcome, Started, TargetInfo, WireLine,
};

/// A report that was read.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// How it began.
    pub started: Started,
    /// Each revision over each transport.
    pub runs: Vec<RecordedRun>,
    /// The campaigns.
    pub fuzz: Vec<Fuzzed>,
    /// The snapshots.
    pub snapshots: Vec<SnapshotOutcome>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How it ended.
    pub exit: ExitCode,
    /// Why it could not be done.
    pub problem: Option<String>,
}

/// One revision over one transport.
#[derive(Debug, Clone)]
pub struct RecordedRun {
    /// How it began.
    pub started: RunStarted,
    /// What was judged.
    pub checks: Vec<Check>,
    /// How it ended.
    pub finished: RunFinished,
}

/// Reads a report; the error says what is wrong with it.
pub fn read(text: &str) -> Result<Recorded, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    match value["schema"].as_str() {
        Some("mcp-conform/report/v1") => {}
        Some(other) => return Err(format!("a report of the schema `{other}`, not `mcp-conform/report/v1`")),
        None => return Err("not a JSON report of mcp-conform: it has no `schema`".to_owned()),
    }
    let file: File = serde_json::from_value(value).map_err(|error| error.to_string())?;
    file.recorded()
}

#[derive(Deserialize)]
struct File {
    seed: u64,
    started: String,
    duration_ms: u64,
    target: Target,
    runs: Vec<Run>,
    fuzz: Option<Fuzz>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
    problem: Option<String>,
    exit_code: u8,
}

#[derive(Deserialize)]
struct Target {
    transport: String,
    command: Vec<String>,
    url: Option<String>,
    config: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    name: Option<String>,
    revision: Revision,
    transport: String,
    server: Value,
    capabilities: Value,
    startup_ms: u64,
    /// Older reports do not say.
    #[serde(default)]
    duration_ms: u64,
    spawns: usize,
    checks: Vec<CheckLine>,
}

#[derive(Deserialize)]
struct CheckLine {
    id: String,
    requirement: String,
    level: Level,
    verdict: Verdict,
    observations: u32,
    message: String,
    expected: Option<String>,
    got: Option<String>,
    spec: String,
    case: Option<String>,
    wire: Vec<Frame>,
    stderr: Option<String>,
    blocked_by: Option<String>,
    rerun: String,
}

#[derive(Deserialize)]
struct Frame {
    seq: u64,
    at_ms: u64,
    dir: String,
    data: String,
    #[serde(default)]
    culprit: bool,
}

#[derive(Deserialize)]
struct Fuzz {
    seed: u64,
    campaigns: Vec<Campaign>,
    findings: Vec<Found>,
}

#[derive(Deserialize)]
struct Campaign {
    name: Option<String>,
    revision: Revision,
    executed: u64,
    duration_ms: u64,
    skipped: u64,
}

#[derive(Deserialize)]
struct Found {
    name: Option<String>,
    id: String,
    revision: Revision,
    kind: Kind,
    requirement: Option<String>,
    message: String,
    steps: usize,
    stability: Stability,
    severity: Severity,
    replay: Option<String>,
    operators: Vec<String>,
    script: Vec<String>,
    rerun: Option<String>,
    wire: Vec<String>,
    stderr: String,
}

#[derive(Deserialize)]
struct Snapshot {
    file: String,
    change: String,
    #[serde(default)]
    changes: Vec<Change>,
    diff: Option<String>,
}

impl File {
    fn recorded(self) -> Result<Recorded, String> {
        let target = TargetInfo {
            transport: transport(&self.target.transport)?,
            command: self.target.command,
            url: self.target.url,
            config: self.target.config,
        };
        Ok(Recorded {
            started: Started { seed: self.seed, at: self.started, target },
            runs: self.runs.into_iter().map(Run::recorded).collect::<Result<_, _>>()?,
            fuzz: self.fuzz.map_or_else(|| Ok(Vec::new()), Fuzz::recorded)?,
            snapshots: self.snapshots.into_iter().map(Snapshot::recorded).collect::<Result<_, _>>()?,
            duration_ms: self.duration_ms,
            exit: ExitCode::of(self.exit_code)
                .ok_or_else(|| format!("unknown exit code {}", self.exit_code))?,
            problem: self.problem,
        })
    }
}

impl Run {
    fn recorded(self) -> Result<RecordedRun, String> {
        let started = RunStarted {
            name: self.name,
            revision: self.revision,
            transport: transport(&self.transport)?,
            server: self.server,
            capabilities: self.capabilities,
            startup_ms: self.startup_ms,
            planned: self.checks.len(),
        };
        let checks = self.checks.into_iter().map(CheckLine::recorded).collect::<Result<_, _>>()?;
        let finished = RunFinished { spawns: self.spawns, duration_ms: self.duration_ms };
        Ok(RecordedRun { started, checks, finished })
    }
}

impl CheckLine {
    fn recorded(self) -> Result<Check, String> {
        Ok(Check {
            id: self.id,
            requirement: self.requirement,
            level: self.level,
            verdict: self.verdict,
            observations: self.observations,
            message: self.message,
            expected: self.expected,
            got: self.got,
            spec: self.spec,
            case: self.case,
            wire: self.wire.into_iter().map(Frame::recorded).collect::<Result<_, _>>()?,
            stderr: self.stderr,
            blocked_by: self.blocked_by,
            rerun: self.rerun,
        })
    }
}

impl Frame {
    fn recorded(self) -> Result<WireLine, String> {
        let dir = word(&self.dir, ["->", "<-", "!!"])?;
        Ok(WireLine { seq: self.seq, at_ms: self.at_ms, dir, data: self.data, culprit: self.culprit })
    }
}

impl Fuzz {
    fn recorded(self) -> Result<Vec<Fuzzed>, String> {
        let begun = self.campaigns.into_iter().map(|campaign| Fuzzed {
            name: campaign.name,
            seed: self.seed,
            revision: campaign.revision,
            executed: campaign.executed,
            duration_ms: campaign.duration_ms,
            skipped: campaign.skipped,
            findings: Vec::new(),
        });
        let mut campaigns: Vec<Fuzzed> = begun.collect();
        for found in self.findings {
            let is_its =
                |campaign: &&mut Fuzzed| (&campaign.name, campaign.revision) == (&found.name, found.revision);
            let campaign = campaigns.iter_mut().find(is_its);
            let campaign = campaign.ok_or_else(|| format!("the finding {} is of no campaign", found.id))?;
            campaign.findings.push(found.recorded());
        }
        Ok(campaigns)
    }
}

impl Found {
    fn recorded(self) -> FuzzFinding {
        FuzzFinding {
            name: self.name,
            id: self.id,
            revision: self.revision,
            kind: self.kind.as_str(),
            requirement: self.requirement,
            message: self.message,
            steps: self.steps,
            stability: self.stability.as_str(),
            severity: self.severity.as_str(),
            replay: self.replay,
            operators: self.operators,
            script: self.script,
            rerun: self.rerun,
            wire: self.wire,
            stderr: self.stderr,
        }
    }
}

impl Snapshot {
    fn recorded(self) -> Result<SnapshotOutcome, String> {
        let change = match (self.change.as_str(), self.diff) {
            ("same", _) => SnapshotChange::Same,
            ("created", _) => SnapshotChange::Created,
            ("updated", _) => SnapshotChange::Updated,
            ("changed", diff) => {
                SnapshotChange::Changed(Difference { changes: self.changes, text: diff.unwrap_or_default() })
            }
            (other, _) => return Err(format!("unknown change of a snapshot: `{other}`")),
        };
        Ok(SnapshotOutcome { file: self.file, change })
    }
}

fn transport(text: &str) -> Result<&'static str, String> {
    word(text, ["stdio", "http"])
}

fn word<const N: usize>(text: &str, known: [&'static str; N]) -> Result<&'static str, String> {
    known.into_iter().find(|word| *word == text).ok_or_else(|| format!("unknown word `{text}`"))
}
