//! What the server asks of the client: requests of its own (handshake era), and results that ask for input (stateless era).

mod capabilities;
mod files;
mod fixture;
mod flow;
mod once;
mod outcomes;
mod requests;
mod responses;
mod roots;
mod silence;
mod state;
mod sweep;

use serde_json::Value;

use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Outcome;

pub(super) use files::run as root_files;
pub(super) use fixture::run as fixture_inputs;
pub(super) use flow::{Flow, Primitive, follow, requests, retry, up_to_last};
pub(super) use once::run as once;
pub(super) use requests::run as server_requests;
pub(super) use silence::{questions, run as silence};
pub(super) use sweep::{primitives, run as input_required};

/// How something ended that may have asked for input.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// With this result.
    Done(Value),
    /// With an error, or a result that is one.
    Failed,
    /// With this result, which asks for input.
    Asks(Value),
    /// Without a reply.
    Silent,
}

pub(super) fn end(outcome: &Outcome) -> End {
    match (outcome.result(), super::called(outcome)) {
        (Some(result), _) if result["resultType"] == "input_required" => End::Asks(result.clone()),
        (Some(result), super::Called::Done) => End::Done(content(result)),
        (_, super::Called::Silent) => End::Silent,
        _ => End::Failed,
    }
}

/// Whether a result that is no error tells of one in its words: some tools refuse only so.
fn complains(result: &Value) -> bool {
    let texts = result["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
    let words = ["error", "invalid", "not valid"];
    texts.map(str::to_lowercase).any(|text| words.iter().any(|word| text.contains(word)))
}

/// What a result says, without its metadata.
fn content(result: &Value) -> Value {
    let mut result = result.clone();
    if let Some(members) = result.as_object_mut() {
        members.shift_remove("_meta");
    }
    result
}

/// Notes that a requirement was kept.
fn kept(run: &mut CaseRun<'_>, id: &str, message: impl Into<String>) {
    if let Some(requirement) = run.judged(id) {
        run.note(requirement, Verdict::Pass, message);
    }
}

/// Notes that a requirement was violated by what came.
fn violated(run: &mut CaseRun<'_>, id: &str, message: impl Into<String>, expected: &str, outcome: &Outcome) {
    violated_at_most(run, id, None, message, expected, outcome);
}

fn violated_at_most(
    run: &mut CaseRun<'_>,
    id: &str,
    at_most: Option<Verdict>,
    message: impl Into<String>,
    expected: &str,
    outcome: &Outcome,
) {
    if let Some(requirement) = run.judged(id) {
        let violation = Violation {
            message: message.into(),
            expected: expected.to_owned(),
            got: outcome.to_value().to_string(),
            span: outcome.span,
            at_most,
        };
        run.violation(requirement, violation);
    }
}

/// Notes a requirement as kept if a reply came, as violated if none did. False means that none did.
fn answered(run: &mut CaseRun<'_>, id: &str, outcome: &Outcome, after: &str) -> bool {
    match (end(outcome), &outcome.died) {
        // A dead server is one failure, which a rule reports.
        (End::Silent, Some(_)) => false,
        (End::Silent, None) => {
            violated(run, id, format!("no reply came after {after}"), "a result or an error", outcome);
            false
        }
        _ => {
            kept(run, id, format!("a reply came after {after}"));
            true
        }
    }
}
