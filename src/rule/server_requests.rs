//! Requests of the server: only in the handshake era, only for what the client declared, with ids that can be answered.

use std::collections::HashSet;

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Id, Message, Revision, method};
use crate::session::transcript::Entry;

const ID_TYPE: &str = "base.request.id-string-or-integer";
const ID_NULL: &str = "base.request.id-not-null";
const ID_UNIQUE: &str = "base.request.id-unique-in-session";
const NONE: &str = "base.patterns.no-server-requests";
const NONE_STDIO: &str = "stdio.no-server-requests";
const DECLARED_SHOULD: &str = "lifecycle.operation.only-negotiated-client-capabilities.should";
const DECLARED_MUST: &str = "lifecycle.operation.only-negotiated-client-capabilities.must";

pub const RULE: Rule = Rule {
    id: "rule/server-requests",
    judges: &[ID_TYPE, ID_NULL, ID_UNIQUE, NONE, NONE_STDIO, DECLARED_SHOULD, DECLARED_MUST],
    hint: "the server has to send a request, such as ping",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut ids = HashSet::new();
    let mut seen = false;
    for (entry, message) in &context.received {
        let named = message.method().is_some_and(|method| method.starts_with("notifications/"));
        if message.class() == Class::Request && !named {
            seen = true;
            match context.revision().is_stateless() {
                true => forbidden(context, entry, message, findings),
                false => request(context, entry, message, &mut ids, findings),
            }
        }
    }
    if !seen && !context.received.is_empty() {
        findings.kept(NONE);
        [DECLARED_SHOULD, DECLARED_MUST].iter().for_each(|id| findings.kept(id));
        if context.is_stdio() {
            findings.kept(NONE_STDIO);
        }
    }
}

fn forbidden(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let id = if context.is_stdio() { NONE_STDIO } else { NONE };
    let got = message.to_value().to_string();
    findings.violated(id, "the server sent a request", "only replies and notifications", got, &[entry.seq]);
}

fn request(
    context: &Context<'_>,
    entry: &Entry,
    message: &Message,
    ids: &mut HashSet<Id>,
    findings: &mut Findings,
) {
    let id = message.id().unwrap_or(Id::Null);
    let got = message.to_value().to_string();
    match &id {
        Id::Null => findings.violated(
            ID_NULL,
            "a request has the id null",
            "a string or an integer",
            got.clone(),
            &[entry.seq],
        ),
        id if id.is_legal() => [ID_TYPE, ID_NULL].iter().for_each(|rule| findings.kept(rule)),
        other => findings.violated(
            ID_TYPE,
            format!("a request has the id {other}"),
            "a string or an integer",
            got.clone(),
            &[entry.seq],
        ),
    }
    match ids.insert(id.clone()) {
        true => findings.kept(ID_UNIQUE),
        false => {
            findings.violated(
                ID_UNIQUE,
                format!("the id {id} was used before"),
                "a new id",
                got.clone(),
                &[entry.seq],
            );
        }
    }
    declared(context, entry, message, got, findings);
}

fn declared(context: &Context<'_>, entry: &Entry, message: &Message, got: String, findings: &mut Findings) {
    let name = message.method().unwrap_or_default();
    let needs = method::find(name, context.revision()).and_then(|method| method.capability);
    let rule = if context.revision() < Revision::V2025_06_18 { DECLARED_SHOULD } else { DECLARED_MUST };
    match needs {
        Some(capability) if !method::declares(&context.client, capability) => findings.violated(
            rule,
            format!("the server sent `{name}`, but the client did not declare `{capability}`"),
            "only requests that the declared client capabilities allow",
            got,
            &[entry.seq],
        ),
        _ => findings.kept(rule),
    }
}
