//! Notifications carry no id, and in the stateless era belong to something that the client asked for.

use super::{Context, Findings, Rule};
use crate::protocol::Class;

const NO_ID: &str = "base.notification.no-id";

pub const RULE: Rule =
    Rule { id: "rule/notifications", judges: &[NO_ID], hint: "the server has to send a notification", run };

fn run(context: &Context<'_>, findings: &mut Findings) {
    for (entry, message) in &context.received {
        let named = message.method().is_some_and(|method| method.starts_with("notifications/"));
        // A log message with an id has a requirement of its own.
        let named = named && message.method() != Some("notifications/message");
        match (named, message.class()) {
            (true, Class::Request) => findings.violated(
                NO_ID,
                "a notification carries an id",
                "no `id` member",
                message.to_string(),
                &[entry.seq],
            ),
            (true, _) => findings.kept(NO_ID),
            (false, _) => {}
        }
    }
}
