//! Notifications that need a capability which the server did not declare, or a subscription that nobody asked for.

use super::{Context, Findings, Rule};
use crate::protocol::{Message, method};
use crate::session::transcript::Entry;

const LOGGING: &str = "logging.capability.declared";
const SHOULD: &str = "lifecycle.operation.only-declared-server-capabilities.should";
const MUST: &str = "lifecycle.operation.only-declared-server-capabilities.must";
const PROMPTS: &str = "prompts.respect-capability-negotiation";
const SUBSCRIPTION: &str = "lifecycle.capabilities.subscription-declared";

pub const RULE: Rule = Rule {
    id: "rule/capabilities",
    judges: &[
        LOGGING,
        SHOULD,
        MUST,
        SUBSCRIPTION,
        PROMPTS,
        "tools.list-changed.undeclared-legacy-early",
        "tools.list-changed.undeclared-legacy-late",
        "tools.list-changed.opt-in-only",
        "resources.list-changed.undeclared-legacy-early",
        "resources.list-changed.undeclared-legacy-late",
        "resources.list-changed.opt-in-only",
        "resources.updated.requires-subscribe-capability",
        "resources.updated.opt-in-only",
        "resources.updated.only-subscribed",
        "prompts.list-changed.undeclared-legacy-early",
        "prompts.list-changed.undeclared-legacy-late",
        "prompts.list-changed.opt-in-only",
    ],
    hint: "the server has to send a notification",
    run,
};

const UPDATED: &str = "notifications/resources/updated";
const PROMPTS_CHANGED: &str = "notifications/prompts/list_changed";

/// The notifications that announce changes: method, and the requirements that govern it without a declared capability
/// (early and late handshake revisions) and without a subscription (stateless era).
const CHANGES: [(&str, [&str; 3]); 4] = [
    (
        "notifications/tools/list_changed",
        [
            "tools.list-changed.undeclared-legacy-early",
            "tools.list-changed.undeclared-legacy-late",
            "tools.list-changed.opt-in-only",
        ],
    ),
    (
        "notifications/resources/list_changed",
        [
            "resources.list-changed.undeclared-legacy-early",
            "resources.list-changed.undeclared-legacy-late",
            "resources.list-changed.opt-in-only",
        ],
    ),
    (
        UPDATED,
        [
            "resources.updated.requires-subscribe-capability",
            "resources.updated.requires-subscribe-capability",
            "resources.updated.opt-in-only",
        ],
    ),
    (
        PROMPTS_CHANGED,
        [
            "prompts.list-changed.undeclared-legacy-early",
            "prompts.list-changed.undeclared-legacy-late",
            "prompts.list-changed.opt-in-only",
        ],
    ),
];

fn run(context: &Context<'_>, findings: &mut Findings) {
    let listening = context.sent.iter().any(|(_, message)| message.method() == Some("subscriptions/listen"));
    let mut seen = Vec::new();
    for (entry, message) in &context.received {
        let Some(name) = message.method() else { continue };
        if let Some((method, requirements)) = CHANGES.iter().find(|(method, _)| *method == name) {
            seen.push(*method);
            change(context, entry, message, requirements, listening, findings);
            if name == PROMPTS_CHANGED {
                prompts(context, entry, message, findings);
            }
        } else if name == "notifications/message" {
            seen.push("notifications/message");
            log(context, entry, message, findings);
        }
    }
    silence(context, &seen, findings);
}

/// What never came cannot have been wrong: an observation once the server had the opportunity.
fn silence(context: &Context<'_>, seen: &[&str], findings: &mut Findings) {
    let Some(server) = &context.server else { return };
    for (method, requirements) in CHANGES.iter().filter(|(method, _)| !seen.contains(method)) {
        let capability = method::METHODS.iter().find(|m| m.name == *method).and_then(|m| m.capability);
        if context.revision().is_stateless() || !method::declares(server, capability.unwrap_or_default()) {
            for id in deduplicated(requirements) {
                findings.kept(id);
            }
        }
    }
    if !seen.contains(&"notifications/message") {
        findings.kept(LOGGING);
    }
    if seen.is_empty() {
        [SHOULD, MUST].iter().for_each(|id| findings.kept(id));
    }
    if !seen.contains(&UPDATED) {
        findings.kept(SUBSCRIPTION);
    }
}

fn deduplicated<'r>(requirements: &[&'r str; 3]) -> Vec<&'r str> {
    let mut ids = requirements.to_vec();
    ids.dedup();
    ids
}

fn change(
    context: &Context<'_>,
    entry: &Entry,
    message: &Message,
    requirements: &[&str; 3],
    listening: bool,
    findings: &mut Findings,
) {
    let name = message.method().unwrap_or_default();
    let got = message.to_string();
    if context.revision().is_stateless() {
        match listening {
            true => findings.kept(requirements[2]),
            false => findings.violated(
                requirements[2],
                format!("the server sent `{name}`, which no subscription asked for"),
                "change notifications only on a `subscriptions/listen` stream that opted in",
                got,
                &[entry.seq],
            ),
        }
        return;
    }
    let Some(server) = &context.server else { return };
    let capability = method::find(name, context.revision()).and_then(|m| m.capability).unwrap_or_default();
    let declared = method::declares(server, capability);
    for id in governing(context, server, capability, requirements) {
        match declared {
            true => findings.kept(id),
            false => findings.violated(
                id,
                format!("the server sent `{name}` without having declared `{capability}`"),
                format!("the capability `{capability}` declared, or no such notification"),
                got.clone(),
                &[entry.seq],
            ),
        }
    }
    if name == UPDATED {
        subscribed(context, entry, message, findings);
    }
}

/// The requirements that such a notification would violate: of its feature if that is declared, else of all features.
fn governing<'r>(
    context: &Context<'_>,
    server: &serde_json::Value,
    capability: &str,
    requirements: &[&'r str; 3],
) -> Vec<&'r str> {
    let family = capability.split('.').next().unwrap_or_default();
    let subscribed = |(_, sent): &(&Entry, Message)| sent.method() == Some("resources/subscribe");
    match method::declares(server, family) {
        false => vec![SHOULD, MUST],
        true if capability == "resources.subscribe" && context.sent.iter().any(subscribed) => {
            vec![SUBSCRIPTION]
        }
        true => deduplicated(&[requirements[0], requirements[1], requirements[1]]),
    }
}

/// For prompts the same is said as advice, in both eras.
fn prompts(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let Some(server) = &context.server else { return };
    match method::declares(server, "prompts.listChanged") {
        true => findings.kept(PROMPTS),
        false => findings.violated(
            PROMPTS,
            "the server tells of prompts, without having declared that it would",
            "the capability `prompts.listChanged` declared, or no such notification",
            message.to_string(),
            &[entry.seq],
        ),
    }
}

fn subscribed(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    const ID: &str = "resources.updated.only-subscribed";
    let mut before = context.sent.iter().take_while(|(sent, _)| sent.seq < entry.seq);
    match before.any(|(_, sent)| sent.method() == Some("resources/subscribe")) {
        // A sub-resource of a subscribed one is legal: any subscription excuses any address.
        true => findings.kept(ID),
        false => findings.violated(
            ID,
            "the server announced a change of a resource that nobody subscribed to",
            "`notifications/resources/updated` only after `resources/subscribe`",
            message.to_string(),
            &[entry.seq],
        ),
    }
}

fn log(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let got = message.to_string();
    match context.server.as_ref().map(|server| method::declares(server, "logging")) {
        // Some SDKs log that they could not read a line, whether logging is declared or not.
        Some(false) if context.follows_malformed(entry) => {}
        Some(false) => findings.violated(
            LOGGING,
            "the server sent a log message without having declared `logging`",
            "the capability `logging` declared, or no log messages",
            got,
            &[entry.seq],
        ),
        Some(true) => findings.kept(LOGGING),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{received, sent, violated};
    use crate::session::Transcript;

    #[test]
    fn after_two_answers_to_initialize_nobody_knows_what_is_declared() {
        let declaring = |id: u32, capabilities: Value| {
            let asks = json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": {}});
            let says = json!({"jsonrpc": "2.0", "id": id, "result": {"capabilities": capabilities}});
            [sent(&asks, id), received(&says, id)]
        };
        let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}});
        let found = |second: Value| {
            let entries =
                [declaring(1, json!({})).to_vec(), declaring(2, second).to_vec(), vec![received(&log, 2)]];
            violated(&RULE, Revision::V2025_11_25, entries.concat())
        };
        assert_eq!(found(json!({})), [LOGGING]);
        assert!(found(json!({"logging": {}})).is_empty());
        assert!(found(json!({"tools": {}})).is_empty());
        let [asks, says] = declaring(3, json!({"tools": {}}));
        let mut part = Transcript::new(Revision::V2025_11_25, false);
        part.add(asks);
        part.add(says);
        let server = |before: Value| Context::new(&part).with_server_before(&before).server;
        assert!(server(json!({"tools": {}})).is_some() && server(json!({})).is_none());
    }
}
