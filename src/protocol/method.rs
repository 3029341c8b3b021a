//! The method table: which methods exist, in which revisions, who sends them, and which capability they need.

use super::revision::{Revision, RevisionRange};

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Both sides.
    Either,
}

/// One method of MCP.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// Its name on the wire.
    pub name: &'static str,
    /// Who sends it.
    pub sender: Sender,
    /// The capability that the receiver (of a request) or the sender (of a notification) must have declared.
    pub capability: Option<&'static str>,
    /// The revisions that define it.
    pub revisions: RevisionRange,
}

impl Method {
    /// Whether the method is a notification.
    pub fn is_notification(&self) -> bool {
        self.name.starts_with("notifications/")
    }
}

const ALL: RevisionRange = RevisionRange::ALL;
const HANDSHAKE: RevisionRange = RevisionRange { first: Revision::V2024_11_05, last: Revision::V2025_11_25 };
const ELICITATION: RevisionRange =
    RevisionRange { first: Revision::V2025_06_18, last: Revision::V2025_11_25 };
const TASKS: RevisionRange = RevisionRange { first: Revision::V2025_11_25, last: Revision::V2025_11_25 };
const STATELESS: RevisionRange = RevisionRange { first: Revision::V2026_07_28, last: Revision::V2026_07_28 };

/// The capability of the extension that has tasks in the stateless era.
pub const TASK_EXTENSION: &str = "extensions.io.modelcontextprotocol/tasks";

const fn method(
    name: &'static str,
    sender: Sender,
    capability: Option<&'static str>,
    revisions: RevisionRange,
) -> Method {
    Method { name, sender, capability, revisions }
}

/// Every method of every revision.
pub const METHODS: &[Method] = &[
    method("initialize", Sender::Client, None, HANDSHAKE),
    method("server/discover", Sender::Client, None, STATELESS),
    method("ping", Sender::Either, None, HANDSHAKE),
    method("tools/list", Sender::Client, Some("tools"), ALL),
    method("tools/call", Sender::Client, Some("tools"), ALL),
    method("resources/list", Sender::Client, Some("resources"), ALL),
    method("resources/templates/list", Sender::Client, Some("resources"), ALL),
    method("resources/read", Sender::Client, Some("resources"), ALL),
    method("resources/subscribe", Sender::Client, Some("resources.subscribe"), HANDSHAKE),
    method("resources/unsubscribe", Sender::Client, Some("resources.subscribe"), HANDSHAKE),
    method("prompts/list", Sender::Client, Some("prompts"), ALL),
    method("prompts/get", Sender::Client, Some("prompts"), ALL),
    method("completion/complete", Sender::Client, Some("completions"), ALL),
    method("logging/setLevel", Sender::Client, Some("logging"), HANDSHAKE),
    method("subscriptions/listen", Sender::Client, None, STATELESS),
    method("tasks/get", Sender::Client, Some("tasks"), TASKS),
    method("tasks/result", Sender::Client, Some("tasks"), TASKS),
    method("tasks/list", Sender::Client, Some("tasks.list"), TASKS),
    method("tasks/cancel", Sender::Client, Some("tasks.cancel"), TASKS),
    method("tasks/get", Sender::Client, Some(TASK_EXTENSION), STATELESS),
    method("tasks/update", Sender::Client, Some(TASK_EXTENSION), STATELESS),
    method("tasks/cancel", Sender::Client, Some(TASK_EXTENSION), STATELESS),
    method("roots/list", Sender::Server, Some("roots"), HANDSHAKE),
    method("sampling/createMessage", Sender::Server, Some("sampling"), HANDSHAKE),
    method("elicitation/create", Sender::Server, Some("elicitation"), ELICITATION),
    method("notifications/initialized", Sender::Client, None, HANDSHAKE),
    method("notifications/roots/list_changed", Sender::Client, Some("roots.listChanged"), HANDSHAKE),
    method("notifications/cancelled", Sender::Either, None, ALL),
    method("notifications/progress", Sender::Either, None, ALL),
    method("notifications/message", Sender::Server, Some("logging"), ALL),
    method("notifications/tools/list_changed", Sender::Server, Some("tools.listChanged"), ALL),
    method("notifications/resources/list_changed", Sender::Server, Some("resources.listChanged"), ALL),
    method("notifications/resources/updated", Sender::Server, Some("resources.subscribe"), ALL),
    method("notifications/prompts/list_changed", Sender::Server, Some("prompts.listChanged"), ALL),
    method("notifications/elicitation/complete", Sender::Server, None, TASKS),
    method("notifications/tasks/status", Sender::Either, None, TASKS),
    method("notifications/tasks", Sender::Server, Some(TASK_EXTENSION), STATELESS),
    method("notifications/subscriptions/acknowledged", Sender::Server, None, STATELESS),
];

/// The list methods that are paged, with the member of the result that holds the page.
pub const LISTS: &[(&str, &str)] = &[
    ("tools/list", "tools"),
    ("resources/list", "resources"),
    ("resources/templates/list", "resourceTemplates"),
    ("prompts/list", "prompts"),
];

/// Finds a method that the revision defines.
pub fn find(name: &str, revision: Revision) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name && method.revisions.contains(revision))
}

/// Whether a capability, written as a path such as `resources.subscribe`, is declared. A flag counts when it is true.
pub fn declares(capabilities: &serde_json::Value, path: &str) -> bool {
    let mut here = capabilities;
    // Extension names contain dots: they are one segment.
    let segments = match path.strip_prefix("extensions.") {
        Some(extension) => vec!["extensions", extension],
        None => path.split('.').collect(),
    };
    for segment in segments {
        match here.get(segment) {
            Some(next) => here = next,
            None => return false,
        }
    }
    !matches!(here, serde_json::Value::Null | serde_json::Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flag_counts_only_when_true() {
        let capabilities = json!({"resources": {"subscribe": false}, "tools": {"listChanged": true}});
        assert!(declares(&capabilities, "resources"));
        assert!(!declares(&capabilities, "resources.subscribe"));
        assert!(declares(&capabilities, "tools.listChanged"));
        assert!(!declares(&capabilities, "prompts"));
    }

    #[test]
    fn removed_methods_are_not_found_in_the_stateless_era() {
        assert!(find("ping", Revision::V2026_07_28).is_none());
        assert!(find("ping", Revision::V2025_11_25).is_some());
    }
}
