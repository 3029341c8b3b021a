//! What all HTTP connections share: sessions, subscriptions, the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::response::{Events, event};
use crate::protocol::{Id, Revision};
use crate::reference::conversation::Conversation;
use crate::reference::output::{Emission, Output, Route};
use crate::reference::server::{Change, Server};

/// All state of one HTTP server.
pub(super) struct Hub {
    pub server: Arc<Server>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    /// Serves every request of the stateless era.
    pub stateless: Arc<Session>,
    subscriptions: Mutex<HashMap<u64, Events>>,
    next: AtomicU64,
    end: watch::Sender<Option<i32>>,
}

/// One session of the handshake era, or the whole stateless era.
pub(super) struct Session {
    conversation: Mutex<Conversation>,
    /// The GET streams; a message goes to one of them.
    streams: Mutex<Vec<Events>>,
    /// Tasks that will answer later, by request.
    later: Mutex<Vec<(Id, AbortHandle)>>,
    /// The response streams of calls that wait for the client.
    calls: Mutex<HashMap<Id, Events>>,
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
            calls: Mutex::default(),
        })
    }

    pub(super) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        lock(&self.conversation)
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
    pub(super) fn open_call(&self, id: Id, events: Events) {
        lock(&self.calls).insert(id, events);
    }

    /// Sends something on the stream of a call, which its reply ends; false if there is no such stream.
    fn tell_call(&self, id: &Id, emission: &Emission) -> bool {
        let mut calls = lock(&self.calls);
        let Some(events) = calls.get(id) else { return false };
        let _ = events.send(event(emission));
        if emission.is_reply {
            calls.remove(id);
        }
        true
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
            let _ = stream.send(event(emission));
        }
    }
}

impl Hub {
    pub(super) fn new(server: Arc<Server>) -> Arc<Self> {
        let stateless = Session::new(Conversation::new(server.clone()));
        Arc::new(Self {
            server,
            sessions: Mutex::default(),
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
        let id = format!("session-{:08x}-{}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed));
        lock(&self.sessions).insert(id.clone(), session);
        id
    }

    pub(super) fn forget(&self, id: &str) -> bool {
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
    pub(super) fn perform(&self, session: &Session, outputs: Vec<Output>) -> Reply {
        let mut reply = Reply::default();
        for output in outputs {
            match output {
                Output::Send(emission) => match &emission.route {
                    Route::Reply => reply.emissions.push(emission),
                    Route::Session => session.tell(&emission),
                    Route::Subscription(key) => self.publish(*key, &emission),
                    Route::Call(id) if session.tell_call(id, &emission) => {}
                    Route::Call(_) => reply.emissions.push(emission),
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
        reply
    }

    fn publish(&self, key: u64, emission: &Emission) {
        if let Some(events) = lock(&self.subscriptions).get(&key) {
            let _ = events.send(event(emission));
        }
    }

    fn broadcast(&self, change: &Change) {
        let sessions: Vec<_> = lock(&self.sessions).values().cloned().collect();
        for session in sessions.iter().chain([&self.stateless]) {
            let outputs = session.conversation().changed(change);
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
