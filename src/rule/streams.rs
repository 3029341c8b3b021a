//! Over HTTP: which stream carries the server's own requests (2025-03-26 to 2025-11-25).

use super::wish::KINDS;
use super::{Context, Findings, Rule};
use crate::protocol::{Class, Message};
use crate::session::transcript::{Entry, What};

const POST: &str = "server-requests.relate-to-post";
const GET: &str = "server-requests.get-stream-unrelated";

pub const RULE: Rule = Rule {
    id: "rule/streams",
    judges: &[POST, GET],
    hint: "over HTTP, a tool that may be called has to ask the client for something",
    run,
};

/// Requests in whose course a server may want to ask the model or the user.
const WORK: [&str; 4] = ["tools/call", "prompts/get", "resources/read", "completion/complete"];

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.is_stdio() || context.revision().is_stateless() {
        return;
    }
    for (entry, message) in &context.received {
        let name = message.method().unwrap_or_default();
        // Roots are asked for at any time.
        if message.class() == Class::Request && KINDS.contains(&name) && name != "roots/list" {
            judge(context, entry, message, findings);
        }
    }
}

fn judge(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let Some(number) = entry.exchange() else { return };
    let got = message.to_value().to_string();
    let running = running(context, entry.seq);
    if http_method(context, number) == Some("GET") {
        // A server that answers with plain JSON has no other stream.
        let calls = running.iter().filter(|(_, exchange)| is_event_stream(context, *exchange));
        if calls.count() > 0 {
            findings.violated(
                GET,
                format!(
                    "`{}` came on the GET stream while a call was running",
                    message.method().unwrap_or_default()
                ),
                "on the stream of the call that it belongs to",
                got,
                &[entry.seq],
            );
        }
        return;
    }
    if context.sent.iter().all(|(sent, _)| sent.exchange() != Some(number)) {
        return;
    }
    findings.kept(GET);
    match running.iter().any(|(method, exchange)| *exchange == number && WORK.contains(&method.as_str())) {
        true => findings.kept(POST),
        false => findings.violated(
            POST,
            "a request of the server came on the stream of a request that it cannot belong to",
            "on the stream of the call that it belongs to",
            got,
            &[entry.seq],
        ),
    }
}

/// Calls that are not answered yet: method and exchange.
fn running(context: &Context<'_>, seq: u64) -> Vec<(String, u32)> {
    let asked = context.requests.iter().flat_map(|(id, asked)| asked.iter().map(move |asked| (id, asked)));
    let is_open = |id| {
        !context.received.iter().any(|(entry, message)| {
            entry.seq < seq && message.is_reply() && message.id().as_ref() == Some(id)
        })
    };
    let open = asked.filter(|(id, asked)| asked.seq < seq && is_open(*id));
    let working = open.filter(|(_, asked)| WORK.contains(&asked.method.as_str()));
    working.filter_map(|(_, asked)| Some((asked.method.clone(), asked.exchange?))).collect()
}

fn http_method<'c>(context: &'c Context<'_>, number: u32) -> Option<&'c str> {
    context.transcript.entries.iter().find_map(|entry| match &entry.what {
        What::Request { exchange, method, .. } if *exchange == number => Some(method.as_str()),
        _ => None,
    })
}

fn is_event_stream(context: &Context<'_>, number: u32) -> bool {
    context.transcript.entries.iter().any(|entry| match &entry.what {
        What::Response { exchange, headers, .. } if *exchange == number => headers
            .iter()
            .any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream")),
        _ => false,
    })
}
