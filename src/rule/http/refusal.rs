//! Refusals of the stateless era: the HTTP status that goes with an error code.

use serde_json::Value;

use super::{Came, Exchange, exchanges};
use crate::catalogue::Verdict;
use crate::protocol::{Class, Id, Message, Revision, code, method};
use crate::rule::{Context, Findings, Rule};

const UNKNOWN: &str = "http.status.unknown-method-404";
const REMOVED: &str = "http.status.removed-methods-404";
const CAPABILITY: &str = "http.status.missing-capability-400";
const STATUS: &str = "http.header-error.status-400";
const ID: &str = "http.header-error.id-echo";
const KIND: &str = "http.header-error.content-type-json";
const EXECUTED: &str = "http.header-error.not-executed";
const VALID: &str = "http.std-headers.valid-accepted";
const MINTING: &str = "http.modern.no-session-minting";

/// Methods that this revision no longer has. A server of both eras may take `initialize` for that of the other one.
const GONE: [&str; 4] = ["ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

pub const RULE: Rule = Rule {
    id: "rule/http-refusals",
    judges: &[UNKNOWN, REMOVED, CAPABILITY, STATUS, ID, KIND, EXECUTED, VALID, MINTING],
    hint: "the server has to refuse such a request over HTTP",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for exchange in exchanges(context) {
        if exchange.is_modern() && exchange.response.is_some() {
            minting(exchange, findings);
        }
        let Some(asked) = exchange.asked() else { continue };
        if context.revision().is_stateless() {
            unlabelled(exchange, findings);
        }
        for (entry, message) in exchange.replies().filter(|_| context.revision().is_stateless()) {
            let seen = Seen { exchange, asked, reply: message, evidence: exchange.evidence_with(entry) };
            seen.judge(findings);
        }
    }
}

struct Seen<'a, 't> {
    exchange: &'a Exchange<'t>,
    asked: &'a Message,
    reply: &'a Message,
    evidence: Vec<u64>,
}

impl Seen<'_, '_> {
    fn judge(&self, findings: &mut Findings) {
        let error = self.reply.get("error").and_then(|error| error.get("code")?.as_i64());
        let name = self.asked.method().unwrap_or_default();
        let is_gone = GONE.contains(&name);
        match error {
            Some(code::METHOD_NOT_FOUND) if name != "initialize" && self.exchange.is_modern() => {
                self.status(if is_gone { REMOVED } else { UNKNOWN }, 404, findings);
            }
            Some(code::HEADER_MISMATCH) => self.header_error(findings),
            Some(code::MISSING_CLIENT_CAPABILITY) => self.status(CAPABILITY, 400, findings),
            _ if is_gone && self.reply.class() == Class::Result => findings.violated_as(
                Some(Verdict::Warn),
                REMOVED,
                format!("`{name}`, which this revision does not have, is still served"),
                "HTTP 404 with the error -32601",
                self.exchange.shown(),
                &self.evidence,
            ),
            _ => {}
        }
        let is_known = method::find(name, Revision::NEWEST_STATELESS).is_some();
        // Whether mirrored arguments are right is not known here.
        let has_params =
            self.exchange.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("mcp-param-"));
        if is_known && !has_params && !self.exchange.deliberate {
            self.accepted(error, findings);
        }
    }

    fn status(&self, requirement: &str, status: u16, findings: &mut Findings) {
        match self.exchange.status() == Some(status) {
            true => findings.kept(requirement),
            false => findings.violated(
                requirement,
                "the error came with another HTTP status",
                format!("HTTP {status}"),
                self.exchange.shown(),
                &self.evidence,
            ),
        }
    }

    fn header_error(&self, findings: &mut Findings) {
        self.status(STATUS, 400, findings);
        findings.kept(KIND);
        let id = self.reply.id();
        match id == self.asked.id() {
            true => findings.kept(ID),
            false => findings.violated_as(
                // Whoever refused may not have read the body.
                matches!(id, None | Some(Id::Null)).then_some(Verdict::Warn),
                ID,
                "the error does not have the id of the request",
                self.asked.id().map(|id| id.to_string()).unwrap_or_default(),
                id.map_or_else(|| "no id".to_owned(), |id| id.to_string()),
                &self.evidence,
            ),
        }
        let effect = self.exchange.messages().find(|(_, message)| message.class() == Class::Notification);
        match effect {
            Some((entry, message)) => findings.violated(
                EXECUTED,
                "the request was refused, and worked on",
                "nothing but the error",
                message.to_string(),
                &self.exchange.evidence_with(entry),
            ),
            None if self.asked.method() == Some("tools/call") => findings.kept(EXECUTED),
            None => {}
        }
    }

    fn accepted(&self, error: Option<i64>, findings: &mut Findings) {
        match error {
            Some(code::HEADER_MISMATCH) => findings.violated(
                VALID,
                "a request with the right headers was refused because of its headers",
                "no error -32020",
                self.reply.to_string(),
                &self.evidence,
            ),
            _ => findings.kept(VALID),
        }
    }
}

/// An error about headers that is not labelled as JSON, so that no client reads it.
fn unlabelled(exchange: &Exchange<'_>, findings: &mut Findings) {
    for (entry, came) in &exchange.came {
        let Came::Other(bytes) = came else { continue };
        let json: Option<Value> = serde_json::from_slice(bytes).ok();
        if json.is_some_and(|json| json["error"]["code"] == code::HEADER_MISMATCH) && !exchange.is_stream() {
            findings.violated(
                KIND,
                "the error came as another content type",
                "application/json",
                exchange.shown(),
                &exchange.evidence_with(entry),
            );
        }
    }
}

fn minting(exchange: &Exchange<'_>, findings: &mut Findings) {
    match exchange.header("mcp-session-id") {
        None => findings.kept(MINTING),
        Some(id) => findings.violated(
            MINTING,
            "the response carries a session id, although there are no sessions",
            "no Mcp-Session-Id",
            id,
            &exchange.evidence(),
        ),
    }
}
