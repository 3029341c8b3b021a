//! What came for a request, found in the transcript of another run.

use serde_json::Value;

use crate::session::Transcript;
use crate::session::transcript::{Entry, What};

/// What is the same in every run of the same exchange; other values are one run's own.
const CONSTANT: [&str; 3] = ["accept", "content-type", "mcp-protocol-version"];

/// What came in the place of `wrong`: for that request, a head of HTTP where `wrong` is one; else what the server said of
/// itself with the same method.
pub(super) fn find(transcript: &Transcript, request: Option<&str>, wrong: &str) -> Option<String> {
    let member = |name| Some(serde_json::from_str::<Value>(wrong).ok()?.get(name)?.clone());
    let first = |name: &str, value: Value| {
        let mut received = transcript.received();
        received.find(|(_, message)| message.get(name) == Some(&value)).map(|(entry, _)| entry.text())
    };
    match (member("method"), request) {
        (Some(method), _) => first("method", method),
        (None, Some(request)) => answer(transcript, request, wrong.starts_with("HTTP ")),
        // Ids are counted: the same one belongs to the same request.
        (None, None) => first("id", member("id")?),
    }
}

fn answer(transcript: &Transcript, request: &str, is_head: bool) -> Option<String> {
    let sent = transcript.entries.iter().find(|entry| is_request(entry, request))?;
    let id = serde_json::from_str::<Value>(request).ok().and_then(|request| request.get("id").cloned());
    if let (false, Some(id)) = (is_head, id) {
        let mut later = transcript.received().filter(|(entry, _)| entry.seq > sent.seq);
        return later.find(|(_, message)| message.get("id") == Some(&id)).map(|(entry, _)| entry.text());
    }
    let exchange = Some(sent.exchange()?);
    let is_it = |what: &What| match what {
        What::Response { .. } => is_head,
        What::Received { .. } | What::Body { .. } => !is_head,
        _ => false,
    };
    let mut carried = transcript.entries.iter().filter(|entry| entry.exchange() == exchange);
    carried.find(|entry| is_it(&entry.what)).map(Entry::text)
}

fn is_request(entry: &Entry, request: &str) -> bool {
    match &entry.what {
        What::Sent { frame, .. } => frame.text() == request,
        What::Request { .. } => constant(&entry.text()).eq(constant(request)),
        _ => false,
    }
}

/// The parts of a head of HTTP, without the values that differ from run to run.
fn constant(head: &str) -> impl Iterator<Item = &str> {
    head.split(" | ").map(|part| match part.split_once(": ") {
        Some((name, _)) if CONSTANT.iter().any(|constant| ends_with(name, constant)) => part,
        Some((name, _)) => name,
        None => part,
    })
}

/// Whether the name of a header, behind the method in the first part, is this one.
fn ends_with(name: &str, header: &str) -> bool {
    name.rsplit(' ').next().is_some_and(|name| name.eq_ignore_ascii_case(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_the_same_but_for_what_a_run_makes_up() {
        let same = |one: &str, other: &str| constant(one).eq(constant(other));
        assert!(same(
            "GET Accept: text/event-stream | Mcp-Session-Id: 1",
            "GET Accept: text/event-stream | Mcp-Session-Id: 2"
        ));
        assert!(!same("GET Accept: text/event-stream", "GET Accept: text/html"));
        assert!(!same("GET Accept: */*", "DELETE Accept: */*"));
        assert!(!same("GET Accept: */*", "GET Accept: */* | Mcp-Session-Id: 2"));
    }
}
