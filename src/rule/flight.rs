//! What was in flight at a moment of a conversation: requests without a reply, and open subscriptions.

use std::time::Duration;

use serde_json::Value;

use super::context::{Context, is_deliberate};
use crate::protocol::{Id, Json, Message};
use crate::session::transcript::{Entry, What};

/// What was sent before the other side can have heard of a cancellation.
const CROSSING: Duration = Duration::from_millis(200);

/// A `subscriptions/listen` request of ours.
pub(super) struct Listen<'c> {
    /// Its id, which tags everything that belongs to it.
    pub id: Id,
    /// What it asked for.
    pub filter: &'c Value,
    /// The exchange that is its stream.
    pub exchange: Option<u32>,
    /// When it was cancelled.
    cancelled: Option<Duration>,
}

impl Listen<'_> {
    /// Whether it was cancelled so long before that the server must have known.
    pub(super) fn is_over(&self, entry: &Entry) -> bool {
        self.cancelled.is_some_and(|at| entry.at > at + CROSSING)
    }
}

impl Context<'_> {
    /// The subscriptions that were asked for before this entry.
    pub(super) fn listens(&self, entry: &Entry) -> Vec<Listen<'_>> {
        let before = self.sent.iter().filter(|(sent, _)| sent.seq < entry.seq);
        let listens = before.filter(|(sent, message)| {
            message.method() == Some("subscriptions/listen") && !is_deliberate(sent)
        });
        listens
            .filter_map(|(sent, message)| {
                let id = message.id()?;
                let exchange = sent.exchange();
                let cancelled =
                    self.cancelled_at(&id, entry.seq).or_else(|| self.closed_at(exchange?, entry.seq));
                let filter = &message.params()["notifications"];
                Some(Listen { id, filter, exchange, cancelled })
            })
            .collect()
    }

    fn cancelled_at(&self, id: &Id, before: u64) -> Option<Duration> {
        let mut cancellations = self.sent.iter().filter(|(sent, message)| {
            sent.seq < before && message.method() == Some("notifications/cancelled")
        });
        let own = cancellations.find(|(_, message)| Id::from_value(&message.params()["requestId"]) == *id);
        own.map(|(sent, _)| sent.at)
    }

    /// When we closed the stream of an exchange, which over HTTP is how a subscription is cancelled.
    fn closed_at(&self, stream: u32, before: u64) -> Option<Duration> {
        let mut earlier = self.transcript.entries.iter().take_while(|entry| entry.seq < before);
        let is_it = |what: &What| matches!(what, What::Dropped { exchange } if *exchange == stream);
        earlier.find(|entry| is_it(&entry.what)).map(|entry| entry.at)
    }

    /// Our requests that this message of the server can be about: those without a reply, over HTTP the one whose stream
    /// carries it.
    pub(super) fn in_flight(&self, entry: &Entry) -> Vec<&Message> {
        self.sent_and_open(entry).map(|(_, message)| message).collect()
    }

    /// Whether one of these requests was sent before another entry.
    pub(super) fn is_older_in_flight(&self, entry: &Entry, than: &Entry) -> bool {
        self.sent_and_open(entry).any(|(sent, _)| sent.seq < than.seq)
    }

    fn sent_and_open(&self, entry: &Entry) -> impl Iterator<Item = &(&Entry, Message)> {
        self.sent.iter().filter(|(sent, message)| {
            sent.seq < entry.seq
                && (self.is_stdio() || sent.exchange() == entry.exchange())
                && message.method().is_some()
                && message.id().is_some_and(|id| !self.is_answered(&id, sent.seq, entry.seq))
        })
    }

    /// Whether a reply to this request came before an entry.
    pub(super) fn is_answered(&self, id: &Id, asked: u64, before: u64) -> bool {
        self.replied.get(id).is_some_and(|replies| replies.iter().any(|seq| (asked..before).contains(seq)))
    }

    /// Whether the last thing that we sent before an entry was malformed and drew no reply: the server may speak of it.
    pub(super) fn follows_malformed(&self, entry: &Entry) -> bool {
        let before = self.written.partition_point(|other| other.seq < entry.seq);
        let mut sent = self.written[..before].iter().rev().filter_map(|other| match &other.what {
            What::Sent { json, deliberate, .. } => Some((other, json, *deliberate)),
            _ => None,
        });
        let is_answered = |other: &Entry, json: &Option<Json>| {
            let id = json.as_ref().and_then(|json| json.get("id")).map(Id::from_value);
            id.is_some_and(|id| self.is_answered(&id, other.seq, entry.seq))
        };
        // The fence after it may be on its way already.
        sent.by_ref().take(2).any(|(other, json, deliberate)| deliberate && !is_answered(other, json))
    }
}
