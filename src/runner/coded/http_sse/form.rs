//! The form of what comes on a stream: how it begins, and what its events are.

use serde_json::Value;

use super::stream::{self, Opening, Stream};
use crate::protocol::FrameError;
use crate::runner::coded::http::{Seen, say};
use crate::runner::interpret::CaseRun;
use crate::session::Session;
use crate::session::transcript::What;
use crate::transport::{SseFlaw, media_type};

/// Opens a stream and judges how it begins.
pub(super) async fn begin(run: &mut CaseRun<'_>, beside: &mut Session) -> Option<Stream> {
    let opening = stream::open(beside).await?;
    kind(run, &opening);
    let address = opening.address.as_deref();
    let is_address =
        address.is_some_and(|text| !text.trim().is_empty() && !text.trim_start().starts_with(['{', '"']));
    let seen = Seen {
        message: "the stream does not name the address for messages",
        expected: "an endpoint event with an address",
        got: address.unwrap_or("no such event").to_owned(),
        ..Seen::default()
    };
    say(run, "http.httpsse.endpoint-event", is_address, &seen);
    let first = first_event(beside, opening.exchange);
    let is_first = first.as_deref() == Some("endpoint");
    let seen = Seen {
        message: "another event precedes the one that names the address",
        expected: "endpoint",
        got: first.unwrap_or_else(|| "nothing".to_owned()),
        ..Seen::default()
    };
    say(run, "http.httpsse.endpoint-event-first", is_first, &seen);
    opening.stream()
}

fn kind(run: &mut CaseRun<'_>, Opening { outcome, .. }: &Opening) {
    let named = outcome.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind);
    let is_stream =
        outcome.status == Some(200) && named.is_some_and(|kind| media_type(kind) == "text/event-stream");
    let seen = Seen::of(outcome, "the event stream is of another type", "text/event-stream").beside();
    let got = format!("{}, {}", seen.got, named.map_or("no Content-Type", String::as_str));
    say(run, "http.httpsse.content-type", is_stream, &Seen { got, ..seen });
}

/// The type of the first event with data.
fn first_event(session: &Session, exchange: u32) -> Option<String> {
    session.came_on(exchange).find_map(|entry| match &entry.what {
        What::Event { head, .. } if !head.empty => {
            Some(head.name.clone().unwrap_or_else(|| "message".to_owned()))
        }
        What::Received { .. } => Some("message".to_owned()),
        _ => None,
    })
}

/// Messages are events of the default type.
pub(super) fn events(run: &mut CaseRun<'_>, beside: &Session, stream: &Stream) {
    let strays = beside.came_on(stream.exchange).filter_map(|entry| match &entry.what {
        What::Body { bytes, .. } => {
            serde_json::from_slice::<Value>(bytes).ok().filter(|json| json["jsonrpc"] == "2.0")
        }
        What::Received { json: Ok(json), .. } if !json.is_object() => Some(Value::clone(json)),
        _ => None,
    });
    let stray = strays.map(|json| json.to_string()).next();
    let message = "a message came as an event of another type, or as something else than one object";
    let got = stray.clone().unwrap_or_default();
    let seen = Seen { message, expected: "message events", got, ..Seen::default() };
    say(run, "http.httpsse.message-events", stray.is_none(), &seen);
}

/// After the address, each event is one message, in the form of the format.
pub(super) fn form(run: &mut CaseRun<'_>, beside: &Session, stream: &Stream) {
    let (mut bare, mut other) = (None, None);
    for entry in beside.came_on(stream.exchange) {
        match &entry.what {
            What::Event { head, .. } => {
                let line = head.flaws.iter().find_map(|flaw| match flaw {
                    SseFlaw::Bare(text) => Some(text.clone()),
                    SseFlaw::Unfinished(_) | SseFlaw::Retry(_) | SseFlaw::Id(_) => None,
                });
                bare = bare.or(line);
            }
            What::Received { json: Ok(json), .. } if json.is_object() => {}
            // What is wrong with these is said elsewhere.
            What::Received { json: Err(FrameError::TooDeep(_) | FrameError::Encoding(_)), .. } => {}
            What::Received { .. } => other = other.or(Some(entry.text())),
            _ => {}
        }
    }
    let mut hold = |id, found: Option<String>, message, expected| {
        let got = found.clone().unwrap_or_default();
        say(run, id, found.is_none(), &Seen { message, expected, got, ..Seen::default() });
    };
    hold("http.sse.framing", bare, "a line of the stream has no field name", "data: …");
    let message = "the data of an event is no JSON-RPC message";
    hold("http.sse.data-is-message", other, message, "one JSON-RPC message");
}
