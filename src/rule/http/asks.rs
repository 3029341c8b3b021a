//! Which stream carries the server's own requests (2025-03-26 to 2025-11-25).

use super::{Exchange, exchanges};
use crate::protocol::{Class, Message};
use crate::rule::wish::KINDS;
use crate::rule::{Context, Findings, Rule};
use crate::session::transcript::Entry;

const POST: &str = "server-requests.relate-to-post";
const GET: &str = "server-requests.get-stream-unrelated";

pub const RULE: Rule = Rule {
    id: "rule/http-asks",
    judges: &[POST, GET],
    hint: "over HTTP, a tool that may be called has to ask the client for something",
    run,
};

/// Requests in whose course a server may want to ask the model or the user.
const WORK: [&str; 4] = ["tools/call", "prompts/get", "resources/read", "completion/complete"];

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision().is_stateless() {
        return;
    }
    let all = exchanges(context);
    // What comes on a resumed stream was sent on another one.
    for exchange in all.iter().filter(|exchange| !exchange.is_resumed()) {
        for (entry, message) in exchange.messages().filter(|(_, message)| is_ask(message)) {
            judge(all, exchange, entry, message, findings);
        }
    }
}

/// Roots are asked for at any time.
fn is_ask(message: &Message) -> bool {
    let name = message.method().unwrap_or_default();
    message.class() == Class::Request && KINDS.contains(&name) && name != "roots/list"
}

fn judge(
    all: &[Exchange<'_>],
    exchange: &Exchange<'_>,
    entry: &Entry,
    message: &Message,
    findings: &mut Findings,
) {
    let expected = "on the stream of the call that it belongs to";
    let mut violated = |id, problem: String| {
        let got = message.to_string();
        findings.violated(id, problem, expected, got, &exchange.evidence_with(entry));
    };
    if exchange.method == "GET" {
        // A server that answers with plain JSON has no other stream.
        if all.iter().any(|other| other.is_stream() && is_at_work(other, entry)) {
            let name = message.method().unwrap_or_default();
            violated(GET, format!("`{name}` came on the GET stream while a call was running"));
        }
        return;
    }
    match is_at_work(exchange, entry) {
        true => [POST, GET].iter().for_each(|id| findings.kept(id)),
        false => {
            let problem = "a request of the server came on the stream of a request that it cannot belong to";
            violated(POST, problem.to_owned());
        }
    }
}

/// Whether a call, alone or in a batch, was not answered yet.
fn is_at_work(exchange: &Exchange<'_>, entry: &Entry) -> bool {
    let Some(sent) = exchange.sent.as_ref().filter(|sent| sent.entry.seq < entry.seq) else { return false };
    let replies = exchange.replies().filter(|(reply, _)| reply.seq < entry.seq);
    replies.count() < exchange.ids().len()
        && sent.all.iter().any(|message| message.method().is_some_and(|method| WORK.contains(&method)))
}
