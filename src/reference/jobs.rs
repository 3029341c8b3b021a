//! The tools of the reference server that are made to run as tasks.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{Ask, Failure};
use super::server::Server;
use super::tasks::EXTENSION;
use crate::protocol::Revision;
use crate::protocol::ask::declares;

/// Offered only where there are tasks.
pub(super) const NAMES: [&str; 3] = ["job", "crash", "survey"];
/// What else can run as a task.
const ABLE: [&str; 3] = ["add", "fail", "slow"];
/// How long it takes until a tool has crashed.
pub(super) const TIME: Duration = Duration::from_millis(20);
/// The code of an error that belongs to the application.
const CRASHED: i64 = 1001;

/// Whether the revision has tasks that this server offers.
pub(super) fn offered(server: &Server, revision: Revision) -> bool {
    match revision {
        Revision::V2025_11_25 => server.declares("tasks.requests.tools.call"),
        Revision::V2026_07_28 => server.declares(&format!("extensions.{EXTENSION}")),
        _ => false,
    }
}

/// Whether a tool can run as a task: `required`, `optional`, or not at all.
pub(super) fn support(name: &str) -> Option<&'static str> {
    match name {
        "job" => Some("required"),
        name if NAMES.contains(&name) || ABLE.contains(&name) => Some("optional"),
        _ => None,
    }
}

pub(super) fn crash() -> Failure {
    Failure::new(CRASHED, "The tool crashed").with_data(json!({"tool": "crash"}))
}

/// What a tool has to ask before it can end.
pub(super) fn questions(ask: &Ask<'_>, name: &str) -> VecDeque<Map<String, Value>> {
    let can_ask = ask.revision.is_stateless() && declares(ask.client, "elicitation.form");
    match name {
        "survey" if can_ask => [&["name", "colour"][..], &["sure"]].map(round).into(),
        _ => VecDeque::new(),
    }
}

fn round(keys: &[&str]) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), question(key))).collect()
}

fn question(key: &str) -> Value {
    let schema = json!({"type": "object", "properties": {key: {"type": "string"}}, "required": [key]});
    let params = json!({"mode": "form", "message": format!("Your {key}?"), "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}
