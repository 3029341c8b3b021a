//! Tasks: where they stand, the messages about them, and the extension of 2026-07-28.

mod extension;
mod given_up;
mod messages;
mod related;
mod requestor;
mod states;

use serde_json::Value;

use super::context::Asked;
use super::{Context, Rule};
use crate::protocol::{Id, Message, Revision};
use crate::session::transcript::Entry;

pub(super) const STATES: Rule = states::RULE;
pub(super) const MESSAGES: Rule = messages::RULE;
pub(super) const REQUESTOR: Rule = requestor::RULE;
pub(super) const RELATED: Rule = related::RULE;
pub(super) const GIVEN_UP: Rule = given_up::RULE;
pub(super) const EXTENSION: Rule = extension::RULE;

/// The task that a reply to `tools/call` announces in place of a result.
pub(super) fn created(message: &Message, revision: Revision) -> Option<&Value> {
    let result = message.get("result")?;
    let task = match revision.is_stateless() {
        true => (result["resultType"] == "task").then_some(result),
        false => result.get("task"),
    };
    task.filter(|task| task["taskId"].is_string())
}

/// A task that came to be: its reply, and the request that asked for it.
pub(super) struct Born<'c> {
    pub entry: &'c Entry,
    pub asked: &'c Asked,
    pub request: &'c Message,
    pub task: &'c Value,
}

pub(super) fn births<'c>(context: &'c Context<'_>) -> Vec<Born<'c>> {
    let calls = context.replies().filter(|(_, _, asked)| asked.method == "tools/call");
    let born = calls.filter_map(|(entry, message, asked)| {
        let task = created(message, context.revision())?;
        Some(Born { entry, asked, request: context.request(asked)?, task })
    });
    born.collect()
}

/// A task that the client runs for the server (2025-11-25).
struct ClientTask<'c> {
    id: &'c Value,
    /// The request of the server that became this task.
    request: Id,
    /// Our reply that said so.
    made: &'c Entry,
}

fn client_tasks<'c>(context: &'c Context<'_>) -> Vec<ClientTask<'c>> {
    if context.revision() != Revision::V2025_11_25 {
        return Vec::new();
    }
    let replies = context.sent.iter().filter(|(_, message)| message.is_reply());
    let made = replies.filter_map(|(made, reply)| {
        let id = reply.get("result")?["task"].get("taskId").filter(|id| id.is_string())?;
        Some(ClientTask { id, request: reply.id()?, made })
    });
    made.collect()
}

fn is_terminal(status: &Value) -> bool {
    matches!(status.as_str(), Some("completed" | "failed" | "cancelled"))
}
