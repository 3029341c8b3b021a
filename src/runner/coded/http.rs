//! What the coded cases over HTTP share: probes, and noting what they show.

use serde_json::Value;

use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::{HttpCall, Meta, Outcome, Sent};

/// Headers in place of those of the era; `None` leaves one out.
pub(super) type Headers<'h> = &'h [(&'h str, Option<&'h str>)];

/// What a check looks at.
#[derive(Default)]
pub(super) struct Seen<'s> {
    pub message: &'s str,
    pub expected: &'s str,
    pub got: String,
    pub span: (u64, u64),
    /// The worst verdict, where it is milder than that of the level.
    pub at_most: Option<Verdict>,
    /// Why the exchange failed below HTTP: a connection may close for reasons of its own.
    pub failed: Option<&'s str>,
}

impl<'s> Seen<'s> {
    /// What is wrong with the answer to a probe, if it is.
    pub(super) fn of(outcome: &'s Outcome, message: &'s str, expected: &'s str) -> Self {
        let failed = outcome.failed.as_deref();
        Self { message, expected, got: shown(outcome), span: outcome.span, failed, ..Self::default() }
    }

    pub(super) fn at_most(self, verdict: Verdict) -> Self {
        Self { at_most: Some(verdict), ..self }
    }

    /// It was seen beside the conversation, whose transcript does not show it.
    pub(super) fn beside(self) -> Self {
        Self { span: (0, 0), ..self }
    }
}

/// Notes whether a requirement is met.
pub(super) fn say(run: &mut CaseRun<'_>, id: &str, is_met: bool, seen: &Seen<'_>) {
    let Some(requirement) = run.judged(id) else { return };
    match (is_met, seen.failed) {
        (true, _) => run.note(requirement, Verdict::Pass, seen.expected),
        (false, Some(why)) => run.note(requirement, Verdict::NotObserved, format!("no HTTP response: {why}")),
        (false, None) => {
            let violation = Violation {
                message: seen.message.to_owned(),
                expected: seen.expected.to_owned(),
                got: seen.got.clone(),
                span: seen.span,
                at_most: seen.at_most,
            };
            run.violation(requirement, violation);
        }
    }
}

/// Notes that a requirement was not to be seen.
pub(super) fn unseen(run: &mut CaseRun<'_>, id: &str, why: &str) {
    if let Some(requirement) = run.judged(id) {
        run.note(requirement, Verdict::NotObserved, why);
    }
}

/// The answer to a probe in words.
pub(super) fn shown(outcome: &Outcome) -> String {
    let status = outcome.status.map_or_else(|| "no response".to_owned(), |status| format!("HTTP {status}"));
    match (&outcome.reply, &outcome.body) {
        (Some(reply), _) => format!("{status} with {}", reply),
        (None, Some(body)) => format!("{status} with {body}"),
        (None, None) => outcome.failed.clone().unwrap_or(status),
    }
}

/// A request that every server of the era answers.
pub(super) fn plain(run: &mut CaseRun<'_>) -> Value {
    let method = run.session.revision.fence();
    run.session.compose(method, None, &Meta::Standard).1
}

/// An exchange with other headers than those of the era.
pub(super) fn call(method: &str, message: Option<Value>, headers: Headers<'_>) -> HttpCall {
    let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
    HttpCall { method: method.to_owned(), message, headers: owned.collect(), ..HttpCall::default() }
}

/// Posts the plain request with other headers.
pub(super) async fn probe(run: &mut CaseRun<'_>, headers: Headers<'_>) -> Outcome {
    let message = plain(run);
    run.session.http(&call("POST", Some(message), headers)).await
}

/// The same with another HTTP method and no body.
pub(super) async fn bare(run: &mut CaseRun<'_>, method: &str, headers: Headers<'_>) -> Outcome {
    run.session.http(&call(method, None, headers)).await
}

/// Begins an exchange without waiting for anything.
pub(super) fn launch(run: &mut CaseRun<'_>, call: &HttpCall) -> Option<Sent> {
    run.session.launch_http(call)
}
