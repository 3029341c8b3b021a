//! The HTTP+SSE transport of 2024-11-05, looked at from outside: two streams, what is posted, and where the answers come.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Headers, Seen, call, say, unseen};
use crate::catalogue::Verdict;
use crate::protocol::FrameError;
use crate::runner::interpret::CaseRun;
use crate::session::transcript::{Entry, What};
use crate::session::{HttpCall, Outcome, Session};
use crate::transport::{SseFlaw, is_loopback, media_type};

/// How long an event is awaited.
const PATIENCE: Duration = Duration::from_secs(3);
const FOREIGN: Headers<'static> = &[("Origin", Some("http://evil.example"))];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(mut beside) = run.session.beside() else { return };
    let Some(first) = Stream::open(run, &mut beside, true).await else {
        return run.rest_unseen("the event stream did not name an address");
    };
    let Some(second) = Stream::open(run, &mut beside, false).await else {
        return run.rest_unseen("no second event stream was opened");
    };
    let note = |got: &str, message: &'static str, expected: &'static str| Seen {
        message,
        expected,
        got: got.to_owned(),
        span: (0, 0),
        ..Seen::default()
    };
    let same =
        beside.url().is_some_and(|url| first.resolved(url).is_some_and(|to| to.origin() == url.origin()));
    let is_own = same && first.address != second.address;
    let seen = note(
        &first.address,
        "the address leads elsewhere, or is shared by all connections",
        "an address of this server and this connection",
    );
    say(run, "http.httpsse.endpoint-uri-same-origin", is_own, &seen);
    conversation(run, &mut beside, &first, &second).await;
    origin(run, &mut beside, &first).await;
}

/// An event stream of the server.
struct Stream {
    exchange: u32,
    /// What the `endpoint` event said.
    address: String,
}

impl Stream {
    /// Opens a stream and judges how it begins.
    async fn open(run: &mut CaseRun<'_>, beside: &mut Session, is_judged: bool) -> Option<Self> {
        let sent = beside.launch_http(&call("GET", None, &[]))?;
        let outcome = beside.land(sent, PATIENCE).await;
        let exchange = sent.exchange?;
        let is_named = |beside: &Session| named(beside, exchange).is_some() || beside.is_landed(exchange);
        beside.wait_until(PATIENCE, is_named).await;
        let kind =
            outcome.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.clone());
        let address = named(beside, exchange);
        if is_judged {
            begin(run, &outcome, kind.as_deref(), address.as_deref(), first_event(beside, exchange));
        }
        Some(Self { exchange, address: address? })
    }

    fn resolved(&self, url: &url::Url) -> Option<url::Url> {
        url.join(&self.address).ok()
    }
}

fn begin(
    run: &mut CaseRun<'_>,
    outcome: &Outcome,
    kind: Option<&str>,
    address: Option<&str>,
    first: Option<String>,
) {
    let is_stream =
        outcome.status == Some(200) && kind.is_some_and(|kind| media_type(kind) == "text/event-stream");
    let seen = Seen {
        span: (0, 0),
        ..Seen::of(outcome, "the event stream is of another type", "text/event-stream")
    };
    let seen = Seen { got: format!("{}, {}", seen.got, kind.unwrap_or("no Content-Type")), ..seen };
    say(run, "http.httpsse.content-type", is_stream, &seen);
    let got = address.unwrap_or("no such event").to_owned();
    let is_address =
        address.is_some_and(|text| !text.trim().is_empty() && !text.trim_start().starts_with(['{', '"']));
    let message = "the stream does not name the address for messages";
    say(
        run,
        "http.httpsse.endpoint-event",
        is_address,
        &Seen { message, expected: "an endpoint event with an address", got, ..Seen::default() },
    );
    let is_first = first.as_deref() == Some("endpoint");
    let got = first.unwrap_or_else(|| "nothing".to_owned());
    let message = "another event precedes the one that names the address";
    say(
        run,
        "http.httpsse.endpoint-event-first",
        is_first,
        &Seen { message, expected: "endpoint", got, ..Seen::default() },
    );
}

/// The data of the `endpoint` event.
fn named(session: &Session, exchange: u32) -> Option<String> {
    let mut came = session.came_on(exchange).skip_while(
        |entry| !matches!(&entry.what, What::Event { head, .. } if head.name.as_deref() == Some("endpoint")),
    );
    came.next()?;
    came.find_map(|entry| match &entry.what {
        What::Body { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
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

fn message_id(kind: &str, n: usize) -> Value {
    format!("mcp-conform-{kind}-{n}").into()
}

fn post(stream: &Stream, message: Value, headers: Headers<'_>) -> HttpCall {
    HttpCall { path: Some(stream.address.clone()), ..call("POST", Some(message), headers) }
}

/// Posts a request and waits for its response on any stream.
async fn ask(beside: &mut Session, stream: &Stream, message: Value, headers: Headers<'_>) -> Outcome {
    let id = message["id"].clone();
    let Some(sent) = beside.launch_http(&post(stream, message, headers)) else { return Outcome::default() };
    let outcome = beside.land(sent, PATIENCE).await;
    if outcome.status.is_some_and(|status| status < 300) {
        beside.wait_until(PATIENCE, |beside| !places(beside, &id).is_empty()).await;
    }
    outcome
}

/// The exchanges on which the response under this id came.
fn places(beside: &Session, id: &Value) -> Vec<u32> {
    let own = beside.transcript.entries.iter().filter(|entry| answers(entry, id));
    own.filter_map(Entry::exchange).collect()
}

/// Whether the entry holds the response under this id, as a message or as another kind of event.
fn answers(entry: &Entry, id: &Value) -> bool {
    let json = match &entry.what {
        What::Received { json: Ok(json), .. } => Some(Value::clone(json)),
        What::Body { bytes, .. } => serde_json::from_slice(bytes).ok(),
        _ => None,
    };
    json.is_some_and(|json: Value| json["id"] == *id && json.get("method").is_none())
}

async fn conversation(run: &mut CaseRun<'_>, beside: &mut Session, first: &Stream, second: &Stream) {
    let client = crate::session::client_info();
    let params = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client});
    let mut asked = Vec::new();
    for (n, stream) in [first, second].into_iter().enumerate() {
        let id = format!("mcp-conform-open-{n}");
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": params});
        let outcome = ask(beside, stream, message, &[]).await;
        let is_taken = outcome.status.is_some_and(|status| (200..300).contains(&status));
        let seen = Seen {
            span: (0, 0),
            ..Seen::of(&outcome, "the address does not take a message", "a status of success")
        };
        say(run, "http.httpsse.two-endpoints", is_taken, &seen);
        if !is_taken {
            return;
        }
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        beside.http(&post(stream, note, &[])).await;
        let ping = json!({"jsonrpc": "2.0", "id": format!("mcp-conform-ping-{n}"), "method": "ping"});
        asked.extend([(stream.exchange, message_id("open", n)), (stream.exchange, message_id("ping", n))]);
        ask(beside, stream, ping, &[]).await;
    }
    let streams = [first.exchange, second.exchange];
    for (own, id) in asked {
        let found = places(beside, &id);
        let got =
            format!("{} of {} places", found.iter().filter(|place| **place == own).count(), found.len());
        let seen = |message, expected| Seen { message, expected, got: got.clone(), ..Seen::default() };
        let is_streamed = found.iter().any(|place| streams.contains(place));
        let message = "a response did not come on the event stream";
        say(run, "http.httpsse.response-on-stream", is_streamed, &seen(message, "on the event stream"));
        if is_streamed {
            let is_own = found.iter().all(|place| *place == own);
            let message = "a response came on the stream of another client";
            say(run, "http.httpsse.isolation", is_own, &seen(message, "on the own stream only"));
        }
    }
    events(run, beside, first);
    form(run, beside, first);
}

/// Messages are events of the default type.
fn events(run: &mut CaseRun<'_>, beside: &Session, stream: &Stream) {
    let strays = beside.came_on(stream.exchange).filter_map(|entry| match &entry.what {
        What::Body { bytes, .. } => {
            serde_json::from_slice::<Value>(bytes).ok().filter(|json| json["jsonrpc"] == "2.0")
        }
        What::Received { json: Ok(json), .. } if !json.is_object() => Some(Value::clone(json)),
        _ => None,
    });
    let stray = strays.map(|json| json.to_string()).next();
    let message = "a message came as an event of another type, or as something else than one object";
    let seen = Seen {
        message,
        expected: "message events",
        got: stray.clone().unwrap_or_default(),
        span: (0, 0),
        ..Seen::default()
    };
    say(run, "http.httpsse.message-events", stray.is_none(), &seen);
}

/// After the address, each event is one message, in the form of the format.
fn form(run: &mut CaseRun<'_>, beside: &Session, stream: &Stream) {
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
        say(run, id, found.is_none(), &Seen { message, expected, got, span: (0, 0), ..Seen::default() });
    };
    hold("http.sse.framing", bare, "a line of the stream has no field name", "data: …");
    let message = "the data of an event is no JSON-RPC message";
    hold("http.sse.data-is-message", other, message, "one JSON-RPC message");
}

/// Neither the stream nor the address is for foreign web pages.
async fn origin(run: &mut CaseRun<'_>, beside: &mut Session, stream: &Stream) {
    const ID: &str = "http.origin.validated-on-sse-open";
    let Some(url) = beside.url().cloned() else { return };
    let get = beside.http(&call("GET", None, FOREIGN)).await;
    if get.status == Some(401) {
        return unseen(run, ID, "the server asks for credentials first");
    }
    let ping = json!({"jsonrpc": "2.0", "id": "mcp-conform-foreign", "method": "ping"});
    let posted = ask(beside, stream, ping, FOREIGN).await;
    let is_open = is_loopback(&url) && !beside.has_credentials();
    for outcome in [get, posted] {
        let seen = Seen {
            span: (0, 0),
            ..Seen::of(&outcome, "a request from a foreign web page is served", "a refusal")
        };
        let seen = if is_open { seen } else { seen.at_most(Verdict::Warn) };
        say(run, ID, outcome.status.is_none_or(|status| status >= 400), &seen);
    }
}
