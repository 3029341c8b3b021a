//! The diagnostic block: the one way in which a check or a finding of the fuzzer is told. A [`Block`] says what there is
//! to say; [`Block::render`] sets it as text, and other reports set it in their own form.

mod frame;
mod render;

use super::{Report, Run, Snapshot, text, words};
use crate::catalogue::Verdict;
use crate::runner::{Change, Check, FuzzFinding, Judgement};

pub use frame::Frame;

/// The most lines of a difference.
const MOST_DIFF_LINES: usize = 500;

/// How much a block may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lines of one value.
    pub lines: usize,
    /// Characters of one line.
    pub line: usize,
    /// Messages of a finding of the fuzzer: its script tells the most.
    pub fuzz_frames: usize,
}

impl Bounds {
    /// For readers that scroll and unfold.
    pub const AMPLE: Self = Self { lines: 60, line: 2_500, fuzz_frames: 40 };

    /// For text of a width.
    pub fn of_width(width: usize) -> Self {
        Self { lines: 10, line: render::room(width) * 3, fuzz_frames: 0 }
    }
}

/// A check or a finding in words, not yet set. All text in it is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The verdict; a finding of the fuzzer is a failure, its advice a warning.
    pub verdict: Verdict,
    /// The word that it begins with.
    pub word: &'static str,
    /// Case and requirement.
    pub title: String,
    /// Level, revision, transport.
    pub tags: String,
    /// The requirement that it is about; without one, `fuzz/KIND`, `snapshot/changed` or `run/stopped`.
    pub rule: String,
    /// Whether it is only worth a look, and fails nothing.
    pub is_advice: bool,
    /// What happened, in paragraphs.
    pub message: Vec<String>,
    /// The labelled rows.
    pub rows: Vec<Row>,
}

/// A labelled row of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `expected`, `got`, `wire`, …
    pub label: &'static str,
    /// What there is to say.
    pub value: Value,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Plain lines.
    Lines(Vec<String>),
    /// Messages in their order.
    Wire(Vec<Frame>),
    /// An address that every report can link to as it is.
    Link(String),
    /// A command to paste.
    Command(String),
    /// A unified difference.
    Diff(Vec<String>),
}

/// How much a block weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// It fails the run.
    Failure,
    /// It does not.
    Warning,
    /// It is only worth a look.
    Advice,
}

/// The word that a block of this verdict begins with.
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Warn => "WARN",
        Verdict::Error => "ERROR",
        Verdict::Known => "KNOWN",
        Verdict::Blocked => "BLOCKED",
        Verdict::NotObserved => "NOT OBSERVED",
        Verdict::NotApplicable => "NOT APPLICABLE",
    }
}

impl Block {
    /// Tells a check of a run.
    pub fn new(check: &Check, run: &Run, bounds: Bounds) -> Self {
        Self {
            verdict: check.verdict,
            word: word(check.verdict),
            title: format!("{} › {}", text::brief(&check.id, 120), text::brief(&check.requirement, 120)),
            tags: format!("{} · {}", check.level, run.label()),
            rule: text::brief(&check.requirement, 120),
            is_advice: false,
            message: text::lines(&check.message, bounds.lines, 1_000),
            rows: check_rows(check, bounds),
        }
    }

    /// Tells a finding of the fuzzer, with its smallest script.
    pub fn of_fuzz(finding: &FuzzFinding, bounds: Bounds) -> Self {
        let (verdict, word) = match finding.is_advice() {
            true => (Verdict::Warn, "LOOK"),
            false => (Verdict::Fail, "FOUND"),
        };
        let requirement = finding.requirement.as_ref().map(|id| text::brief(id, 120));
        let about = requirement.iter().map(|id| format!(" › {id}")).collect::<String>();
        Self {
            verdict,
            word,
            title: format!("{}{about}", finding.kind),
            rule: requirement.unwrap_or_else(|| format!("fuzz/{}", finding.kind)),
            is_advice: finding.is_advice(),
            tags: format!(
                "{}, {} · {}{}",
                finding.stability,
                steps(finding.steps),
                words::server(finding.name.as_deref()),
                finding.revision
            ),
            message: text::lines(&finding.message, bounds.lines, 500),
            rows: fuzz_rows(finding, bounds),
        }
    }

    /// Tells a snapshot that changed; nothing if it did not.
    pub fn of_snapshot(snapshot: &Snapshot) -> Option<Self> {
        Some(Self::of_change(&snapshot.file, &snapshot.changes, snapshot.diff.as_deref()?))
    }

    /// Tells what changed, each change under its judgement, and the difference of the texts.
    pub fn of_change(title: &str, changes: &[Change], diff: &str) -> Self {
        let of = |judgement| changes.iter().filter(move |change| change.judgement == judgement);
        let judged = Judgement::ALL.into_iter().filter(|&judgement| of(judgement).next().is_some());
        let counts: Vec<String> = judged
            .clone()
            .map(|judgement| format!("{} {}", of(judgement).count(), judgement.as_str()))
            .collect();
        let told = judged.map(|judgement| {
            let lines = of(judgement).map(|change| text::brief(&change.what, 400)).collect();
            Row { label: judgement.as_str(), value: Value::Lines(lines) }
        });
        let diff = text::lines(diff, MOST_DIFF_LINES, 1_000);
        let diff = (!diff.is_empty()).then_some(Row { label: "", value: Value::Diff(diff) });
        Self {
            verdict: Verdict::Fail,
            word: "CHANGED",
            title: text::escape(title),
            tags: counts.join(", "),
            rule: "snapshot/changed".to_owned(),
            is_advice: false,
            message: Vec::new(),
            rows: told.chain(diff).collect(),
        }
    }

    /// Tells why the run could not be done or was cut short.
    pub fn of_problem(report: &Report) -> Option<Self> {
        Some(Self {
            verdict: Verdict::Error,
            word: words::trouble(report.exit),
            title: "the run".to_owned(),
            tags: format!("exit {}", report.exit.code()),
            rule: "run/stopped".to_owned(),
            is_advice: false,
            message: text::lines(report.trouble()?, 100, 1_000),
            rows: Vec::new(),
        })
    }

    /// How much it weighs; with `strict`, a warning fails the run.
    pub const fn gravity(&self, strict: bool) -> Gravity {
        match self.verdict {
            _ if self.is_advice => Gravity::Advice,
            Verdict::Warn if !strict => Gravity::Warning,
            Verdict::Fail | Verdict::Warn | Verdict::Error => Gravity::Failure,
            Verdict::Pass
            | Verdict::NotApplicable
            | Verdict::NotObserved
            | Verdict::Known
            | Verdict::Blocked => Gravity::Advice,
        }
    }

    /// Adds that the same happened in other runs.
    pub fn also(mut self, others: &[&Run]) -> Self {
        if !others.is_empty() {
            let labels: Vec<String> = others.iter().map(|run| run.label()).collect();
            self.rows.push(Row { label: "also in", value: Value::Lines(vec![labels.join(", ")]) });
        }
        self
    }

    /// What the row of this label says in one line; nothing if there is none.
    pub fn row(&self, label: &str) -> Option<String> {
        let row = self.rows.iter().find(|row| row.label == label)?;
        Some(match &row.value {
            Value::Lines(lines) | Value::Diff(lines) => lines.join(" "),
            Value::Wire(frames) => frames.iter().map(Frame::label).collect::<Vec<_>>().join("; "),
            Value::Link(text) | Value::Command(text) => text.clone(),
        })
    }
}

fn steps(steps: usize) -> String {
    if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") }
}

fn check_rows(check: &Check, bounds: Bounds) -> Vec<Row> {
    let frames = || check.wire.iter().map(Frame::of).collect();
    [
        lines("expected", check.expected.as_deref(), bounds),
        lines("got", check.got.as_deref(), bounds),
        check.blocked_by.as_deref().and_then(|value| lines("blocked by", Some(value), bounds)),
        (!check.wire.is_empty()).then(|| Row { label: "wire", value: Value::Wire(frames()) }),
        check.stderr.as_deref().map(|value| stderr(value, bounds)),
        check.case.as_deref().and_then(|value| lines("case", Some(value), bounds)),
        (!check.spec.is_empty()).then(|| Row { label: "spec", value: address(&check.spec) }),
        command("rerun", Some(&check.rerun)),
        command("more", Some(&format!("mcp-conform explain {}", check.requirement))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn fuzz_rows(finding: &FuzzFinding, bounds: Bounds) -> Vec<Row> {
    let explain = finding.requirement.as_ref().map(|id| format!("mcp-conform explain {id}"));
    let skipped = finding.wire.len().saturating_sub(bounds.fuzz_frames);
    let frames: Vec<Frame> = finding.wire[skipped..].iter().map(|line| Frame::of_fuzz(line)).collect();
    let stderr = (bounds.fuzz_frames > 0).then(|| stderr(&finding.stderr, bounds));
    [
        lines(
            "done",
            Some(&finding.operators.join("; ")).filter(|done| !done.is_empty()).map(String::as_str),
            bounds,
        ),
        lines("script", Some(&finding.script.join("\n")), bounds),
        (!frames.is_empty()).then_some(Row { label: "wire", value: Value::Wire(frames) }),
        stderr,
        lines("saved", finding.replay.as_deref(), bounds),
        command("rerun", finding.rerun.as_deref()),
        command("more", explain.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lines(label: &'static str, value: Option<&str>, bounds: Bounds) -> Option<Row> {
    let lines = text::lines(value?, bounds.lines, bounds.line);
    Some(Row { label, value: Value::Lines(lines) })
}

/// An address is a link only if nothing is odd about it.
fn address(text: &str) -> Value {
    match text::is_address(text) {
        true => Value::Link(text.to_owned()),
        false => Value::Lines(vec![text::brief(text, 500)]),
    }
}

fn command(label: &'static str, line: Option<&str>) -> Option<Row> {
    let line = line.filter(|line| !line.is_empty())?;
    Some(Row { label, value: Value::Command(text::escape(line)) })
}

/// The end of standard error is what matters.
fn stderr(value: &str, bounds: Bounds) -> Row {
    let all: Vec<&str> = value.trim_end().lines().collect();
    let end = &all[all.len().saturating_sub(bounds.lines)..];
    let lines = match value.trim().is_empty() {
        true => vec!["(empty)".to_owned()],
        false => end.iter().map(|line| text::brief(line, bounds.line)).collect(),
    };
    Row { label: "stderr", value: Value::Lines(lines) }
}
