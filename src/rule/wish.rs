//! What the server asked of the client: in requests of its own (handshake era) or inside results (stateless era).

use serde_json::Value;

use super::Context;
use super::tasks::births;
use crate::protocol::{Class, Message, ask};

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
    /// Whether a task asks for it.
    pub of_task: bool,
    /// Where it stands in the transcript, after the request that it belongs to.
    pub entries: Vec<u64>,
}

impl Wish<'_> {
    /// The capability that it needs and that the client did not declare.
    pub fn undeclared(&self) -> Option<&'static str> {
        undeclared(self.client, self.method, self.params)
    }

    /// The capability that it needs, without its parts: `elicitation` of `elicitation.url`.
    pub fn family(&self) -> Option<&'static str> {
        ask::needed(self.method, self.params)?.split('.').next()
    }

    /// The wish as text, for reports.
    pub fn got(&self) -> String {
        format!("{} {}", self.method, self.params)
    }
}

fn undeclared(client: &Value, method: &str, params: &Value) -> Option<&'static str> {
    ask::needed(method, params).filter(|needed| !ask::declares(client, needed))
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
        wishes.push(Wish { method, params, client, of_task: false, entries: vec![entry.seq] });
    }
    wishes
}

fn inside_results<'c>(context: &'c Context<'_>) -> Vec<Wish<'c>> {
    let mut wishes = Vec::new();
    let births = births(context);
    for (entry, message, asked) in context.replies() {
        let result = message.get("result").unwrap_or(&Value::Null);
        let born = births.iter().find(|born| born.task["taskId"] == result["taskId"]);
        for (_, request) in result["inputRequests"].as_object().into_iter().flatten() {
            let Some(method) = request["method"].as_str() else { continue };
            let params = &request["params"];
            let client = declared(context, asked.seq);
            // A task may hold on to what the call declared that it came from.
            let call = born.map_or(client, |born| declared(context, born.asked.seq));
            let client = if undeclared(call, method, params).is_none() { call } else { client };
            let (of_task, entries) = (asked.method == "tasks/get", vec![asked.seq, entry.seq]);
            wishes.push(Wish { method, params, client, of_task, entries });
        }
    }
    wishes
}

/// The client capabilities that a request of ours declared.
pub(super) fn declared<'c>(context: &'c Context<'_>, seq: u64) -> &'c Value {
    context.message(seq).map_or(&Value::Null, declared_by)
}

/// The client capabilities that a message declares.
pub(super) fn declared_by(message: &Message) -> &Value {
    &message.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"]
}

/// Whether declared capabilities include everything in `required`.
pub(super) fn includes(declared: &Value, required: &Value) -> bool {
    required.as_object().into_iter().flatten().all(|(name, inner)| match inner.as_object() {
        // Elicitation without a mode means forms.
        Some(modes) if name == "elicitation" && modes.is_empty() => {
            ask::declares(declared, "elicitation.form")
        }
        Some(modes) if name == "elicitation" => {
            modes.keys().all(|mode| ask::declares(declared, &format!("elicitation.{mode}")))
        }
        Some(inner) => {
            declared.get(name).is_some() && inner.keys().all(|key| declared[name].get(key).is_some())
        }
        None => declared.get(name).is_some(),
    })
}
