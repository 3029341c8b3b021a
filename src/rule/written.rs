//! Transcripts that tests of rules write.

use serde_json::{Value, json};

use super::{Context, Findings, Rule};
use crate::protocol::{Frame, Revision};
use crate::session::Transcript;
use crate::session::transcript::What;

/// A message of ours on an HTTP exchange.
pub(super) fn sent(message: &Value, exchange: u32) -> What {
    let json = Some(message.clone().into());
    What::Sent { frame: Frame::from_value(message), json, deliberate: false, exchange: Some(exchange) }
}

/// A message of the server on the stream of an HTTP exchange.
pub(super) fn received(message: &Value, exchange: u32) -> What {
    let (frame, json) = (Frame::from_value(message), Ok(message.clone().into()));
    What::Received { frame, json, terminated: true, exchange: Some(exchange), streamed: true }
}

/// A POST, in a session if one is given.
pub(super) fn post(exchange: u32, session: Option<&str>) -> What {
    request("POST", exchange, session)
}

/// A GET, in a session if one is given.
pub(super) fn get(exchange: u32, session: Option<&str>) -> What {
    request("GET", exchange, session)
}

fn request(method: &str, exchange: u32, session: Option<&str>) -> What {
    let headers = session.map(|id| ("Mcp-Session-Id".to_owned(), id.to_owned())).into_iter().collect();
    What::Request { exchange, method: method.to_owned(), headers, deliberate: false }
}

/// The head of a response.
pub(super) fn response(exchange: u32, status: u16) -> What {
    What::Response { exchange, status, headers: Vec::new() }
}

/// A call that asks for progress under `token-ID`.
pub(super) fn call(id: u32) -> Value {
    let meta = json!({"progressToken": format!("token-{id}")});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "x", "_meta": meta}})
}

/// Progress of that call.
pub(super) fn progress(id: u32) -> Value {
    let params = json!({"progressToken": format!("token-{id}"), "progress": 1});
    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
}

/// The requirements that a rule finds violated in a conversation over HTTP.
pub(super) fn violated(rule: &Rule, revision: Revision, entries: Vec<What>) -> Vec<&'static str> {
    violated_in(Transcript::new(revision, true), rule, entries)
}

/// The same over stdio, whatever exchange the entries name.
pub(super) fn violated_on_stdio(rule: &Rule, revision: Revision, entries: Vec<What>) -> Vec<&'static str> {
    violated_in(Transcript::new(revision, false), rule, entries)
}

fn violated_in(mut transcript: Transcript, rule: &Rule, entries: Vec<What>) -> Vec<&'static str> {
    for what in entries {
        transcript.add(what);
    }
    let mut findings = Findings::new(transcript.revision);
    (rule.run)(&Context::new(&transcript), &mut findings);
    findings.violations.iter().map(|violation| violation.requirement).collect()
}
