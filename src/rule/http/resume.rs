//! Event ids: usable, and each of one event only.

use std::collections::HashMap;

use super::{Came, exchanges};
use crate::catalogue::Verdict;
use crate::rule::{Context, Findings, Rule};
use crate::transport::SseFlaw;

const UNIQUE: &str = "http.resume.event-id-unique";
const USABLE: &str = "http.resume.event-id-no-null";

pub const RULE: Rule = Rule {
    id: "rule/http-event-ids",
    judges: &[UNIQUE, USABLE],
    hint: "the server gives its events no ids",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut known: HashMap<(Option<&str>, &str), u64> = HashMap::new();
    for exchange in exchanges(context) {
        let session = exchange.sent_header("mcp-session-id").or(exchange.header("mcp-session-id"));
        let is_opening = exchange.asked().is_some_and(|message| message.method() == Some("initialize"));
        for (entry, came) in &exchange.came {
            let Came::Event(head) = came else { continue };
            let evidence = exchange.evidence_with(entry);
            for flaw in &head.flaws {
                if let SseFlaw::Id(id) = flaw {
                    findings.violated(
                        USABLE,
                        "an event id has a NUL, so that readers ignore it",
                        "no NUL",
                        format!("{id:?}"),
                        &evidence,
                    );
                }
            }
            let Some(id) = head.id.as_deref().filter(|id| !id.is_empty()) else { continue };
            match id.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                true => findings.kept(USABLE),
                // Legal in a stream, but hard to send back in a header.
                false => findings.violated_as(
                    Some(Verdict::Warn),
                    USABLE,
                    "an event id cannot be sent back in a header",
                    "visible ASCII",
                    format!("{id:?}"),
                    &evidence,
                ),
            }
            // What is sent again keeps its id.
            if exchange.is_resumed() || is_opening && session.is_none() {
                continue;
            }
            match known.insert((session, id), entry.seq) {
                None => findings.kept(UNIQUE),
                Some(before) => findings.violated_as(
                    // Without sessions, who is the same client cannot be told for sure.
                    session.is_none().then_some(Verdict::Warn),
                    UNIQUE,
                    format!("two events have the id {id}"),
                    "an id of its own for each event of the session",
                    id,
                    &[before, entry.seq],
                ),
            }
        }
    }
}
