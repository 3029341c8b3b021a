//! What changed between two snapshots or two reports, and what it means for those who use the server: breaking,
//! compatible, or not to be told.

mod schema;
mod surface;
mod verdicts;

use serde_json::Value;

use super::read::Recorded;
use super::snapshot::VERDICTS;
use super::text;
use crate::runner::{Change, Check, Judgement};

/// Characters of a sentence: a server may name things as it likes.
const LONGEST: usize = 400;

/// The changes between two snapshots, the gravest first.
pub fn of_snapshots(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = surface::changes(old, new);
    changes.extend(verdicts::changes("", &lines(old), &lines(new)));
    sorted(changes)
}

/// The changes between two reports, the gravest first.
pub fn of_reports(old: &Recorded, new: &Recorded) -> Vec<Change> {
    sorted(verdicts::of_reports(old, new))
}

/// A check as snapshots keep it.
pub fn verdict_line(check: &Check) -> String {
    format!("{} › {}: {}", check.id, check.requirement, check.verdict)
}

fn lines(snapshot: &Value) -> Vec<&str> {
    snapshot[VERDICTS].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|change| change.judgement);
    changes
}

fn change(judgement: Judgement, what: impl Into<String>) -> Change {
    Change { judgement, what: text::cut(&what.into(), LONGEST) }
}

fn breaking(what: impl Into<String>) -> Change {
    change(Judgement::Breaking, what)
}

fn compatible(what: impl Into<String>) -> Change {
    change(Judgement::Compatible, what)
}

fn unknown(what: impl Into<String>) -> Change {
    change(Judgement::Unknown, what)
}
