//! In the stateless era the server relies on what the request itself declares: no input that the client cannot give, and
//! one error for what is missing.

use serde_json::{Map, Value};

use super::context::Asked;
use super::wish::{Wish, declared, declared_by, includes, wishes};
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::{Message, ask, code};
use crate::session::transcript::{Entry, What};

const RELIANCE: &str = "base.meta.capability.no-undeclared-reliance";
const INFERRED: &str = "base.meta.capability.not-inferred";
const KINDS: &str = "mrtr.only-declared-kinds";
const MISSING: &str = "base.meta.capability.missing-error";
const STATUS: &str = "base.meta.capability.missing-http-400";
const REFUSAL: &str = "mrtr.missing-capability-error";

pub const RULE: Rule = Rule {
    id: "rule/reliance",
    judges: &[RELIANCE, INFERRED, KINDS, MISSING, STATUS, REFUSAL],
    hint: "a tool that asks the client for input has to be called: `[tools.NAME] allow = true` in the profile",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    // What tasks ask for is declared elsewhere.
    let wishes: Vec<Wish<'_>> = wishes(context).into_iter().filter(|wish| !wish.of_task).collect();
    wishes.iter().for_each(|wish| asked_for(context, wish, findings));
    for (entry, message, asked) in context.replies() {
        match message.get("error") {
            None if wishes.iter().all(|wish| wish.entries[1] != entry.seq) => findings.kept(RELIANCE),
            None => {}
            Some(error) => {
                code(context, entry, asked, error, &wishes, findings);
                if error["code"] == code::MISSING_CLIENT_CAPABILITY {
                    refusal(context, entry, asked, error, findings);
                }
            }
        }
    }
}

/// A request for input needs a capability that its very request declared.
fn asked_for(context: &Context<'_>, wish: &Wish<'_>, findings: &mut Findings) {
    let Some(family) = wish.family() else { return };
    if ask::declares(wish.client, family) {
        return [RELIANCE, INFERRED, KINDS].iter().for_each(|id| findings.kept(id));
    }
    let was_declared = |(sent, earlier): &(&Entry, Message)| {
        sent.seq < wish.entries[0] && ask::declares(declared_by(earlier), family)
    };
    let id = if context.sent.iter().any(was_declared) { INFERRED } else { RELIANCE };
    for id in [id, KINDS] {
        findings.violated(
            id,
            format!("the server asks for `{}`, but the request did not declare `{family}`", wish.method),
            format!("the request answered without it, or error {}", code::MISSING_CLIENT_CAPABILITY),
            wish.got(),
            &wish.entries,
        );
    }
}

/// What needed input when the client could give it: without the capability it is refused with one code only.
fn code(
    context: &Context<'_>,
    entry: &Entry,
    asked: &Asked,
    error: &Value,
    wishes: &[Wish<'_>],
    findings: &mut Findings,
) {
    let Some(request) = context.request(asked) else { return };
    let is_same = |other: &Message| {
        other.method() == request.method()
            && ["name", "uri"].iter().all(|key| other.params()[key] == request.params()[key])
    };
    let needed =
        wishes.iter().filter(|wish| context.message(wish.entries[0]).is_some_and(is_same)).find_map(|wish| {
            let is_lacking = |family: &&str| {
                ask::declares(wish.client, family) && !ask::declares(declared_by(request), family)
            };
            wish.family().filter(is_lacking)
        });
    let Some(need) = needed else { return };
    match error["code"] == code::MISSING_CLIENT_CAPABILITY {
        true => findings.kept(MISSING),
        // The server may have had another reason.
        false => findings.violated_as(
            Some(Verdict::Warn),
            MISSING,
            format!("a call that needs `{need}` was refused with another code"),
            format!("error code {}", code::MISSING_CLIENT_CAPABILITY),
            error.to_string(),
            &[asked.seq, entry.seq],
        ),
    }
}

/// An error -32021 names what the client did not declare, over HTTP with a status of its own.
fn refusal(context: &Context<'_>, entry: &Entry, asked: &Asked, error: &Value, findings: &mut Findings) {
    let entries = [asked.seq, entry.seq];
    let mut hold = |id, verdict, is_kept: bool, problem: &str, expected: &str| match is_kept {
        true => findings.kept(id),
        false => findings.violated_as(verdict, id, problem, expected, error.to_string(), &entries),
    };
    let required = &error["data"]["requiredCapabilities"];
    let is_named = required.as_object().is_some_and(|required| !Map::is_empty(required));
    match is_named {
        false => hold(
            REFUSAL,
            None,
            false,
            "the missing capabilities are not named",
            "data.requiredCapabilities: an object of capabilities",
        ),
        true => hold(
            REFUSAL,
            None,
            !includes(declared(context, asked.seq), required),
            "what is called missing was declared",
            "the capabilities that the client did not declare",
        ),
    }
    if let Some(status) = status(context, entry) {
        // A stream that has begun has its status already.
        let streamed = matches!(entry.what, What::Received { streamed: true, .. });
        for id in [STATUS, REFUSAL] {
            let verdict = streamed.then_some(Verdict::Warn);
            let problem = format!("a missing client capability was refused with HTTP status {status}");
            hold(id, verdict, status == 400, &problem, "status 400");
        }
    }
}

fn status(context: &Context<'_>, entry: &Entry) -> Option<u16> {
    context.transcript.entries.iter().find_map(|other| match &other.what {
        What::Response { exchange, status, .. } if Some(*exchange) == entry.exchange() => Some(*status),
        _ => None,
    })
}
