//! Requests that stay open: begun, watched, cancelled.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::transcript::What;
use super::{Meta, Session, turns_away};
use crate::protocol::{Id, Message};

/// A request whose reply is not awaited.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Its id.
    pub id: Id,
    /// The first entry of the transcript that belongs to it.
    pub from: u64,
    /// The HTTP exchange that carries it.
    pub exchange: Option<u32>,
}

impl Session {
    /// Sends a legal request without waiting for its reply.
    pub fn begin(&mut self, method: &str, params: Option<Value>) -> Begun {
        let from = self.transcript.last() + 1;
        let (id, message) = self.compose(method, params, &Meta::Standard);
        let exchange = self.post(&message, false);
        Begun { id, from, exchange }
    }

    /// Waits until a message of this kind has come; false if none came in time.
    pub async fn wait_for(&mut self, patience: Duration, is_wanted: impl Fn(&Message) -> bool) -> bool {
        let has_come = |session: &Self| session.transcript.received().any(|(_, message)| is_wanted(&message));
        self.wait_until(patience, has_come).await
    }

    /// Takes in what comes until something is so; false if it was not in time.
    pub async fn wait_until(&mut self, patience: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if is_so(self) {
                return true;
            }
            if !self.take_in(deadline).await {
                return false;
            }
        }
    }

    /// Waits for the reply to a request that was begun, or for the end of its exchange; false if neither came in time.
    pub async fn is_answered(&mut self, begun: &Begun, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if self.claim(&begun.id).is_some() || begun.exchange.is_some_and(|number| self.is_landed(number))
            {
                return true;
            }
            if !self.pump(deadline).await {
                return false;
            }
        }
    }

    /// Waits for the reply to a request that was begun, and cancels it if none came in time.
    pub async fn await_or_cancel(&mut self, begun: &Begun, patience: Duration) {
        if !self.is_answered(begun, patience).await {
            self.cancel(begun).await;
        }
    }

    /// The reply to a request that was begun, if it came.
    pub fn reply_so_far(&self, id: &Id) -> Option<Value> {
        let mut replies = self.transcript.received().filter(|(_, message)| message.is_reply());
        replies
            .find(|(_, message)| message.id().as_ref() == Some(id))
            .map(|(_, message)| message.into_value())
    }

    /// Whether HTTP itself turned away a request that was begun.
    pub fn is_turned_away(&self, begun: &Begun) -> bool {
        let state = begun.exchange.and_then(|number| self.exchanges.get(&number));
        let status = state.and_then(|state| state.status);
        status.is_some_and(|status| turns_away(status, self.http_session.is_some()))
            && self.reply_so_far(&begun.id).is_none()
    }

    /// The content type of the HTTP response to a request that was begun.
    pub fn content_type(&self, begun: &Begun) -> Option<String> {
        let headers = &self.exchanges.get(&begun.exchange?)?.headers;
        headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone())
    }

    /// Closes the connection that carries a request, without another word.
    pub fn break_off(&mut self, exchange: u32) {
        self.transcript.add(What::Dropped { exchange });
        self.abort(exchange);
        self.exchanges.entry(exchange).or_default().done = true;
    }

    /// Answers a request of the server that stayed without an answer.
    pub fn answer_late(&mut self, request: &Message) {
        let answer = self.options.client.answer(request);
        self.post(&answer, false);
    }

    /// Completes a task of the client, and tells the server, which need not be told.
    pub fn complete_task(&mut self, id: &Value) {
        if let Some(told) = self.jobs.complete(id) {
            self.post(&told, false);
        }
    }

    /// Cancels a request that was begun, as the transport demands.
    pub async fn cancel(&mut self, begun: &Begun) {
        match begun.exchange {
            Some(exchange) if self.revision.is_stateless() => self.break_off(exchange),
            _ => {
                let params = json!({"requestId": begun.id.to_value()});
                self.notify("notifications/cancelled", Some(params)).await;
            }
        }
    }
}
