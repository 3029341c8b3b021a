//! A handshake and a ping on each of two streams: posted to the address, answered on the stream.

use serde_json::{Value, json};

use super::form;
use super::stream::{Stream, is_taken, places};
use crate::runner::coded::http::{Seen, say};
use crate::runner::interpret::CaseRun;
use crate::session::Session;

/// Whether both conversations go on as they should.
pub(super) async fn run(
    run: &mut CaseRun<'_>,
    beside: &mut Session,
    first: &Stream,
    second: &Stream,
) -> bool {
    let mut asked = Vec::new();
    for (n, stream) in [first, second].into_iter().enumerate() {
        let [open, ping] = ["open", "ping"].map(|kind| Value::from(format!("mcp-conform-{kind}-{n}")));
        let outcome = stream.initialize(beside, &open).await;
        let is_taken = is_taken(&outcome);
        let seen = Seen::of(&outcome, "the address does not take a message", "a status of success").beside();
        say(run, "http.httpsse.two-endpoints", is_taken, &seen);
        if !is_taken {
            return false;
        }
        let message = json!({"jsonrpc": "2.0", "id": ping, "method": "ping"});
        stream.ask(beside, message, &[]).await;
        asked.extend([(stream.exchange, open), (stream.exchange, ping)]);
    }
    let streams = [first.exchange, second.exchange];
    let is_sound = asked
        .iter()
        .fold(true, |is_sound, (own, id)| answered(run, &places(beside, id), *own, streams) && is_sound);
    form::events(run, beside, first);
    form::form(run, beside, first);
    is_sound
}

/// Whether a response came on the stream of its client, and nowhere else.
fn answered(run: &mut CaseRun<'_>, found: &[u32], own: u32, streams: [u32; 2]) -> bool {
    let count = found.iter().filter(|place| **place == own).count();
    let got = format!("{count} of {} places", found.len());
    let seen = |message, expected| Seen { message, expected, got: got.clone(), ..Seen::default() };
    let is_streamed = found.iter().any(|place| streams.contains(place));
    let message = "a response did not come on the event stream";
    say(run, "http.httpsse.response-on-stream", is_streamed, &seen(message, "on the event stream"));
    if !is_streamed {
        return false;
    }
    let is_own = found.iter().all(|place| *place == own);
    let message = "a response came on the stream of another client";
    say(run, "http.httpsse.isolation", is_own, &seen(message, "on the own stream only"));
    is_own
}
