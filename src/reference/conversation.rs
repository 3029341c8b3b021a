//! One connection (stdio) or session (HTTP): messages come in, outputs come out. No I/O; only tasks look at the clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::{Failure, Outcome, Owner};
use super::interactive::Pending;
use super::output::{Emission, Output, Payload, Route, gather};
use super::rewrite::{Context, Draft, Point};
use super::server::{Change, Server};
use super::stateless::Listen;
use super::task::Task;
use crate::protocol::{Class, Era, Frame, Id, Message, Revision, code};

/// How long answers of the client are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of one conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    pub server: Arc<Server>,
    /// Who speaks: tells it apart from the others of the server.
    pub owner: Owner,
    /// The revision that `initialize` settled.
    pub opened: Option<Revision>,
    /// Whether the client went on after `initialize`: until then the answer may not have reached it, and there is no news.
    pub is_greeted: bool,
    /// The least severe log level that is sent in the handshake era.
    pub level: usize,
    /// Resources whose updates the client wants to hear of (handshake era).
    pub subscribed: BTreeSet<String>,
    /// Open `subscriptions/listen` requests.
    pub listens: Vec<Listen>,
    pub next_listen: u64,
    /// The present moment.
    pub now: Instant,
    /// The capabilities that the client declared in `initialize`.
    pub client: Value,
    /// Calls that wait for answers of the client (handshake era).
    pub pending: Vec<Pending>,
    pub next_ask: u64,
    /// How long answers of the client are waited for.
    pub patience: Duration,
}

impl Conversation {
    pub(super) fn new(server: Arc<Server>) -> Self {
        let patience = server.settings.options.patience.unwrap_or(PATIENCE);
        Self {
            owner: Owner { conversation: server.number(), user: None },
            server,
            opened: None,
            is_greeted: false,
            level: 1,
            subscribed: BTreeSet::new(),
            listens: Vec::new(),
            next_listen: 0,
            now: Instant::now(),
            client: json!({}),
            pending: Vec::new(),
            next_ask: 1,
            patience,
        }
    }

    /// A conversation that counts as opened, for servers without sessions.
    pub(super) fn opened(server: Arc<Server>, revision: Revision) -> Self {
        Self { opened: Some(revision), is_greeted: true, ..Self::new(server) }
    }

    /// What is said before anything was received.
    pub(super) fn start(&self) -> Vec<Output> {
        let context = Context { point: Point::Start, request: None, revision: None };
        self.server.rewrite(Draft::new(None), context).into_outputs()
    }

    /// Sets the moment in which everything happens until the next look.
    pub(super) fn look_at_clock(&mut self) -> Instant {
        self.now = Instant::now();
        self.now
    }

    /// Takes the bytes of one message.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Vec<Output> {
        self.look_at_clock();
        self.receive_now(bytes)
    }

    /// Takes the bytes of one message, in the moment of the last look at the clock.
    pub(super) fn receive_now(&mut self, bytes: &[u8]) -> Vec<Output> {
        if self.server.is_deaf() {
            return Vec::new();
        }
        self.is_greeted |= self.opened.is_some();
        match Frame::new(bytes.to_vec()).json() {
            Ok(json) => self.take(json.into_value()),
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                self.filtered(json!({"malformed": true, "text": text}), "", |conversation, _| {
                    let failure =
                        Failure::new(code::PARSE_ERROR, format!("Parse error: {error}")).with_status(400);
                    conversation.reject(Value::Null, None, &failure)
                })
            }
        }
    }

    /// Takes one message or batch.
    pub(super) fn take(&mut self, value: Value) -> Vec<Output> {
        match value {
            _ if self.server.is_deaf() => Vec::new(),
            Value::Array(batch) => self.batch(batch),
            Value::Object(_) => {
                let method = method_of(&value).to_owned();
                self.filtered(value, &method, Self::handle)
            }
            other => {
                self.reject(other, None, &Failure::invalid("A message must be an object").with_status(400))
            }
        }
    }

    /// Lets the faults see an incoming message first.
    fn filtered(
        &mut self,
        value: Value,
        method: &str,
        handle: impl Fn(&mut Self, Value) -> Vec<Output>,
    ) -> Vec<Output> {
        let id = value.get("id").cloned();
        let main = Emission::new(Payload::Json(value), Route::Reply);
        let context = Context { point: Point::Receive(method), request: None, revision: self.opened };
        let mut draft = self.server.rewrite(Draft::new(Some(main)), context);
        let seen = draft.main.take();
        let middle = match (draft.exit, draft.answer.take(), seen.map(|main| main.payload)) {
            (Some(code), ..) => vec![Output::Exit { code, delay: draft.delay }],
            (None, Some(answer), _) => vec![Output::Send(answered(answer, id))],
            (None, None, Some(Payload::Json(value))) if !self.server.is_deaf() => handle(self, value),
            _ => Vec::new(),
        };
        draft.around(middle)
    }

    fn handle(&mut self, value: Value) -> Vec<Output> {
        let Some(message) = Message::from_value(value.clone()) else { return Vec::new() };
        match (complaint(&message), message.class()) {
            (_, Class::Result | Class::Error) => self.answered(&value),
            (Some(failure), Class::Notification) if message.id().is_none() && message.method().is_some() => {
                // There is nobody to tell: a notification gets no reply.
                drop(failure);
                Vec::new()
            }
            (Some(failure), _) => self.reject(value, None, &failure.with_status(400)),
            (None, Class::Notification) => self.notified(&message),
            (None, _) => self.request(&value, &message),
        }
    }

    fn request(&mut self, value: &Value, message: &Message) -> Vec<Output> {
        match self.era(message) {
            Era::Handshake => self.handshake(value, message),
            Era::Stateless => self.stateless(value, message),
        }
    }

    /// Which era a request belongs to: its own metadata first, then how the client opened.
    fn era(&self, message: &Message) -> Era {
        let speaks = |era| !self.server.settings.spoken(era).is_empty();
        let modern = message.params().pointer("/_meta/io.modelcontextprotocol~1protocolVersion").is_some();
        let method = message.method().unwrap_or_default();
        match (speaks(Era::Handshake), speaks(Era::Stateless)) {
            (true, false) => Era::Handshake,
            (false, _) => Era::Stateless,
            (true, true) if modern => Era::Stateless,
            (true, true) if self.opened.is_some() || matches!(method, "initialize" | "ping") => {
                Era::Handshake
            }
            (true, true) => Era::Stateless,
        }
    }

    fn notified(&mut self, message: &Message) -> Vec<Output> {
        match (message.method(), message.params().get("requestId")) {
            (Some("notifications/cancelled"), Some(id)) => {
                let id = Id::from_value(id);
                self.listens.retain(|listen| listen.id != id);
                self.pending.retain(|pending| pending.id() != id);
                vec![Output::Cancel(Pending::key(&id)), Output::Cancel(id)]
            }
            (Some("notifications/tasks/status"), _) => self.told(&message.params()["taskId"]),
            _ => Vec::new(),
        }
    }

    fn batch(&mut self, batch: Vec<Value>) -> Vec<Output> {
        let allowed = self.opened.is_some_and(|revision| self.server.takes_batches(revision));
        if !allowed || batch.is_empty() {
            let failure =
                Failure::invalid(if allowed { "An empty batch" } else { "Batches are not supported" });
            return self.reject(Value::Array(batch), None, &failure.with_status(400));
        }
        let nested = Failure::invalid("A batch in a batch").with_status(400);
        let mut outputs = Vec::new();
        for value in batch {
            outputs.extend(match value.is_array() {
                true => self.reject(value, None, &nested),
                false => self.take(value),
            });
        }
        gather(outputs)
    }

    /// Refuses a message whose method was not looked at.
    pub(super) fn reject(
        &self,
        message: Value,
        revision: Option<Revision>,
        failure: &Failure,
    ) -> Vec<Output> {
        let id = message.get("id").filter(|id| Id::from_value(id).is_legal()).cloned();
        let mut reply = json!({"jsonrpc": "2.0"});
        let stateless = revision.is_some_and(Revision::is_stateless)
            || self.server.settings.spoken(Era::Handshake).is_empty();
        match id {
            Some(id) => reply["id"] = id,
            None if stateless => {}
            None => reply["id"] = Value::Null,
        }
        reply["error"] = failure.to_value();
        let method = method_of(&message).to_owned();
        let point = if method.is_empty() { Point::Other } else { Point::Reply(&method) };
        self.outgoing(
            reply,
            Context { point, request: Some(&message), revision: revision.or(self.opened) },
            |emission| {
                emission.is_reply = true;
                emission.delay = failure.delay;
                emission.http.status = failure.status;
            },
        )
    }

    /// The notifications and the reply of a request.
    pub(super) fn answer(
        &self,
        request: &Value,
        revision: Revision,
        result: Result<Outcome, Failure>,
    ) -> Vec<Output> {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) => return self.reject(request.clone(), Some(revision), &failure),
        };
        let id = request.get("id").map(Id::from_value);
        let mut outputs = Vec::new();
        for (delay, notification) in outcome.notifications {
            outputs.extend(self.notification(notification, Some(request), revision, |emission| {
                emission.delay = delay;
                emission.request.clone_from(&id);
            }));
        }
        let reply = json!({"jsonrpc": "2.0", "id": request["id"], "result": outcome.result});
        let context = Context {
            point: Point::Reply(method_of(request)),
            request: Some(request),
            revision: Some(revision),
        };
        outputs.extend(self.outgoing(reply, context, |emission| {
            emission.is_reply = true;
            emission.delay = outcome.delay;
            emission.request.clone_from(&id);
        }));
        for later in outcome.later {
            outputs.extend(self.notification(later.message, Some(request), revision, |emission| {
                emission.at = Some(later.at);
                emission.request = Some(later.key);
                emission.route = Route::Session;
            }));
        }
        outputs.extend(outcome.changes.into_iter().map(Output::Changed));
        outputs
    }

    /// A notification, as the faults leave it.
    pub(super) fn notification(
        &self,
        notification: Value,
        request: Option<&Value>,
        revision: Revision,
        adjust: impl FnOnce(&mut Emission),
    ) -> Vec<Output> {
        let method = method_of(&notification).to_owned();
        let context = Context { point: Point::Notification(&method), request, revision: Some(revision) };
        self.outgoing(notification, context, adjust)
    }

    /// What the client is asked, as the faults leave it.
    pub(super) fn questions(
        &self,
        asks: Vec<(String, Value)>,
        request: &Value,
        revision: Revision,
    ) -> Vec<(String, Value)> {
        let rewritten = |(key, ask): (String, Value)| {
            let method = method_of(&ask).to_owned();
            let context =
                Context { point: Point::Ask(&method), request: Some(request), revision: Some(revision) };
            let main = Emission::new(Payload::Json(ask), Route::Reply);
            match self.server.rewrite(Draft::new(Some(main)), context).main?.payload {
                Payload::Json(ask) => Some((key, ask)),
                Payload::Raw(_) => None,
            }
        };
        asks.into_iter().filter_map(rewritten).collect()
    }

    pub(super) fn outgoing(
        &self,
        message: Value,
        context: Context<'_>,
        adjust: impl FnOnce(&mut Emission),
    ) -> Vec<Output> {
        let mut emission = Emission::new(Payload::Json(message), Route::Reply);
        adjust(&mut emission);
        self.server.rewrite(Draft::new(Some(emission)), context).into_outputs()
    }

    /// Tells the subscribers of this conversation that something changed.
    pub(super) fn changed(&self, change: &Change) -> Vec<Output> {
        // What was to be told of a task is not true any more.
        let stale = match change {
            Change::Task(id) => Some(Output::Cancel(Task::key(id))),
            Change::Tools | Change::Resource(_) => None,
        };
        let legacy = self
            .opened
            .filter(|_| self.is_greeted)
            .map(|revision| self.changed_for_session(change, revision));
        let news = legacy.into_iter().flatten().chain(self.changed_for_listeners(change));
        stale.into_iter().chain(news).collect()
    }
}

/// The method of a message, or nothing.
pub(super) fn method_of(message: &Value) -> &str {
    message.get("method").and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong with the envelope of a message.
fn complaint(message: &Message) -> Option<Failure> {
    let version = message.get("jsonrpc").and_then(Value::as_str);
    let params = message.get("params");
    match message.class() {
        _ if version != Some("2.0") => Some(Failure::invalid("`jsonrpc` must be \"2.0\"")),
        Class::Invalid => Some(Failure::invalid("Neither request, notification nor response")),
        Class::Request if message.id().is_some_and(|id| !id.is_legal()) => {
            Some(Failure::invalid("`id` must be a string or an integer"))
        }
        Class::Request | Class::Notification if message.method().is_none() => {
            Some(Failure::invalid("`method` must be a string"))
        }
        Class::Request | Class::Notification if params.is_some_and(|params| !params.is_object()) => {
            Some(Failure::params("`params` must be an object"))
        }
        _ => None,
    }
}

fn answered(mut answer: Value, id: Option<Value>) -> Emission {
    if let Some(members) = answer.as_object_mut() {
        members.entry("jsonrpc").or_insert_with(|| "2.0".into());
        if let (Some(id), false) = (id, members.contains_key("id")) {
            members.insert("id".into(), id);
        }
    }
    let mut emission = Emission::new(Payload::Json(answer), Route::Reply);
    emission.is_reply = true;
    emission
}
