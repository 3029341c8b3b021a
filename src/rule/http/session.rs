//! The id of a session: where it is given, and of which letters it is made.

use super::exchanges;
use crate::catalogue::Verdict;
use crate::rule::{Context, Findings, Rule};

const ASCII: &str = "http.session.id-visible-ascii";
const GIVEN: &str = "http.session.id-optional";

pub const RULE: Rule = Rule {
    id: "rule/http-session",
    judges: &[ASCII, GIVEN],
    hint: "the server has to give a session id",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision().is_stateless() {
        return;
    }
    let all = exchanges(context);
    let is_opening = |exchange: &&super::Exchange<'_>| {
        exchange.asked().is_some_and(|message| message.method() == Some("initialize"))
    };
    let mut given = false;
    let mut opened = false;
    for exchange in all {
        let Some(id) = exchange.header("mcp-session-id") else {
            opened |= is_opening(&exchange) && exchange.is_success();
            continue;
        };
        let is_late =
            opened && !given && !is_opening(&exchange) && exchange.sent_header("mcp-session-id").is_none();
        match is_late && exchange.is_success() {
            true => findings.violated_as(
                Some(Verdict::Warn),
                GIVEN,
                "a session id was given after initialization, where no client looks for it",
                "the id in the response to `initialize`, or none",
                id,
                &exchange.evidence(),
            ),
            false => findings.kept(GIVEN),
        }
        given |= is_opening(&exchange);
        match !id.is_empty() && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            true => findings.kept(ASCII),
            false => findings.violated(
                ASCII,
                "the session id has other characters than visible ASCII",
                "characters from 0x21 to 0x7E",
                format!("{id:?}"),
                &exchange.evidence(),
            ),
        }
    }
}
