//! Messages of the server are those of the revision that was agreed on.

use super::{Context, Findings, Rule};
use crate::protocol::method::{self, METHODS, Sender};
use crate::protocol::{Class, Revision};

const SHOULD: &str = "lifecycle.operation.respect-version.should";
const MUST: &str = "lifecycle.operation.respect-version.must";

pub const RULE: Rule = Rule {
    id: "rule/respects-revision",
    judges: &[SHOULD, MUST],
    hint: "the server has to send a request or a notification",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let revision = context.revision();
    let id = if revision < Revision::V2025_06_18 { SHOULD } else { MUST };
    for (entry, message) in &context.received {
        let (Class::Request | Class::Notification, Some(name)) = (message.class(), message.method()) else {
            continue;
        };
        // Methods of nobody's are no other revision's.
        let is_known = METHODS.iter().any(|method| method.name == name && method.sender != Sender::Client);
        match (is_known, method::find(name, revision)) {
            (_, Some(_)) => findings.kept(id),
            (true, None) => findings.violated(
                id,
                format!("the server sent `{name}`, which {revision} does not have"),
                "methods of the revision that was agreed on",
                message.to_string(),
                &[entry.seq],
            ),
            (false, None) => {}
        }
    }
}
