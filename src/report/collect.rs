//! The report as data: what the JSON says, collected from the events.

use serde::Serialize;
use serde_json::Value;

use super::{Counts, Coverage, text, words};
use crate::catalogue;
use crate::protocol::Revision;
use crate::runner::{
    Change, Check, Event, ExitCode, Finished, FuzzFinding, Fuzzed, RunFinished, RunStarted, SnapshotChange,
    SnapshotOutcome, Started, TargetInfo,
};

/// Everything that a run found out, `mcp-conform/report/v1`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    schema: &'static str,
    /// The tool that judged.
    pub tool: Tool,
    /// Seed of everything random.
    pub seed: u64,
    /// When it began, as RFC 3339 in UTC.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What was judged.
    pub target: TargetInfo,
    /// One entry per revision and transport.
    pub runs: Vec<Run>,
    /// What the fuzz pass found; null when there was none.
    #[serde(serialize_with = "one_campaign")]
    pub fuzz: Vec<Fuzzed>,
    /// The snapshots that were compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Snapshot>,
    /// How much of what applies was judged.
    pub coverage: Coverage,
    /// How many checks have which verdict.
    pub summary: Counts,
    /// Why the run could not be done or was cut short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    exit_code: u8,
    /// How it ended.
    #[serde(skip)]
    pub exit: ExitCode,
}

/// The tool that judged.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// `mcp-conform`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Digest of the requirement catalogue.
    pub catalogue: String,
}

/// One revision over one transport.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The name of the server, where a file names several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The revision that was spoken.
    pub revision: Revision,
    /// `stdio` or `http`.
    pub transport: &'static str,
    /// What the server says that it is.
    pub server: Value,
    /// What the server declared.
    pub capabilities: Value,
    /// Time from launch to the first reply, in milliseconds.
    pub startup_ms: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How often the server was launched, or a connection opened over HTTP.
    pub spawns: usize,
    /// The judged checks, in order.
    pub checks: Vec<Check>,
    /// How many checks were planned.
    #[serde(skip)]
    pub planned: usize,
}

/// A compared snapshot, as the JSON tells it.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// The file with the snapshot.
    pub file: String,
    /// `same`, `created`, `updated` or `changed`.
    pub change: &'static str,
    /// What changed, each with its judgement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The unified difference, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

impl Run {
    /// How many checks have which verdict.
    pub fn counts(&self) -> Counts {
        Counts::of(self.checks.iter().map(|check| check.verdict))
    }

    /// `2025-11-25 · stdio`, as every report names a run; before it the name of the server, where there are several.
    pub fn label(&self) -> String {
        words::run(self.name.as_deref(), self.revision, self.transport)
    }

    /// Name and version of the server, made safe to show; empty if it said nothing.
    pub fn server_label(&self) -> String {
        let part = |key| self.server.get(key).and_then(Value::as_str).map(|text| text::brief(text, 60));
        [part("name"), part("version")].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Campaigns in several revisions are one in the report, with the figures of each.
fn one_campaign<S: serde::Serializer>(campaigns: &[Fuzzed], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Whole<'f> {
        seed: u64,
        executed: u64,
        duration_ms: u64,
        skipped: u64,
        campaigns: Vec<Part>,
        findings: Vec<&'f FuzzFinding>,
    }
    #[derive(Serialize)]
    struct Part {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        revision: Revision,
        executed: u64,
        duration_ms: u64,
        skipped: u64,
    }
    let part = |f: &Fuzzed| Part {
        name: f.name.clone(),
        revision: f.revision,
        executed: f.executed,
        duration_ms: f.duration_ms,
        skipped: f.skipped,
    };
    let whole = campaigns.first().map(|first| Whole {
        seed: first.seed,
        executed: campaigns.iter().map(|f| f.executed).sum(),
        duration_ms: campaigns.iter().map(|f| f.duration_ms).sum(),
        skipped: campaigns.iter().map(|f| f.skipped).sum(),
        campaigns: campaigns.iter().map(part).collect(),
        findings: campaigns.iter().flat_map(|f| &f.findings).collect(),
    });
    whole.serialize(serializer)
}

impl Default for Report {
    fn default() -> Self {
        let tool = Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            catalogue: catalogue::digest(),
        };
        Self {
            schema: "mcp-conform/report/v1",
            tool,
            seed: 0,
            started: String::new(),
            duration_ms: 0,
            target: TargetInfo { transport: "stdio", command: Vec::new(), url: None, config: None },
            runs: Vec::new(),
            fuzz: Vec::new(),
            snapshots: Vec::new(),
            coverage: Coverage::default(),
            summary: Counts::default(),
            problem: None,
            exit_code: ExitCode::Inconclusive.code(),
            exit: ExitCode::Inconclusive,
        }
    }
}

impl Report {
    /// Takes in what an event tells.
    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Started(started) => self.start(started),
            Event::RunStarted(run) => self.runs.push(Run::begin(run)),
            Event::Checked(check) => self.add(check),
            Event::RunFinished(end) => self.end_run(end),
            Event::Snapshot(outcome) => self.snapshots.push(Snapshot::of(outcome)),
            Event::Fuzzed(fuzzed) => self.fuzz.push((**fuzzed).clone()),
            Event::Finished(end) => self.finish(end),
            Event::Beside(_) | Event::Progress(_) | Event::Surface(_) => {}
        }
    }

    /// What the exit code says.
    pub const fn meaning(&self) -> &'static str {
        match self.exit {
            ExitCode::Clean => "judged, and nothing at or above the failing level",
            ExitCode::Findings => "violations, findings, a changed snapshot or a stale baseline entry",
            ExitCode::Usage => "wrong usage, or a bad config, profile, case or baseline file",
            ExitCode::Unreachable => "the target could not be started or reached, or never spoke MCP",
            ExitCode::Inconclusive => "inconclusive: nothing was judged, or the target cut the run short",
            ExitCode::Bug => "a bug in mcp-conform, not in the server",
            ExitCode::Interrupted => "interrupted; this is what was judged until then",
        }
    }

    /// Why the run could not be done or was cut short: a run that was not done is no success.
    pub fn trouble(&self) -> Option<&str> {
        match (&self.problem, self.exit) {
            (Some(problem), _) => Some(problem),
            (None, ExitCode::Clean | ExitCode::Findings) => None,
            (None, ExitCode::Usage | ExitCode::Unreachable | ExitCode::Inconclusive)
            | (None, ExitCode::Bug | ExitCode::Interrupted) => Some(self.meaning()),
        }
    }

    fn start(&mut self, started: &Started) {
        self.seed = started.seed;
        self.started.clone_from(&started.at);
        self.target = started.target.clone();
    }

    fn add(&mut self, check: &Check) {
        if let Some(run) = self.runs.last_mut() {
            run.checks.push(check.clone());
        }
    }

    fn end_run(&mut self, end: &RunFinished) {
        if let Some(run) = self.runs.last_mut() {
            run.spawns = end.spawns;
            run.duration_ms = end.duration_ms;
        }
    }

    fn finish(&mut self, end: &Finished) {
        self.duration_ms = end.duration_ms;
        self.problem.clone_from(&end.problem);
        self.exit = end.exit;
        self.exit_code = end.exit.code();
        self.summary = Counts::of(self.runs.iter().flat_map(|run| &run.checks).map(|check| check.verdict));
        self.coverage = self.summary.coverage();
    }
}

impl Run {
    fn begin(run: &RunStarted) -> Self {
        Self {
            name: run.name.clone(),
            revision: run.revision,
            transport: run.transport,
            server: run.server.clone(),
            capabilities: run.capabilities.clone(),
            startup_ms: run.startup_ms,
            spawns: 0,
            checks: Vec::new(),
            planned: run.planned,
            duration_ms: 0,
        }
    }
}

impl Snapshot {
    fn of(outcome: &SnapshotOutcome) -> Self {
        let (change, difference) = match &outcome.change {
            SnapshotChange::Same => ("same", None),
            SnapshotChange::Created => ("created", None),
            SnapshotChange::Updated => ("updated", None),
            SnapshotChange::Changed(difference) => ("changed", Some(difference)),
        };
        Self {
            file: outcome.file.clone(),
            change,
            changes: difference.map(|it| it.changes.clone()).unwrap_or_default(),
            diff: difference.map(|it| it.text.clone()),
        }
    }
}
