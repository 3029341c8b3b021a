//! Requests of the server: only in the handshake era, only for what the client declared, with ids that can be answered.

use std::collections::HashSet;

use super::http::Scope;
use super::wish::KINDS;
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::{Class, Id, Message, Revision, method};
use crate::session::transcript::Entry;

const ID_TYPE: &str = "base.request.id-string-or-integer";
const ID_NULL: &str = "base.request.id-not-null";
const ID_UNIQUE: &str = "base.request.id-unique-in-session";
const ID_VALID: &str = "server-requests.id-valid";
const NONE: &str = "base.patterns.no-server-requests";
const NONE_STDIO: &str = "stdio.no-server-requests";
const FORBIDDEN: &str = "server-requests.forbidden";
const DIRECTIONS: &str = "transport.binding.directions";
const VIA_RESULTS: &str = "server-requests.via-mrtr";
const TOO_EARLY: [&str; 2] =
    ["server-requests.before-initialized", "lifecycle.pre-initialized.no-server-requests"];
const NO_ELICITATION: &str = "elicitation.not-before-2025-06-18";
/// Only what was declared: as advice, and from 2025-06-18 as a rule.
const DECLARED: [[&str; 2]; 2] = [
    ["lifecycle.operation.only-negotiated-client-capabilities.should", "client-features.only-negotiated"],
    ["lifecycle.operation.only-negotiated-client-capabilities.must", "client-features.only-negotiated-must"],
];

pub const RULE: Rule = Rule {
    id: "rule/server-requests",
    judges: &[
        ID_TYPE,
        ID_NULL,
        ID_UNIQUE,
        ID_VALID,
        NONE,
        NONE_STDIO,
        FORBIDDEN,
        DIRECTIONS,
        VIA_RESULTS,
        TOO_EARLY[0],
        TOO_EARLY[1],
        NO_ELICITATION,
        DECLARED[0][0],
        DECLARED[0][1],
        DECLARED[1][0],
        DECLARED[1][1],
    ],
    hint: "the server has to send a request, such as ping",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut ids = HashSet::new();
    let mut seen = Vec::new();
    for (entry, message) in &context.received {
        let name = message.method().unwrap_or_default();
        if message.class() == Class::Request && !name.starts_with("notifications/") {
            seen.push(name);
            match context.revision().is_stateless() {
                true => forbidden(context, entry, message, findings),
                false => request(context, entry, message, &mut ids, findings),
            }
        }
    }
    if !context.received.is_empty() {
        absent(context, &seen, findings);
    }
}

/// What never came cannot have been wrong.
fn absent(context: &Context<'_>, seen: &[&str], findings: &mut Findings) {
    if seen.is_empty() {
        [NONE, FORBIDDEN, DIRECTIONS, VIA_RESULTS].iter().chain(&TOO_EARLY).for_each(|id| findings.kept(id));
        DECLARED.iter().flatten().for_each(|id| findings.kept(id));
        if context.is_stdio() {
            findings.kept(NONE_STDIO);
        }
    }
    if !seen.contains(&"elicitation/create") {
        findings.kept(NO_ELICITATION);
    }
}

fn forbidden(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let is_wish = message.method().is_some_and(|method| KINDS.contains(&method));
    let own = [context.is_stdio().then_some(NONE_STDIO), is_wish.then_some(VIA_RESULTS)];
    for id in [NONE, FORBIDDEN, DIRECTIONS].into_iter().chain(own.into_iter().flatten()) {
        let got = message.to_string();
        findings.violated(
            id,
            "the server sent a request",
            "only replies and notifications",
            got,
            &[entry.seq],
        );
    }
}

fn request<'t>(
    context: &Context<'t>,
    entry: &Entry,
    message: &Message,
    ids: &mut HashSet<(Scope<'t>, Id)>,
    findings: &mut Findings,
) {
    let id = message.id().unwrap_or(Id::Null);
    let got = message.to_string();
    let legal = match &id {
        Id::Null => Some(ID_NULL),
        id if id.is_legal() => None,
        _ => Some(ID_TYPE),
    };
    let is_new = ids.insert((Scope::of(context, entry), id.clone()));
    match legal {
        Some(rule) => [rule, ID_VALID].iter().for_each(|rule| {
            let problem = format!("a request has the id {id}");
            findings.violated(rule, problem, "a string or an integer", got.clone(), &[entry.seq]);
        }),
        None => [ID_TYPE, ID_NULL].iter().for_each(|rule| findings.kept(rule)),
    }
    match is_new {
        true => findings.kept(ID_UNIQUE),
        false => [ID_UNIQUE, ID_VALID].iter().for_each(|rule| {
            let problem = format!("the id {id} was used before");
            findings.violated(rule, problem, "a new id", got.clone(), &[entry.seq]);
        }),
    }
    if legal.is_none() && is_new {
        findings.kept(ID_VALID);
    }
    timely(context, entry, message, &got, findings);
    declared(context, entry, message, got, findings);
}

/// Before `notifications/initialized` only `ping` is for the server to ask.
fn timely(context: &Context<'_>, entry: &Entry, message: &Message, got: &str, findings: &mut Findings) {
    let is_timely = message.method() == Some("ping") || context.is_initialized_before(entry.seq);
    for id in TOO_EARLY {
        match is_timely {
            true => findings.kept(id),
            false => findings.violated(
                id,
                "the server sent a request before `notifications/initialized`",
                "at most `ping` before the handshake is done",
                got,
                &[entry.seq],
            ),
        }
    }
}

fn declared(context: &Context<'_>, entry: &Entry, message: &Message, got: String, findings: &mut Findings) {
    let name = message.method().unwrap_or_default();
    if name == "elicitation/create" && context.revision() < Revision::V2025_06_18 {
        findings.violated_as(
            Some(Verdict::Warn),
            NO_ELICITATION,
            "the server sent `elicitation/create`, which this revision does not have",
            "no elicitation before 2025-06-18",
            got.clone(),
            &[entry.seq],
        );
    }
    let needs = method::find(name, context.revision()).and_then(|method| method.capability);
    let missing = needs.filter(|capability| !method::declares(&context.client, capability));
    let is_rule = context.revision() >= Revision::V2025_06_18;
    for rule in DECLARED[usize::from(is_rule)] {
        match missing {
            Some(capability) => findings.violated(
                rule,
                format!("the server sent `{name}`, but the client did not declare `{capability}`"),
                "only requests that the declared client capabilities allow",
                got.clone(),
                &[entry.seq],
            ),
            None => findings.kept(rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rule::written::{post, received, violated};

    #[test]
    fn ids_differ_within_a_session() {
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
        let found = |sessions: [Option<&str>; 2]| {
            let entries = (1..).zip(sessions);
            let entries = entries.flat_map(|(number, id)| [post(number, id), received(&ping, number)]);
            violated(&RULE, Revision::V2025_06_18, entries.collect())
        };
        assert!(found([Some("a"), Some("b")]).is_empty());
        assert!(found([None, None]).is_empty());
        assert_eq!(found([Some("a"), Some("a")]), [ID_UNIQUE, ID_VALID]);
    }
}
