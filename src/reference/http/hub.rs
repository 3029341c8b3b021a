//! What all HTTP connections share: sessions, subscriptions, the end.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use super::call::Call;
use super::guard::Guard;
use super::issuer::Issuer;
use super::log::Logs;
use super::response::{Events, event};
use crate::protocol::{Id, Revision};
use crate::reference::conversation::Conversation;
use crate::reference::output::{Emission, Output, Route};
use crate::reference::server::{Change, Server};

/// All state of one HTTP server.
pub(super) struct Hub {
    pub server: Arc<Server>,
    pub guard: Guard,
    pub issuer: Issuer,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    /// Sessions that a client left without a word, which only a fault notes.
    left: Mutex<HashSet<String>>,
    /// Serves every request of the stateless era.
    pub stateless: Arc<Session>,
    subscriptions: Mutex<HashMap<u64, Events>>,
    next: AtomicU64,
    end: watch::Sender<Option<i32>>,
}

/// Who sends a request, on a protected server.
pub(super) type User = Option<&'static str>;

/// One session of the handshake era, or the whole stateless era.
pub(super) struct Session {
    conversation: Mutex<Conversation>,
    /// The GET streams; a message goes to one of them.
    streams: Mutex<Vec<Events>>,
    /// Tasks that will answer later, by request.
    later: Mutex<Vec<(Id, AbortHandle)>>,
    /// The event streams that can be taken up again.
    pub logs: Logs,
    /// The response streams of calls that wait for the client.
    calls: Mutex<HashMap<Id, Call>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    pub(super) fn new(conversation: Conversation) -> Arc<Self> {
        Arc::new(Self {
            conversation: Mutex::new(conversation),
            streams: Mutex::default(),
            later: Mutex::default(),
            logs: Logs::default(),
            calls: Mutex::default(),
        })
    }

    pub(super) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        lock(&self.conversation)
    }

    /// Takes what a user sent.
    pub(super) fn hear(&self, user: User, bytes: &[u8]) -> Vec<Output> {
        let mut conversation = self.conversation();
        conversation.owner.user = user;
        conversation.receive(bytes)
    }

    pub(super) fn opened(&self) -> Option<Revision> {
        self.conversation().opened
    }

    pub(super) fn add_stream(&self, events: Events) {
        lock(&self.streams).push(events);
    }

    /// Remembers a task that answers a request later.
    pub(super) fn remember(&self, id: Id, task: AbortHandle) {
        let mut later = lock(&self.later);
        later.retain(|(_, task)| !task.is_finished());
        later.push((id, task));
    }

    /// Keeps the response stream of a call open.
    pub(super) fn open_call(&self, id: Id, call: Call) {
        lock(&self.calls).insert(id, call);
    }

    /// Sends something on the stream of a call, which its reply ends. In HTTP+SSE, calls have no streams of their own.
    fn tell_call(&self, id: &Id, emission: &Emission) {
        let mut calls = lock(&self.calls);
        let Some(call) = calls.get_mut(id) else { return self.tell(emission) };
        call.tell(emission);
        if emission.is_reply {
            calls.remove(id);
        }
    }

    /// Whether a request still waits for its answer.
    pub(super) fn is_busy(&self) -> bool {
        lock(&self.later).iter().any(|(_, task)| !task.is_finished())
    }

    fn cancel(&self, id: &Id) {
        lock(&self.calls).remove(id);
        let later = lock(&self.later);
        later.iter().filter(|(known, _)| known == id).for_each(|(_, task)| task.abort());
    }

    fn tell(&self, emission: &Emission) {
        let mut streams = lock(&self.streams);
        streams.retain(|stream| !stream.is_closed());
        if let Some(stream) = streams.first() {
            // A client that is gone hears nothing.
            let _ = stream.send(event(emission, None));
        }
    }

    /// Tells it on every stream, which only faults do.
    fn tell_all(&self, emission: &Emission) {
        for stream in lock(&self.streams).iter() {
            let _ = stream.send(event(emission, None));
        }
    }
}

impl Hub {
    pub(super) fn new(server: Arc<Server>) -> Arc<Self> {
        let stateless = Session::new(Conversation::new(server.clone()));
        Arc::new(Self {
            server,
            guard: Guard::default(),
            issuer: Issuer::default(),
            sessions: Mutex::default(),
            left: Mutex::default(),
            stateless,
            subscriptions: Mutex::default(),
            next: AtomicU64::new(1),
            end: watch::Sender::new(None),
        })
    }

    /// Waits until a fault ends the server.
    pub(super) async fn ended(&self) -> i32 {
        let mut end = self.end.subscribe();
        match end.wait_for(Option::is_some).await {
            Ok(code) => code.unwrap_or(0),
            Err(_) => 0,
        }
    }

    pub(super) fn session(&self, id: &str) -> Option<Arc<Session>> {
        lock(&self.sessions).get(id).cloned()
    }

    /// Keeps an opened session under a new id.
    pub(super) fn keep(&self, session: Arc<Session>) -> String {
        // The keys of `RandomState` come from the system.
        let random = || RandomState::new().hash_one(self.next.fetch_add(1, Ordering::Relaxed));
        let id = match self.server.settings.options.numbered_sessions {
            Some(true) => format!("session-{}", self.next.fetch_add(1, Ordering::Relaxed)),
            _ => format!("{:016x}{:016x}", random(), random()),
        };
        lock(&self.sessions).insert(id.clone(), session);
        id
    }

    pub(super) fn note_left(&self, id: String) {
        lock(&self.left).insert(id);
    }

    /// Whether a session was left without a word.
    pub(super) fn is_left(&self) -> bool {
        !lock(&self.left).is_empty()
    }

    pub(super) fn forget(&self, id: &str) -> bool {
        lock(&self.left).remove(id);
        lock(&self.sessions).remove(id).is_some()
    }

    /// Connects a subscription with the response stream that carries it.
    pub(super) fn subscribe(self: &Arc<Self>, key: u64, events: Events) {
        lock(&self.subscriptions).insert(key, events.clone());
        let hub = self.clone();
        tokio::spawn(async move {
            events.closed().await;
            lock(&hub.subscriptions).remove(&key);
            hub.stateless.conversation().listens.retain(|listen| listen.key != key);
        });
    }

    /// Performs what does not belong to the response and returns what does.
    pub(super) fn perform(self: &Arc<Self>, session: &Arc<Session>, outputs: Vec<Output>) -> Reply {
        let mut reply = Reply::default();
        let mut later = Vec::new();
        for output in outputs {
            match output {
                Output::Send(emission) => match &emission.route {
                    Route::Reply => reply.emissions.push(emission),
                    // The response to this request is the stream of the call.
                    Route::Call(_) if reply.open.is_some() && !emission.is_later() => {
                        reply.emissions.push(emission)
                    }
                    _ if emission.is_later() => later.push(emission),
                    _ => self.publish(session, &emission),
                },
                Output::Cancel(id) => session.cancel(&id),
                Output::Changed(change) => self.broadcast(&change),
                Output::Listen(key) => reply.listen = Some(key),
                Output::Open(id) => reply.open = Some(id),
                Output::Exit { code, .. } => {
                    self.end.send_replace(Some(code));
                    reply.is_dropped = true;
                }
            }
        }
        if !later.is_empty() {
            self.publish_later(session, later);
        }
        reply
    }

    fn sessions(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).values().cloned().collect()
    }

    /// Sends what belongs to another stream than the response.
    fn publish(&self, session: &Session, emission: &Emission) {
        match &emission.route {
            Route::Reply => {}
            Route::Session => session.tell(emission),
            Route::Call(id) => session.tell_call(id, emission),
            Route::Subscription(key) => {
                if let Some(events) = lock(&self.subscriptions).get(key) {
                    let _ = events.send(event(emission, None));
                }
            }
            Route::Streams => session.tell_all(emission),
            Route::Sessions => self.sessions().iter().for_each(|session| session.tell(emission)),
            Route::Subscriptions => {
                for events in lock(&self.subscriptions).values() {
                    let _ = events.send(event(emission, None));
                }
            }
        }
    }

    /// The same at its time: all of it belongs to one thing, and is taken back with it.
    pub(super) fn publish_later(self: &Arc<Self>, session: &Arc<Session>, mut emissions: Vec<Emission>) {
        let (hub, own) = (self.clone(), session.clone());
        let mut due: Vec<_> =
            emissions.iter_mut().map(|emission| (emission.schedule(), emission.clone())).collect();
        due.sort_by_key(|(due, _)| *due);
        let request = emissions.iter().find_map(|emission| emission.request.clone());
        let task = tokio::spawn(async move {
            for (due, emission) in due {
                sleep_until(due).await;
                hub.publish(&own, &emission);
            }
        });
        if let Some(request) = request {
            session.remember(request, task.abort_handle());
        }
    }

    fn broadcast(self: &Arc<Self>, change: &Change) {
        for session in self.sessions().iter().chain([&self.stateless]) {
            let mut conversation = session.conversation();
            conversation.look_at_clock();
            let outputs = conversation.changed(change);
            drop(conversation);
            self.perform(session, outputs);
        }
    }
}

/// What goes into the HTTP response.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub emissions: Vec<Emission>,
    /// The subscription whose stream the response is.
    pub listen: Option<u64>,
    /// The call whose response stays open.
    pub open: Option<Id>,
    /// The connection is cut instead.
    pub is_dropped: bool,
}
