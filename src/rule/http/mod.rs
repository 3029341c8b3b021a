//! Rules about HTTP. What they look at is the exchange: one request with everything that came for it.

pub(super) mod asks;
pub(super) mod get;
pub(super) mod post;
pub(super) mod refusal;
pub(super) mod resume;
pub(super) mod scope;
pub(super) mod session;
pub(super) mod stream;

use std::collections::HashMap;

use serde_json::Value;

use super::Context;
use super::context::is_deliberate;
use crate::protocol::{Class, FrameError, Id, Json, Message};
use crate::session::transcript::{Entry, What};
use crate::session::turns_away;
use crate::transport::{SseHead, media_type};

/// One HTTP request with what came for it.
pub(super) struct Exchange<'t> {
    number: u32,
    method: &'t str,
    /// The headers that we sent.
    headers: &'t [(String, String)],
    request: &'t Entry,
    /// Whether anything about the request breaks a rule on purpose.
    deliberate: bool,
    /// The body that we sent.
    sent: Option<Sent<'t>>,
    response: Option<Response<'t>>,
    /// What came in the body of the response, in order.
    came: Vec<(&'t Entry, Came<'t>)>,
    /// The messages among it; members of a batch one by one.
    received: Vec<(&'t Entry, Message)>,
    /// The end of the response.
    done: Option<&'t Entry>,
}

struct Sent<'t> {
    entry: &'t Entry,
    json: Option<&'t Value>,
    /// The members of a batch, or the one message.
    all: Vec<Message>,
}

impl Sent<'_> {
    /// The message; `None` if it is a batch or nothing of the kind.
    fn message(&self) -> Option<&Message> {
        self.all.first().filter(|_| self.json.is_some_and(Value::is_object))
    }
}

struct Response<'t> {
    entry: &'t Entry,
    status: u16,
    headers: &'t [(String, String)],
}

enum Came<'t> {
    /// What stands where a message should stand.
    Message(Result<&'t Value, &'t FrameError>),
    /// An SSE event that says more than its data.
    Event(&'t SseHead),
    /// Something that is not meant as a message.
    Other(&'t [u8]),
}

/// The exchanges of a transcript whose request it holds.
fn exchanges<'c, 't>(context: &'c Context<'t>) -> &'c [Exchange<'t>] {
    context.exchanges.get_or_init(|| gathered(context))
}

fn exchange<'c, 't>(context: &'c Context<'t>, number: u32) -> Option<&'c Exchange<'t>> {
    exchanges(context).iter().find(|exchange| exchange.number == number)
}

fn gathered<'t>(context: &Context<'t>) -> Vec<Exchange<'t>> {
    let mut all: Vec<Exchange<'t>> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    for entry in context.transcript.entries.iter().filter(|_| context.transcript.http) {
        if let What::Request { exchange, method, headers, deliberate } = &entry.what {
            places.insert(*exchange, all.len());
            all.push(Exchange {
                number: *exchange,
                method,
                headers,
                request: entry,
                deliberate: *deliberate,
                sent: None,
                response: None,
                came: Vec::new(),
                received: Vec::new(),
                done: None,
            });
        } else if let Some(index) = entry.exchange().and_then(|number| places.get(&number)) {
            all[*index].add(entry);
        }
    }
    all
}

impl<'t> Exchange<'t> {
    fn add(&mut self, entry: &'t Entry) {
        match &entry.what {
            What::Sent { json, .. } => {
                self.deliberate |= is_deliberate(entry);
                let all = json.iter().flat_map(Json::messages).collect();
                self.sent = Some(Sent { entry, json: json.as_deref(), all });
            }
            What::Response { status, headers, .. } => {
                self.response = Some(Response { entry, status: *status, headers });
            }
            What::Received { json, .. } => {
                let all = json.iter().flat_map(Json::messages);
                self.received.extend(all.map(|message| (entry, message)));
                self.came.push((entry, Came::Message(json.as_deref())));
            }
            What::Event { head, .. } => self.came.push((entry, Came::Event(head))),
            What::Body { bytes, .. } => self.came.push((entry, Came::Other(bytes))),
            What::Done { .. } => self.done = Some(entry),
            _ => {}
        }
    }

    /// The single request that was sent, if that is what was sent.
    fn asked(&self) -> Option<&Message> {
        let message = self.sent.as_ref()?.message()?;
        (self.method == "POST" && message.class() == Class::Request).then_some(message)
    }

    /// The same, if nothing is wrong with it.
    fn asked_legally(&self) -> Option<&Message> {
        self.asked().filter(|_| !self.deliberate)
    }

    /// The ids of all requests that were sent.
    fn ids(&self) -> Vec<Id> {
        let sent = self.sent.iter().flat_map(|sent| &sent.all);
        sent.filter(|message| message.class() == Class::Request).filter_map(Message::id).collect()
    }

    /// The request that it cancels.
    fn cancels(&self) -> Option<Id> {
        let message = self.sent.as_ref()?.message()?;
        let is_cancel = message.method() == Some("notifications/cancelled");
        is_cancel.then(|| Id::from_value(&message.params()["requestId"]))
    }

    fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status)
    }

    fn is_success(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    fn is_turned_away(&self) -> bool {
        let in_session = !self.is_modern() && self.sent_header("mcp-session-id").is_some();
        self.status().is_some_and(|status| turns_away(status, in_session))
    }

    /// A header of the response.
    fn header(&self, name: &str) -> Option<&'t str> {
        find(self.response.as_ref()?.headers, name)
    }

    /// A header of the request.
    fn sent_header(&self, name: &str) -> Option<&'t str> {
        find(self.headers, name)
    }

    /// The media type of the response, in small letters and without parameters.
    fn media_type(&self) -> Option<String> {
        self.header("content-type").map(media_type)
    }

    fn is_stream(&self) -> bool {
        self.media_type().as_deref() == Some("text/event-stream")
    }

    fn is_json(&self) -> bool {
        self.media_type().as_deref() == Some("application/json")
    }

    /// Whether it is a stream that is taken up again.
    fn is_resumed(&self) -> bool {
        self.sent_header("last-event-id").is_some()
    }

    /// Whether it says that it is of the stateless era.
    fn is_modern(&self) -> bool {
        self.sent_header("mcp-protocol-version").is_some_and(|version| version >= "2026")
    }

    /// The messages that came; members of a batch one by one.
    fn messages(&self) -> impl Iterator<Item = (&'t Entry, &Message)> {
        self.received.iter().map(|(entry, message)| (*entry, message))
    }

    /// The replies that came.
    fn replies(&self) -> impl Iterator<Item = (&'t Entry, &Message)> {
        self.messages().filter(|(_, message)| message.is_reply())
    }

    /// What is shown of it: the request, and the beginning of the response.
    fn evidence(&self) -> Vec<u64> {
        let head = self.response.as_ref().map(|response| response.entry.seq);
        let sent = self.sent.as_ref().map(|sent| sent.entry.seq);
        [Some(self.request.seq), sent, head].into_iter().flatten().collect()
    }

    /// The same, and one entry more.
    fn evidence_with(&self, entry: &Entry) -> Vec<u64> {
        let mut all = self.evidence();
        all.push(entry.seq);
        all
    }

    /// Status and content type in words.
    fn shown(&self) -> String {
        let kind = self.header("content-type").unwrap_or("no Content-Type");
        self.status().map_or_else(|| "no response".to_owned(), |status| format!("HTTP {status}, {kind}"))
    }
}

/// Whether HTTP itself turned a request away.
pub(super) fn is_turned_away(context: &Context<'_>, number: u32) -> bool {
    exchange(context, number).is_some_and(Exchange::is_turned_away)
}

/// Within what the ids of the server's requests have to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope<'t> {
    /// Lines are one conversation.
    Connection,
    /// A session by its id.
    Session(&'t str),
    /// Where there are no sessions, nobody need know what another exchange was told.
    Exchange(u32),
}

impl<'t> Scope<'t> {
    /// That of something that came.
    pub(super) fn of(context: &Context<'t>, entry: &Entry) -> Self {
        let Some(number) = entry.exchange() else { return Self::Connection };
        let session = exchange(context, number).and_then(|exchange| {
            exchange.sent_header("mcp-session-id").or_else(|| exchange.header("mcp-session-id"))
        });
        session.map_or(Self::Exchange(number), Self::Session)
    }
}

/// The streams of subscriptions that the server ended: what shows it, and whether the response came before.
pub(super) fn ended_listens(context: &Context<'_>) -> impl Iterator<Item = (Vec<u64>, bool)> {
    let listens = exchanges(context).iter().filter(|exchange| {
        let asked = exchange.asked_legally();
        asked.is_some_and(|message| message.method() == Some("subscriptions/listen"))
            && exchange.is_stream()
            && exchange.is_success()
    });
    listens.filter_map(|exchange| {
        let done = exchange.done?;
        Some((exchange.evidence_with(done), exchange.replies().next().is_some()))
    })
}

fn find<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
