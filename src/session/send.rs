//! The steps of a conversation: each sends something and waits for what comes of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::transcript::What;
use super::{Meta, Outcome, Reply, Session};
use crate::protocol::{Frame, Id};
use crate::transport::{Signal, Wire};

/// One HTTP exchange described by a case.
#[derive(Debug, Clone, Default)]
pub struct HttpCall {
    /// The HTTP method.
    pub method: String,
    /// Headers in place of, or besides, those of the era; `None` leaves one out.
    pub headers: Vec<(String, Option<String>)>,
    /// The JSON body, from which the era's headers are derived.
    pub message: Option<Value>,
    /// The bytes of the body, in place of the JSON.
    pub raw: Option<Bytes>,
    /// The path, in place of the endpoint's; a query may follow, and it may be a whole address.
    pub path: Option<String>,
    /// Whether the connection is closed before the whole body was sent.
    pub cut: bool,
    /// Whether another client sends it, over a connection of its own.
    pub apart: bool,
    /// How long to wait before it is sent.
    pub delay: Duration,
}

/// How long an answer that need not come is awaited where no fence can end the wait.
const BEFORE_HANDSHAKE: Duration = Duration::from_millis(300);

/// How long the end of a response is awaited once the reply is there.
const CLOSING: Duration = Duration::from_millis(50);

impl Session {
    /// Sends a legal request and waits for its reply.
    pub async fn request(&mut self, method: &str, params: Option<Value>) -> Outcome {
        self.request_with(method, params, &Meta::Standard, self.options.timeout).await
    }

    /// Sends a legal request with other metadata or another patience.
    pub async fn request_with(
        &mut self,
        method: &str,
        params: Option<Value>,
        meta: &Meta,
        timeout: Duration,
    ) -> Outcome {
        let from = self.transcript.last() + 1;
        let (id, message) = self.compose(method, params, meta);
        let exchange = self.post(&message, *meta != Meta::Standard);
        let outcome = self.reply_to(&id, exchange, from, Instant::now() + timeout).await;
        if method == "initialize" {
            self.learn_agreement(&outcome);
        }
        outcome
    }

    /// Sends legal requests in one write and waits for all replies.
    pub async fn together(&mut self, requests: &[(String, Option<Value>)]) -> Outcome {
        let from = self.transcript.last() + 1;
        let composed: Vec<_> = requests
            .iter()
            .map(|(method, params)| self.compose(method, params.clone(), &Meta::Standard))
            .collect();
        let exchanges = self.post_all(&composed, false);
        let deadline = Instant::now() + self.options.timeout;
        let mut replies = Vec::new();
        for ((id, _), exchange) in composed.iter().zip(exchanges) {
            replies.push(self.reply_to(id, exchange, from, deadline).await);
        }
        Outcome {
            span: (from, self.transcript.last()),
            died: replies.iter().find_map(|reply| reply.died.clone()),
            replies: Some(replies),
            ..Outcome::default()
        }
    }

    /// Sends a legal notification; a fence shows that nothing answers it.
    pub async fn notify(&mut self, method: &str, params: Option<Value>) -> Outcome {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        if let Some(params) = params {
            message["params"] = params;
        }
        let from = self.transcript.last() + 1;
        let exchange = self.post(&message, false);
        self.settle(None, exchange, from, false, self.options.timeout).await
    }

    /// Sends a notification without waiting for anything.
    pub fn tell(&mut self, method: &str) {
        self.post(&json!({"jsonrpc": "2.0", "method": method}), false);
    }

    /// Sends exactly this message, legal or not. With `must_answer` its reply is awaited to the end of patience;
    /// otherwise a fence ends the wait.
    pub async fn message(&mut self, message: &Value, must_answer: bool) -> Outcome {
        self.message_within(message, must_answer, self.options.timeout).await
    }

    /// The same with another patience.
    pub async fn message_within(
        &mut self,
        message: &Value,
        must_answer: bool,
        patience: Duration,
    ) -> Outcome {
        let from = self.transcript.last() + 1;
        let id = message.get("id").map(Id::from_value).filter(Id::is_legal);
        let exchange = self.post(message, true);
        self.settle(id, exchange, from, must_answer, patience).await
    }

    /// Sends exactly these bytes, piece by piece; a fence shows whether the server still follows.
    pub async fn raw(&mut self, pieces: &[Bytes], newline: bool, must_answer: bool) -> Outcome {
        let from = self.transcript.last() + 1;
        let whole: Vec<u8> = pieces.concat();
        let frame = Frame::new(whole);
        let json = frame.json().ok();
        let id = json.as_ref().and_then(|json| json.get("id")).map(Id::from_value).filter(Id::is_legal);
        let exchange = match self.is_http() {
            true => self.post_bytes(frame, json),
            false => {
                self.transcript.add(What::Sent { frame, json, deliberate: true, exchange: None });
                self.write_pieces(pieces, newline).await;
                None
            }
        };
        self.settle(id, exchange, from, must_answer, self.options.timeout).await
    }

    pub(super) async fn write_pieces(&mut self, pieces: &[Bytes], newline: bool) {
        let Wire::Lines(lines) = &self.wire else { return };
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.iter().enumerate() {
            let mut bytes = piece.to_vec();
            if index == last && newline {
                bytes.push(b'\n');
            }
            lines.write(bytes.into());
            if index != last {
                // Long enough for the pieces to arrive in separate reads.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Sends a cheap request that every server of the era must answer.
    pub async fn fence(&mut self) -> Outcome {
        let method = self.revision.fence();
        let outcome = self.request(method, None).await;
        self.deaf |= outcome.is_none() && outcome.failed.is_none() && !outcome.is_turned_away();
        Outcome { died: self.dead(), ..outcome }
    }

    /// Waits for what comes of something that may or may not be answered.
    async fn settle(
        &mut self,
        id: Option<Id>,
        exchange: Option<u32>,
        from: u64,
        must_answer: bool,
        patience: Duration,
    ) -> Outcome {
        let deadline = Instant::now() + patience;
        if exchange.is_some() {
            self.await_exchange(exchange, deadline).await;
        }
        let mut stray = self.claim_stray(from, id.as_ref(), exchange);
        if self.revision.is_handshake() && !self.agreed {
            // Nothing but `initialize` is sure to be answered before the handshake.
            let end = if must_answer { deadline } else { Instant::now() + BEFORE_HANDSHAKE };
            while stray.is_none() && exchange.is_none() && self.pump(end).await {
                stray = self.claim_stray(from, id.as_ref(), exchange);
            }
            return Outcome { died: self.dead(), ..self.outcome(stray, exchange, from) };
        }
        let fence = self.fence().await;
        if let Some(problem) = fence.failed {
            // Over HTTP the end of the server shows only to those who look for it.
            self.look_after(problem).await;
        }
        let died = self.dead();
        while stray.is_none() {
            stray = self.claim_stray(from, id.as_ref(), exchange);
            let wait = must_answer && stray.is_none() && exchange.is_none() && died.is_none();
            if !(wait && self.pump(deadline).await) {
                break;
            }
        }
        Outcome { died, ..self.outcome(stray, exchange, from) }
    }

    async fn await_exchange(&mut self, exchange: Option<u32>, deadline: Instant) {
        while !self.exchange_done(exchange) && self.pump(deadline).await {}
    }

    fn exchange_done(&self, exchange: Option<u32>) -> bool {
        exchange.and_then(|number| self.exchanges.get(&number)).is_some_and(|state| state.done)
    }

    async fn reply_to(&mut self, id: &Id, exchange: Option<u32>, from: u64, deadline: Instant) -> Outcome {
        if let Some(state) = exchange.and_then(|number| self.exchanges.get_mut(&number)) {
            state.stream.until = Some(deadline);
        }
        let reply = loop {
            if let Some(reply) = self.claim(id) {
                break Some(reply);
            }
            let deadline = self.awaited(exchange).unwrap_or(deadline);
            if self.exchange_done(exchange) || self.is_over() || !self.pump(deadline).await {
                // What came may still hold the reply; over HTTP a refusal may not know the id.
                break self
                    .claim(id)
                    .or_else(|| exchange.and_then(|_| self.claim_stray(from, Some(id), exchange)));
            }
        };
        Outcome { died: self.dead(), ..self.outcome(reply, exchange, from) }
    }

    /// Until when the reply of an exchange is awaited: longer where the server asked for time.
    fn awaited(&self, exchange: Option<u32>) -> Option<Instant> {
        self.exchanges.get(&exchange?)?.stream.until
    }

    fn outcome(&self, reply: Option<Reply>, exchange: Option<u32>, from: u64) -> Outcome {
        let state = exchange.and_then(|number| self.exchanges.get(&number));
        Outcome {
            reply: reply.map(|reply| reply.message),
            status: state.and_then(|state| state.status),
            in_session: self.revision.is_handshake()
                && state.is_some_and(|state| state.stream.session.is_some()),
            headers: state.map(|state| state.headers.clone()).unwrap_or_default(),
            body: state.and_then(|state| state.body.clone()),
            failed: state.and_then(|state| state.failed.clone()),
            pending: state.is_some_and(|state| !state.done),
            span: (from, self.transcript.last()),
            ..Outcome::default()
        }
    }

    /// One HTTP exchange; over lines nothing is sent.
    pub async fn http(&mut self, call: &HttpCall) -> Outcome {
        self.http_as(call, true).await
    }

    async fn http_as(&mut self, call: &HttpCall, deliberate: bool) -> Outcome {
        let from = self.transcript.last() + 1;
        let (headers, frame) = self.prepare_http(call);
        let json = frame.json().ok();
        let Some(exchange) = self.begin_exchange(call.clone(), headers, frame, json, deliberate) else {
            return Outcome::default();
        };
        let deadline = Instant::now() + self.options.timeout;
        let outcome = self.finish_exchange(exchange, from, deadline).await;
        self.abort(exchange);
        outcome
    }

    /// Waits for the end of an exchange, or for the head of a stream that stays open.
    pub(super) async fn finish_exchange(
        &mut self,
        exchange: u32,
        from: u64,
        mut deadline: Instant,
    ) -> Outcome {
        while !self.exchange_done(Some(exchange)) && !self.is_open_stream(exchange) {
            if self.replies.iter().any(|reply| reply.exchange == Some(exchange)) {
                deadline = deadline.min(Instant::now() + CLOSING);
            }
            if !self.pump(deadline).await {
                break;
            }
        }
        let stray = self.claim_stray(from, None, Some(exchange));
        Outcome { in_session: false, ..self.outcome(stray, Some(exchange), from) }
    }

    /// Headers and body of an exchange.
    pub(super) fn prepare_http(&self, call: &HttpCall) -> (Vec<(String, String)>, Frame) {
        let message = call.message.as_ref();
        let mut headers = self.headers_for(message);
        if message.is_none() {
            let accept = if call.method == "GET" {
                "text/event-stream"
            } else {
                "application/json, text/event-stream"
            };
            headers.push(("Accept".to_owned(), accept.to_owned()));
        }
        let is_given = |known: &str| call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(known));
        headers.retain(|(known, _)| !is_given(known));
        headers.extend(call.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
        let body = match (&call.raw, message) {
            (Some(bytes), _) => bytes.clone(),
            (None, Some(message)) => message.to_string().into(),
            (None, None) => Bytes::new(),
        };
        (headers, Frame::new(body))
    }

    /// A GET stream stays open: its head is the outcome.
    fn is_open_stream(&self, exchange: u32) -> bool {
        let state = self.exchanges.get(&exchange);
        state.is_some_and(|state| state.is_get && state.status == Some(200))
    }

    pub(super) fn abort(&mut self, exchange: u32) {
        if let Wire::Http(http) = &mut self.wire {
            http.abort(exchange);
        }
    }

    /// Closes the server's input (over HTTP: ends the session) and waits for the end.
    pub async fn close_input(&mut self, patience: Option<Duration>) -> Outcome {
        let from = self.transcript.last() + 1;
        match &mut self.wire {
            Wire::Lines(lines) => {
                lines.close_input();
                self.transcript.add(What::InputClosed);
            }
            Wire::Http(_) => return self.end_http_session().await,
        }
        self.await_exit(from, patience).await
    }

    /// Whether the server is a process of its own.
    pub fn has_process(&self) -> bool {
        matches!(&self.wire, Wire::Lines(lines) if lines.process.is_some())
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(&mut self, patience: Option<Duration>) -> Outcome {
        let from = self.transcript.last() + 1;
        if let Wire::Lines(lines) = &self.wire
            && let Some(process) = &lines.process
        {
            process.signal(Signal::Terminate);
        }
        self.await_exit(from, patience).await
    }

    async fn await_exit(&mut self, from: u64, patience: Option<Duration>) -> Outcome {
        let deadline = Instant::now() + patience.unwrap_or(self.options.timeout);
        while self.exit.is_none() && self.pump(deadline).await {}
        Outcome {
            exit: self.exit,
            awaited_exit: true,
            span: (from, self.transcript.last()),
            ..Outcome::default()
        }
    }

    async fn end_http_session(&mut self) -> Outcome {
        match self.http_session {
            Some(_) => {
                let call = HttpCall { method: "DELETE".to_owned(), ..HttpCall::default() };
                self.http_as(&call, false).await
            }
            None => Outcome::default(),
        }
    }

    /// Ends the conversation and takes in what still comes.
    pub async fn finish(mut self) -> super::Transcript {
        let deadline = Instant::now() + Duration::from_millis(200);
        match &mut self.wire {
            Wire::Lines(lines) => {
                lines.close_input();
                while !self.closed && self.pump(deadline).await {}
            }
            Wire::Http(_) => drop(self.end_http_session().await),
        }
        self.transcript
    }
}
