//! What is known of the server before fuzzing: legal messages to start from, and calls that it must refuse.

use serde_json::{Value, json};

use crate::case::List;
use crate::protocol::Revision;
use crate::runner::Survey;
use crate::session::{Session, client_meta};

/// A legal message without its envelope.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub method: String,
    pub params: Value,
}

/// What scripts are made of.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub revision: Revision,
    pub requests: Vec<Base>,
    pub notifications: Vec<Base>,
    /// Calls of tools whose arguments the input schema forbids.
    pub forbidden: Vec<Base>,
    /// Metadata that every message of the era carries.
    pub meta: Value,
}

const MOST: usize = 5;

impl Context {
    /// Takes what the survey found. Only tools that may be called are called.
    pub(super) fn new(session: &Session, survey: &Survey) -> Self {
        let revision = session.revision;
        let declares = |name: &str| crate::protocol::method::declares(&session.server.capabilities, name);
        let base = |method: &str, params: Value| Base { method: method.to_owned(), params };
        let call =
            |tool: &Value| base("tools/call", json!({"name": tool["name"], "arguments": tool["arguments"]}));
        let fence = if revision.is_stateless() { "server/discover" } else { "ping" };
        let mut requests = vec![base(fence, json!({}))];
        requests.extend(
            survey
                .things(List::Lists)
                .iter()
                .filter_map(|list| Some(base(list["method"].as_str()?, json!({})))),
        );
        requests.extend(survey.things(List::CallableTools).iter().take(MOST).map(call));
        requests.extend(survey.things(List::Prompts).iter().take(MOST).map(|prompt| {
            base("prompts/get", json!({"name": prompt["name"], "arguments": prompt["arguments"]}))
        }));
        requests.extend(
            survey
                .things(List::Resources)
                .iter()
                .take(MOST)
                .map(|r| base("resources/read", json!({"uri": r["uri"]}))),
        );
        if declares("completions") {
            let reference = json!({"type": "ref/prompt", "name": "mcp-conform"});
            requests.push(base(
                "completion/complete",
                json!({"ref": reference, "argument": {"name": "x", "value": ""}}),
            ));
        }
        if revision.is_handshake() && declares("logging") {
            requests.push(base("logging/setLevel", json!({"level": "error"})));
        }
        requests.push(base("mcp-conform/no-such-method", json!({})));
        let mut notifications = vec![
            base("notifications/cancelled", json!({"requestId": "mcp-conform-none", "reason": "fuzzing"})),
            base("notifications/progress", json!({"progressToken": "mcp-conform-none", "progress": 1})),
            base("notifications/mcp-conform", json!({})),
        ];
        if revision.is_handshake() {
            notifications.push(base("notifications/initialized", json!({})));
        }
        let meta = Value::Object(client_meta(revision, &json!({})));
        let forbidden = survey.things(List::InvalidCalls).iter().map(call).collect();
        Self { revision, requests, notifications, forbidden, meta }
    }

    /// A whole message: a request with `"${id}"` for its id, or a notification.
    pub(super) fn message(&self, base: &Base, is_request: bool) -> Value {
        let mut message = json!({"jsonrpc": "2.0", "method": base.method, "params": base.params});
        if is_request {
            message["id"] = "${id}".into();
            if self.revision.is_stateless() {
                message["params"]["_meta"] = self.meta.clone();
            }
        }
        message
    }
}
