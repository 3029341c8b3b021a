//! Event streams that outlive their connection, so that a client can take them up again.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::response::Events;

/// The streams of one session, by number.
#[derive(Debug, Default)]
pub(super) struct Logs(Mutex<Vec<Log>>);

/// The events of one stream so far.
#[derive(Debug, Clone)]
pub(super) struct Log(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    events: Vec<Bytes>,
    is_over: bool,
}

impl Logs {
    /// Begins a stream; returns it with its number.
    pub(super) fn begin(&self) -> (usize, Log) {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let log = Log(watch::Sender::new(State::default()));
        logs.push(log.clone());
        (logs.len() - 1, log)
    }

    /// The streams from this one on.
    pub(super) fn from(&self, number: usize) -> Vec<Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(number).cloned().collect()
    }
}

impl Log {
    /// Adds an event.
    pub(super) fn add(&self, event: Bytes) {
        self.0.send_modify(|state| state.events.push(event));
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        self.0.send_modify(|state| state.is_over = true);
    }

    /// Passes on the events from a position on, until the stream is over or `most` were passed on.
    pub(super) async fn replay(self, from: usize, most: usize, to: &Events) {
        let mut changes = self.0.subscribe();
        let mut next = from;
        while next < from.saturating_add(most) {
            let ready = changes.wait_for(|state| state.events.len() > next || state.is_over).await;
            let event = ready.ok().and_then(|state| state.events.get(next).cloned());
            match event.map(|event| to.send(event)) {
                Some(Ok(())) => next += 1,
                Some(Err(_)) | None => return,
            }
        }
    }
}

/// The id of an event.
pub(super) fn event_id(stream: usize, index: usize) -> String {
    format!("{stream}-{index}")
}

/// The stream and the index that an id stands for.
pub(super) fn place(id: &str) -> Option<(usize, usize)> {
    let (stream, index) = id.split_once('-')?;
    Some((stream.parse().ok()?, index.parse().ok()?))
}
