//! Taking in what the target sends: into the transcript, then to whoever waits for it.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::quota::{MAX_MESSAGES, REQUEST};
use super::transcript::What;
use super::{Reply, Session};
use crate::protocol::{Class, Frame, Id, Json};
use crate::transport::{Arrival, Incoming, Signal, SseEvent, SseHead, Wire, media_type};

/// How long output is awaited after the process ended: grandchildren may keep the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(300);

/// Whether the body of a refusal is that of OAuth, which is JSON but no message.
fn is_oauth_error(status: Option<u16>, body: &Bytes) -> bool {
    let is_message = || Frame::new(body.clone()).json().is_ok_and(|json| json.get("jsonrpc").is_some());
    matches!(status, Some(401 | 403)) && !is_message()
}

impl Session {
    /// Takes in the next arrival. False when none came before the deadline, or none can come any more.
    pub(super) async fn pump(&mut self, deadline: Instant) -> bool {
        if !self.flooded && self.options.quota.is_spent() {
            self.cut_off(Instant::now());
        }
        if self.flooded {
            return false;
        }
        let deadline = match self.exit {
            Some(_) if !self.closed => deadline.min(Instant::now() + DRAIN),
            _ => deadline,
        };
        let next = match &mut self.wire {
            Wire::Lines(lines) => timeout_at(deadline, lines.next()).await,
            Wire::Http(http) => timeout_at(deadline, http.next()).await,
        };
        match next {
            Ok(Some(arrival)) => {
                self.take(arrival);
                true
            }
            Ok(None) => {
                self.closed = true;
                false
            }
            Err(_) => {
                self.closed |= self.exit.is_some();
                false
            }
        }
    }

    /// Takes in an arrival that is waiting already; false when none is.
    pub(super) fn pump_waiting(&mut self) -> bool {
        let waiting = match &mut self.wire {
            _ if self.flooded => None,
            Wire::Lines(lines) => lines.try_next(),
            Wire::Http(http) => http.try_next(),
        };
        waiting.map(|arrival| self.take(arrival)).is_some()
    }

    /// Whether nothing can come any more.
    pub(super) fn is_over(&self) -> bool {
        self.flooded || self.closed && (self.exit.is_some() || self.transcript.http || self.transcript.legacy)
    }

    fn take(&mut self, Arrival { at, incoming }: Arrival) {
        match incoming {
            Incoming::Line { bytes, terminated } => self.receive(at, bytes, terminated, None, false),
            Incoming::TooLong { length } => {
                self.transcript.add_at(at, What::TooLong { length });
                self.cut_off(at);
            }
            Incoming::Closed => {
                self.closed = true;
                self.transcript.add_at(at, What::Closed);
            }
            Incoming::Exited(exit) => {
                self.exit = Some(exit);
                self.transcript.add_at(at, What::Exited(exit));
            }
            Incoming::Head { exchange, status, headers } => self.head(at, exchange, status, headers),
            Incoming::Event { exchange, event } => self.event(at, exchange, event),
            Incoming::Body { exchange, bytes } => self.body(at, exchange, bytes),
            Incoming::Done { exchange } => {
                self.transcript.add_at(at, What::Done { exchange });
                self.end_exchange(exchange, None);
            }
            Incoming::Failed { exchange, problem } => {
                self.transcript.add_at(at, What::Failed { exchange, problem: problem.clone() });
                self.end_exchange(exchange, Some(problem));
            }
        }
    }

    fn head(&mut self, at: Instant, exchange: u32, status: u16, headers: Vec<(String, String)>) {
        self.transcript.add_at(at, What::Response { exchange, status, headers: headers.clone() });
        let state = self.exchanges.entry(exchange).or_default();
        let session = headers.iter().find(|(name, _)| name == "mcp-session-id");
        let opens = state.opens && (200..300).contains(&status);
        if let (Some((_, id)), None, true, false, true) =
            (session, &self.http_session, self.revision.is_handshake(), self.agreed, opens)
        {
            self.http_session = Some(id.clone());
        }
        state.status = Some(status);
        state.headers = headers;
    }

    fn event(&mut self, at: Instant, exchange: u32, event: SseEvent) {
        let is_message = event.is_message();
        let length = event.length();
        let SseEvent { mut head, data } = event;
        head.name.take_if(|name| name == "message");
        // A message counts as one where it is received.
        if !is_message || data.is_empty() {
            self.taken += 1;
            if self.taken > MAX_MESSAGES || !self.transcript.hold(length) {
                return self.cut_off(at);
            }
        }
        self.exchanges.entry(exchange).or_default().note(&head);
        if head != SseHead::default() {
            self.transcript.add_at(at, What::Event { exchange, head });
        }
        match is_message {
            // Priming events carry only an id.
            _ if data.is_empty() => {}
            true => self.receive(at, data.into(), true, Some(exchange), true),
            false => drop(self.transcript.add_at(at, What::Body { exchange, bytes: data.into() })),
        }
    }

    fn body(&mut self, at: Instant, exchange: u32, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        // A text that is no message is kept twice.
        if !self.transcript.hold(bytes.len() * 2) {
            return self.cut_off(at);
        }
        let state = self.exchanges.entry(exchange).or_default();
        let is_json = |(name, value): &(String, String)| {
            name == "content-type" && media_type(value) == "application/json"
        };
        let json = !is_oauth_error(state.status, &bytes) && state.headers.iter().any(is_json);
        state.body = Some(String::from_utf8_lossy(&bytes).into_owned());
        match json {
            true => self.receive(at, bytes, true, Some(exchange), false),
            false => {
                self.transcript.add_at(at, What::Body { exchange, bytes });
            }
        }
    }

    fn receive(
        &mut self,
        at: Instant,
        bytes: Bytes,
        terminated: bool,
        exchange: Option<u32>,
        streamed: bool,
    ) {
        let frame = Frame::new(bytes);
        self.taken += 1;
        if self.taken > MAX_MESSAGES || !self.transcript.hold(frame.weight()) {
            return self.cut_off(at);
        }
        let json = frame.json();
        let messages: Vec<_> = json.iter().flat_map(Json::messages).collect();
        let seq = self.transcript.add_at(at, What::Received { frame, json, terminated, exchange, streamed });
        for message in messages {
            match message.class() {
                Class::Request => {
                    self.taken += REQUEST;
                    if self.taken > MAX_MESSAGES {
                        return self.cut_off(at);
                    }
                    let client = &self.options.client;
                    if client.is_silent_about(&message) || self.jobs.keeps_waiting(&message) {
                        continue;
                    }
                    let of_task = self.jobs.answer(client, &message);
                    let answer = of_task.unwrap_or_else(|| client.answer(&message));
                    let deliberate = client.is_careless();
                    self.post(&answer, deliberate);
                }
                Class::Notification => {}
                Class::Result | Class::Error | Class::Invalid => {
                    let id = message.id();
                    let exchange = exchange.map(|number| self.answered(number));
                    self.replies.push(Reply { id, message, exchange, seq });
                }
            }
        }
    }

    /// Stops listening to a server that sends without end.
    fn cut_off(&mut self, at: Instant) {
        self.flooded = true;
        self.options.quota.note_flood();
        self.transcript.thin_out();
        self.transcript.add_at(at, What::Flooded);
        if let Wire::Lines(lines) = &self.wire
            && let Some(process) = &lines.process
        {
            process.signal(Signal::Kill);
        }
    }

    /// Takes the reply to a request, if it came.
    pub(super) fn claim(&mut self, id: &Id) -> Option<Reply> {
        let index = self.replies.iter().position(|reply| reply.id.as_ref() == Some(id))?;
        Some(self.replies.remove(index))
    }

    /// Takes the first reply since an entry that cannot belong to a request in flight: one in this exchange, or over lines
    /// one without a usable id or with this id.
    pub(super) fn claim_stray(&mut self, from: u64, id: Option<&Id>, exchange: Option<u32>) -> Option<Reply> {
        let index = self.replies.iter().position(|reply| {
            let fits = match exchange {
                Some(_) => reply.exchange == exchange,
                None => match &reply.id {
                    None | Some(Id::Null) => true,
                    Some(other) => id == Some(other),
                },
            };
            reply.seq >= from && fits
        })?;
        Some(self.replies.remove(index))
    }
}
