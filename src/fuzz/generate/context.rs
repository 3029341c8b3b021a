//! What is known of the server before fuzzing: legal messages to start from, and calls at the edge of its schemas.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::hostile::Hostile;
use crate::case::List;
use crate::catalogue::{Position, Schemas};
use crate::protocol::{Revision, method};
use crate::runner::{Survey, call_of};
use crate::sample;
use crate::session::{Session, client_meta};

/// A legal message without its envelope.
#[derive(Debug, Clone)]
pub(in crate::fuzz) struct Base {
    pub method: String,
    pub params: Value,
}

/// A tool call with arguments at the edge of the tool's schema.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub call: Base,
    pub what: String,
    /// Whether the schema forbids the arguments.
    pub forbidden: bool,
}

/// What scripts are made of.
#[derive(Debug, Clone)]
pub(in crate::fuzz) struct Context {
    pub revision: Revision,
    pub is_http: bool,
    /// Legal requests that the server must answer.
    requests: Vec<Base>,
    /// Where the list requests stand among them.
    lists: Vec<usize>,
    /// Requests of the revision that fit its schemas, whether this server offers what they are about or not.
    others: Vec<Base>,
    notifications: Vec<Base>,
    edges: Vec<Edge>,
    /// Where the calls that the schemas forbid stand among them: few, and as telling as all the others.
    forbidden: Vec<usize>,
    uris: Vec<Value>,
    pub(super) subscribes: bool,
    /// Metadata that every message of the era carries.
    meta: Value,
    pub(super) hostile: Hostile,
}

/// Things of one kind that are used.
const MOST: usize = 8;
/// Tools that are called.
const MOST_TOOLS: usize = 32;
/// Edges of one tool.
const EDGES: usize = 40;

impl Context {
    /// Takes what the survey found. Only `tools` are called.
    pub(in crate::fuzz) fn new(
        session: &Session,
        survey: &Survey,
        tools: &[Value],
        hostile: Hostile,
    ) -> Self {
        let revision = session.revision;
        let declares = |name: &str| method::declares(&session.server.capabilities, name);
        let mut context = Self { hostile, is_http: session.is_http(), ..Self::generic(revision) };
        context.subscribes = revision.is_handshake() && declares("resources.subscribe");
        let mut requests = vec![base(revision.fence(), json!({}))];
        for list in survey.things(List::Lists) {
            context.lists.push(requests.len());
            requests.push(base(list["method"].as_str().unwrap_or_default(), json!({})));
        }
        requests.extend(tools.iter().take(MOST_TOOLS).map(call));
        requests.extend(survey.things(List::Prompts).iter().take(MOST).map(|prompt| {
            base("prompts/get", json!({"name": prompt["name"], "arguments": prompt["arguments"]}))
        }));
        context.uris = survey.things(List::Resources).iter().take(MOST).map(|r| r["uri"].clone()).collect();
        requests.extend(context.uris.iter().map(|uri| base("resources/read", json!({"uri": uri}))));
        if declares("completions") {
            let reference = json!({"type": "ref/prompt", "name": "mcp-conform"});
            let argument = json!({"name": "x", "value": ""});
            requests.push(base("completion/complete", json!({"ref": reference, "argument": argument})));
        }
        if revision.is_handshake() && declares("logging") {
            requests.push(base("logging/setLevel", json!({"level": "error"})));
        }
        requests.push(base("mcp-conform/no-such-method", json!({})));
        context.requests = requests;
        context.edges = tools.iter().take(MOST_TOOLS).flat_map(edges).collect();
        let places = context.edges.iter().enumerate().filter(|(_, edge)| edge.forbidden);
        context.forbidden = places.map(|(place, _)| place).collect();
        context
    }

    /// What is known of any server.
    pub(in crate::fuzz) fn generic(revision: Revision) -> Self {
        let mut notifications = vec![
            base("notifications/cancelled", json!({"requestId": "mcp-conform-none", "reason": "fuzzing"})),
            base("notifications/progress", json!({"progressToken": "mcp-conform-none", "progress": 1})),
            base("notifications/mcp-conform", json!({})),
        ];
        if revision.is_handshake() {
            notifications.push(base("notifications/initialized", json!({})));
            notifications.push(base("notifications/roots/list_changed", json!({})));
        }
        Self {
            revision,
            is_http: false,
            requests: vec![base(revision.fence(), json!({})), base("tools/list", json!({}))],
            lists: Vec::new(),
            others: others(revision),
            notifications,
            edges: Vec::new(),
            forbidden: Vec::new(),
            uris: Vec::new(),
            subscribes: false,
            meta: Value::Object(client_meta(revision, &json!({}))),
            hostile: Hostile::new(None),
        }
    }

    /// A legal request; any number is good.
    pub(super) fn request(&self, n: usize) -> &Base {
        &self.requests[n % self.requests.len()]
    }

    /// A request to start from, which the server may have to refuse.
    pub(super) fn any_request(&self, n: usize) -> &Base {
        match (n % 3, self.others.get(n / 3 % self.others.len().max(1))) {
            (0, Some(other)) => other,
            _ => self.request(n / 3),
        }
    }

    /// Parameters that fit a method.
    pub(super) fn like(&self, method: &str) -> Value {
        let mut known = self.requests.iter().chain(&self.others);
        known.find(|base| base.method == method).map_or_else(|| json!({}), |base| base.params.clone())
    }

    /// A call at the edge of a tool's schema: every second one is forbidden.
    pub(super) fn edge(&self, n: usize) -> Option<&Edge> {
        let place = match (n % 2, self.forbidden.len()) {
            (1, many @ 1..) => self.forbidden[n / 2 % many],
            _ => n / 2 % self.edges.len().max(1),
        };
        self.edges.get(place)
    }

    /// The number of a list request.
    pub(super) fn list(&self, n: usize) -> usize {
        self.lists.get(n % self.lists.len().max(1)).copied().unwrap_or(n)
    }

    /// A notification.
    pub(super) fn notification(&self, n: usize) -> &Base {
        &self.notifications[n % self.notifications.len()]
    }

    /// The URI of a resource.
    pub(super) fn uri(&self, n: usize) -> Value {
        self.uris.get(n % self.uris.len().max(1)).cloned().unwrap_or_else(|| json!("mcp-conform://none"))
    }

    /// The whole message of a legal request.
    pub(super) fn whole(&self, method: &str, params: &Value) -> Value {
        self.message(&base(method, params.clone()), true)
    }

    /// A whole message: a request with `"${id}"` for its id, or a notification.
    pub(super) fn message(&self, base: &Base, is_request: bool) -> Value {
        let mut message = json!({"jsonrpc": "2.0", "method": base.method, "params": base.params});
        if is_request {
            message["id"] = "${id}".into();
            if self.revision.is_stateless() && message["params"].is_object() {
                message["params"]["_meta"] = self.meta.clone();
            }
        }
        message
    }
}

fn base(method: &str, params: Value) -> Base {
    Base { method: method.to_owned(), params }
}

fn call(tool: &Value) -> Base {
    base("tools/call", call_of(tool))
}

/// Calls at the edge of a tool's schema.
fn edges(tool: &Value) -> impl Iterator<Item = Edge> {
    let name = tool["name"].clone();
    sample::variants(&tool["inputSchema"], EDGES).into_iter().map(move |variant| Edge {
        call: base("tools/call", json!({"name": name, "arguments": variant.instance})),
        what: variant.what,
        forbidden: variant.forbidden,
    })
}

/// A request of every method of the revision, made up once from the schemas of what a client sends.
fn others(revision: Revision) -> Vec<Base> {
    static BY_REVISION: [OnceLock<Vec<Base>>; Revision::ALL.len()] =
        [const { OnceLock::new() }; Revision::ALL.len()];
    BY_REVISION[revision.index()].get_or_init(|| made_up(revision)).clone()
}

fn made_up(revision: Revision) -> Vec<Base> {
    let schemas = Schemas::of(revision);
    // These begin a conversation, or hold a stream open.
    let is_left_out = |name: &str| matches!(name, "initialize" | "server/discover" | "subscriptions/listen");
    let names = schemas.names(Position::ClientRequest).filter(|name| !is_left_out(name));
    let made = names.filter_map(|name| {
        let whole = sample::valid(&schemas.document(Position::ClientRequest, name)?)?;
        Some(base(name, whole.get("params").cloned().unwrap_or_else(|| json!({}))))
    });
    made.collect()
}
