//! Many messages in flight: sent without waiting, so that the caller decides what to wait for.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::transcript::{Entry, Transcript, What};
use super::{HttpCall, Outcome, Reply, Session};
use crate::protocol::{Frame, Id};
use crate::transport::{Wire, is_listening, media_type};

/// Something that was sent, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Its entry in the transcript.
    pub seq: u64,
    /// The HTTP exchange that carries it.
    pub exchange: Option<u32>,
}

impl Session {
    /// Sends a message, legal or `deliberate`ly not, and does not wait for anything.
    pub(crate) fn launch(&mut self, message: &Value, deliberate: bool) -> Sent {
        let exchange = self.post(message, deliberate);
        Sent { seq: self.transcript.last(), exchange }
    }

    /// Sends requests in one write, legal or `deliberate`ly not, and does not wait for anything.
    pub(crate) fn launch_all(&mut self, composed: &[(Id, Value)], deliberate: bool) -> Vec<Sent> {
        let exchanges = self.post_all(composed, deliberate);
        // Over HTTP each has an entry of its head before that of its body.
        let entries = if self.is_http() { 2 } else { 1 };
        let last = self.transcript.last();
        let behind = (0..exchanges.len() as u64).rev();
        let sent = exchanges.into_iter().zip(behind);
        sent.map(|(exchange, behind)| Sent { seq: last.saturating_sub(behind * entries), exchange }).collect()
    }

    /// Sends exactly these bytes piece by piece, and does not wait for anything.
    pub(crate) async fn launch_bytes(&mut self, pieces: &[Bytes], newline: bool) -> Sent {
        let whole: Bytes = match pieces {
            [only] => only.clone(),
            several => several.concat().into(),
        };
        let frame = Frame::new(whole);
        let json = frame.json().ok();
        if self.is_http() {
            let exchange = self.post_bytes(frame, json);
            return Sent { seq: self.transcript.last(), exchange };
        }
        let seq = self.transcript.add(What::Sent { frame, json, deliberate: true, exchange: None });
        self.write_pieces(pieces, newline).await;
        Sent { seq, exchange: None }
    }

    /// Begins one HTTP exchange, and does not wait for anything; over lines nothing is sent.
    pub(crate) fn launch_http(&mut self, call: &HttpCall) -> Option<Sent> {
        let (headers, frame) = self.prepare_http(call);
        let json = frame.json().ok();
        let exchange = self.begin_exchange(call.clone(), headers, frame, json, true)?;
        Some(Sent { seq: self.transcript.last(), exchange: Some(exchange) })
    }

    /// Waits until an exchange is over, or its stream is open for what the server says by itself: what came of it.
    pub(crate) async fn land(&mut self, sent: Sent, patience: Duration) -> Outcome {
        let deadline = Instant::now() + patience;
        let Some(exchange) = sent.exchange else { return Outcome::default() };
        self.finish_exchange(exchange, sent.seq, deadline).await
    }

    /// Everything that came on an exchange so far.
    pub(crate) fn came_on(&self, exchange: u32) -> impl Iterator<Item = &Entry> {
        self.transcript.entries.iter().filter(move |entry| entry.exchange() == Some(exchange))
    }

    /// Takes in what comes until `deadline`: at least one arrival, and whatever came with it. False when nothing did.
    pub(crate) async fn take_in(&mut self, deadline: Instant) -> bool {
        let came = self.pump(deadline).await;
        while came && self.pump_waiting() {}
        came
    }

    /// The replies that nobody took yet.
    pub(crate) fn landed(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// Whether the exchange is over.
    pub(crate) fn is_landed(&self, exchange: u32) -> bool {
        self.exchanges.get(&exchange).is_none_or(|state| state.done)
    }

    /// Whether the response of the exchange has begun.
    pub(crate) fn has_head(&self, exchange: u32) -> bool {
        self.exchanges.get(&exchange).is_none_or(|state| state.done || state.status.is_some())
    }

    /// Whether the response of the exchange is an event stream, which may stay open.
    pub(crate) fn is_stream(&self, exchange: u32) -> bool {
        let headers = self.exchanges.get(&exchange).map(|state| &state.headers);
        let is_stream = |(name, value): &(String, String)| {
            name == "content-type" && media_type(value) == "text/event-stream"
        };
        headers.is_some_and(|headers| headers.iter().any(is_stream))
    }

    /// Whether the server can speak by itself: over HTTP only while a GET stream is open.
    pub(crate) fn listens(&self) -> bool {
        let is_open = |state: &super::Exchange| {
            state.is_get && state.status == Some(200) && !state.done && !state.stream.is_continuation()
        };
        !self.is_http() || self.exchanges.values().any(is_open)
    }

    /// Breaks an exchange off.
    pub(crate) fn drop_exchange(&mut self, exchange: u32) {
        self.abort(exchange);
        self.exchanges.remove(&exchange);
    }

    /// The connection does not answer any more.
    pub(crate) fn give_up(&mut self) {
        self.deaf = true;
    }

    /// Whether the server is gone: its process ended, or nobody listens at its address.
    pub(crate) fn is_gone(&self) -> bool {
        self.exit.is_some() || self.lost.is_some()
    }

    /// Whether the server was cut off because it sent more than is kept.
    pub(crate) fn is_flooded(&self) -> bool {
        self.flooded || self.options.quota.is_spent()
    }

    /// Why an exchange failed, if it did.
    pub(crate) fn failure(&self, exchange: u32) -> Option<&str> {
        self.exchanges.get(&exchange)?.failed.as_deref()
    }

    /// An exchange failed: if nobody listens any more, the connection is lost.
    pub(crate) async fn look_after(&mut self, problem: String) {
        if let Some(url) = self.url()
            && !is_listening(url).await
        {
            self.lost = Some(problem);
        }
    }

    /// Takes out what happened so far; what `is_kept` stays in both parts, and so does what belongs to an open exchange.
    pub(crate) fn take_part(&mut self, is_kept: impl Fn(&Entry) -> bool) -> Transcript {
        self.exchanges.retain(|_, state| !state.done);
        self.taken = 0;
        let exchanges = &self.exchanges;
        let is_open = |entry: &Entry| {
            let is_ours =
                matches!(entry.what, What::Sent { .. } | What::Request { .. } | What::Response { .. });
            is_ours && entry.exchange().is_some_and(|number| exchanges.contains_key(&number))
        };
        self.transcript.take_part(|entry| is_kept(entry) || is_open(entry))
    }

    /// The process group of the server, where it is a process of ours.
    pub(crate) fn process_group(&self) -> Option<u32> {
        match &self.wire {
            Wire::Lines(lines) => lines.process.as_ref()?.group(),
            Wire::Http(_) => self.host()?.group(),
        }
    }
}
