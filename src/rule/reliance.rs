//! In the stateless era the server relies on what the request itself declares: no input that the client cannot give.

use serde_json::Value;

use super::context::Asked;
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::{Message, Revision, code, method};
use crate::session::transcript::{Entry, What};

const RELIANCE: &str = "base.meta.capability.no-undeclared-reliance";
const INFERRED: &str = "base.meta.capability.not-inferred";
const MISSING: &str = "base.meta.capability.missing-error";
const STATUS: &str = "base.meta.capability.missing-http-400";

pub const RULE: Rule = Rule {
    id: "rule/reliance",
    judges: &[RELIANCE, INFERRED, MISSING, STATUS],
    hint: "a tool that asks the client for input has to be called: `[tools.NAME] allow = true` in the profile",
    run,
};

/// Methods whose result may ask for input.
const ASKING: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    for (entry, message, asked) in context.replies() {
        if ASKING.contains(&asked.method.as_str()) {
            let Some(request) = request(context, asked) else { continue };
            match message.get("result") {
                Some(result) => needs(context, entry, asked, request, result, findings),
                None => refusal(context, entry, asked, request, message, findings),
            }
        }
        let is_missing = message.get("error").is_some_and(|e| e["code"] == code::MISSING_CLIENT_CAPABILITY);
        if is_missing && !context.is_stdio() {
            status(context, entry, asked, findings);
        }
    }
}

fn request<'c>(context: &'c Context<'_>, asked: &Asked) -> Option<&'c Message> {
    context.sent.iter().find(|(entry, _)| entry.seq == asked.seq).map(|(_, message)| message)
}

fn declared(request: &Message) -> &Value {
    &request.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"]
}

/// The client capability that a request for input needs.
fn capability(input: &Value) -> Option<&'static str> {
    let name = input["method"].as_str()?;
    method::find(name, Revision::NEWEST_HANDSHAKE)?.capability
}

fn wanted(result: &Value) -> Vec<&'static str> {
    let inputs = result["inputRequests"].as_object().into_iter().flatten();
    inputs.filter_map(|(_, input)| capability(input)).collect()
}

fn needs(
    context: &Context<'_>,
    entry: &Entry,
    asked: &Asked,
    request: &Message,
    result: &Value,
    findings: &mut Findings,
) {
    let wanted = wanted(result);
    let Some(undeclared) = wanted.iter().find(|need| !method::declares(declared(request), need)) else {
        if wanted.is_empty() {
            findings.kept(RELIANCE);
        } else {
            [RELIANCE, INFERRED].iter().for_each(|id| findings.kept(id));
        }
        return;
    };
    let was_declared = |(sent, earlier): &(&Entry, Message)| {
        sent.seq < asked.seq && method::declares(declared(earlier), undeclared)
    };
    let id = if context.sent.iter().any(was_declared) { INFERRED } else { RELIANCE };
    findings.violated(
        id,
        format!(
            "`{}` asks for input that needs `{undeclared}`, which the request did not declare",
            asked.method
        ),
        "input requests that the declared client capabilities allow",
        result.to_string(),
        &[asked.seq, entry.seq],
    );
}

/// A call that needed input when the client could give it: without the capability it is refused with one code only.
fn refusal(
    context: &Context<'_>,
    entry: &Entry,
    asked: &Asked,
    request: &Message,
    message: &Message,
    findings: &mut Findings,
) {
    let is_same = |other: &Message| {
        other.method() == request.method()
            && ["name", "uri"].iter().all(|key| other.params()[key] == request.params()[key])
    };
    let earlier = context.replies().find_map(|(_, reply, before)| {
        let other = self::request(context, before).filter(|other| is_same(other))?;
        let needs = wanted(reply.get("result")?);
        needs.into_iter().find(|need| {
            method::declares(declared(other), need) && !method::declares(declared(request), need)
        })
    });
    let Some(need) = earlier else { return };
    let error = message.get("error").cloned().unwrap_or_default();
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

fn status(context: &Context<'_>, entry: &Entry, asked: &Asked, findings: &mut Findings) {
    let status = context.transcript.entries.iter().find_map(|other| match &other.what {
        What::Response { exchange, status, .. } if Some(*exchange) == entry.exchange() => Some(*status),
        _ => None,
    });
    // A stream that has begun has its status already.
    let streamed = matches!(entry.what, What::Received { streamed: true, .. });
    match status {
        Some(400) => findings.kept(STATUS),
        Some(status) => findings.violated_as(
            streamed.then_some(Verdict::Warn),
            STATUS,
            "a missing client capability was not refused with HTTP status 400",
            "status 400",
            status.to_string(),
            &[asked.seq, entry.seq],
        ),
        None => {}
    }
}
