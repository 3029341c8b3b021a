//! What the server asked of the client: in requests of its own (handshake era) or inside results (stateless era).

use serde_json::Value;

use super::Context;
use crate::protocol::{Class, ask};

/// The requests that only a client can fulfil.
pub(super) const KINDS: [&str; 3] = ["roots/list", "sampling/createMessage", "elicitation/create"];

/// One thing that the server asked of the client.
pub(super) struct Wish<'c> {
    /// The method of the request.
    pub method: &'c str,
    /// Its parameters.
    pub params: &'c Value,
    /// The client capabilities that were declared for it.
    pub client: &'c Value,
    /// Where it stands in the transcript, after the request that it belongs to.
    pub entries: Vec<u64>,
}

impl Wish<'_> {
    /// The capability that it needs and that the client did not declare.
    pub fn undeclared(&self) -> Option<&'static str> {
        ask::needed(self.method, self.params).filter(|needed| !ask::declares(self.client, needed))
    }

    /// The wish as text, for reports.
    pub fn got(&self) -> String {
        format!("{} {}", self.method, self.params)
    }
}

/// Everything that the server asked of the client, in order.
pub(super) fn wishes<'c>(context: &'c Context<'_>) -> Vec<Wish<'c>> {
    match context.revision().is_stateless() {
        true => inside_results(context),
        false => requests(context),
    }
}

fn requests<'c>(context: &'c Context<'_>) -> Vec<Wish<'c>> {
    let mut wishes = Vec::new();
    for (entry, message) in context.received.iter().filter(|(_, message)| message.class() == Class::Request) {
        let Some(method) = message.method().filter(|method| KINDS.contains(method)) else { continue };
        let (params, client) = (message.params(), &context.client);
        wishes.push(Wish { method, params, client, entries: vec![entry.seq] });
    }
    wishes
}

fn inside_results<'c>(context: &'c Context<'_>) -> Vec<Wish<'c>> {
    let mut wishes = Vec::new();
    for (entry, message, asked) in context.replies() {
        let requests = message.get("result").and_then(|result| result.get("inputRequests"));
        let client = declared(context, asked.seq);
        for (_, request) in requests.and_then(Value::as_object).into_iter().flatten() {
            let Some(method) = request["method"].as_str() else { continue };
            wishes.push(Wish {
                method,
                params: &request["params"],
                client,
                entries: vec![asked.seq, entry.seq],
            });
        }
    }
    wishes
}

/// The client capabilities that a request of ours declared.
pub(super) fn declared<'c>(context: &'c Context<'_>, seq: u64) -> &'c Value {
    let sent = context.sent.iter().find(|(entry, _)| entry.seq == seq);
    let declared =
        sent.map(|(_, message)| &message.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"]);
    declared.unwrap_or(&Value::Null)
}
