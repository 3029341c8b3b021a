//! Change notifications of the stateless era: what the subscription asked for, while it lives.

use serde_json::Value;

use super::flight::Listen;
use super::{Context, Findings, Rule};
use crate::protocol::{Message, spelled};
use crate::session::transcript::Entry;

const NOTHING: &str = "subscriptions.nothing-unsubscribed";
const TYPES: &str = "subscriptions.only-requested-types";
const URIS: &str = "subscriptions.resource-updates-scoped";
const CANCELLED: &str = "subscriptions.client-cancel-stdio";
const FORGOTTEN: &str = "subscriptions.scoped-to-request";

pub const RULE: Rule = Rule {
    id: "rule/subscriptions",
    judges: &[NOTHING, TYPES, URIS, CANCELLED, FORGOTTEN],
    hint: "something has to change while a subscription is open or after its end: allow a tool that changes a list or a \
           resource with `[tools.NAME] allow = true` in the profile",
    run,
};

/// The change notifications, with the member of the filter that asks for them.
const FLAGS: [(&str, &str); 4] = [
    ("notifications/tools/list_changed", "toolsListChanged"),
    ("notifications/prompts/list_changed", "promptsListChanged"),
    ("notifications/resources/list_changed", "resourcesListChanged"),
    (UPDATED, "resourceSubscriptions"),
];
const UPDATED: &str = "notifications/resources/updated";

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    for (entry, message) in &context.received {
        let name = message.method().unwrap_or_default();
        if let Some((_, flag)) = FLAGS.iter().find(|(method, _)| *method == name) {
            let listens = context.listens(entry);
            // Where nobody ever subscribed, `rule/capabilities` speaks.
            if !listens.is_empty() {
                change(context, entry, message, flag, &listens, findings);
            }
        }
    }
}

fn change(
    context: &Context<'_>,
    entry: &Entry,
    message: &Message,
    flag: &str,
    listens: &[Listen<'_>],
    findings: &mut Findings,
) {
    let tag = message.subscription();
    let own = listens.iter().rfind(|listen| Some(&listen.id) == tag.as_ref());
    let asks = |listen: &Listen<'_>| !listen.is_over(entry) && asks(listen.filter, flag, message.params());
    let (id, expected) = match own {
        // Over HTTP its stream is gone: the message came on another one.
        Some(listen) if listen.is_over(entry) => {
            let id = if context.is_stdio() { CANCELLED } else { FORGOTTEN };
            (id, "nothing for a subscription that was cancelled")
        }
        Some(listen) if asks(listen) => {
            [NOTHING, TYPES, CANCELLED].iter().for_each(|id| findings.kept(id));
            if flag == "resourceSubscriptions" {
                findings.kept(URIS);
            }
            return;
        }
        Some(listen) if listen.filter.get(flag).is_some_and(Value::is_array) => {
            (URIS, "only resources that the subscription lists, and what is beneath them")
        }
        Some(_) => (TYPES, "only what the filter of the subscription asks for"),
        // What an open subscription asked for may lack its tag, which is judged elsewhere.
        None if listens.iter().any(asks) => return findings.kept(NOTHING),
        None if listens.iter().all(|listen| listen.is_over(entry)) => {
            (FORGOTTEN, "nothing once all subscriptions have ended")
        }
        None => (NOTHING, "only changes that a subscription asks for"),
    };
    let name = message.method().unwrap_or_default();
    let got = message.to_string();
    findings.violated(id, format!("no subscription asks for this `{name}`"), expected, got, &[entry.seq]);
}

/// Whether the filter asks for this notification.
fn asks(filter: &Value, flag: &str, params: &Value) -> bool {
    match &filter[flag] {
        Value::Array(uris) => {
            let uri = spelled(params["uri"].as_str().unwrap_or_default());
            uris.iter().filter_map(Value::as_str).any(|wanted| uri.starts_with(&spelled(wanted)))
        }
        flag => *flag == true,
    }
}
