//! Responses that are event streams: while a request waits, asks, listens, or is told about on the way.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;
use tokio::time::{Instant, sleep_until};

use super::call::Call;
use super::hub::{Hub, Session};
use super::log;
use super::response::{self, Body, Events, apply, event};
use crate::protocol::{Id, Revision};
use crate::reference::options::Resume;
use crate::reference::output::Emission;

pub(super) fn waiting(session: &Session) -> Response<Body> {
    let (events, response) = response::stream();
    let _ = events.send(Bytes::from_static(b": waiting\n\n"));
    let task = tokio::spawn(async move { events.closed().await });
    session.remember(Id::Null, task.abort_handle());
    response
}

/// The stream on which the client is asked, and which the reply will end.
pub(super) fn asking(hub: &Hub, session: &Session, id: Id, emissions: &[Emission]) -> Response<Body> {
    let (events, response) = response::stream();
    let _ = events.send(Bytes::from_static(b": asking\n\n"));
    let mut call = match hub.server.settings.options.resume {
        None => Call::Direct(events),
        Some(how) => {
            let Begun { number, next, log } = begin(hub, session, how, events);
            Call::Logged { number, next, log }
        }
    };
    emissions.iter().for_each(|emission| call.tell(emission));
    session.open_call(id, call);
    response
}

pub(super) fn listening(hub: &Arc<Hub>, key: u64, emissions: &[Emission]) -> Response<Body> {
    let (events, mut response) = response::stream();
    for emission in emissions {
        let _ = events.send(event(emission, None));
        apply(&emission.http, &mut response);
    }
    hub.subscribe(key, events);
    response
}

pub(super) fn events(hub: &Hub, session: &Session, mut emissions: Vec<Emission>) -> Response<Body> {
    let (events, mut response) = response::stream();
    emissions.iter().for_each(|emission| apply(&emission.http, &mut response));
    emissions.sort_by_key(|emission| emission.delay);
    let request = emissions.iter().find_map(|emission| emission.request.clone());
    let revision = session.opened();
    let writing = match hub.server.settings.options.resume.filter(|_| revision.is_some()) {
        None => {
            tokio::spawn(async move { write(emissions, |emission| event(emission, None), &events).await })
        }
        Some(how) => logged(hub, session, how, emissions, events),
    };
    if let Some(id) = request {
        session.remember(id, writing.abort_handle());
    }
    response
}

async fn write(emissions: Vec<Emission>, shown: impl Fn(&Emission) -> Bytes, events: &Events) {
    let begun = Instant::now();
    for emission in emissions {
        sleep_until(begun + emission.delay).await;
        if events.send(shown(&emission)).is_err() {
            return;
        }
        if emission.hold {
            return events.closed().await;
        }
    }
}

/// Writes a stream that outlives its connection.
fn logged(
    hub: &Hub,
    session: &Session,
    how: Resume,
    emissions: Vec<Emission>,
    events: Events,
) -> tokio::task::JoinHandle<()> {
    let Begun { number, next, log } = begin(hub, session, how, events);
    tokio::spawn(async move {
        let begun = Instant::now();
        for (index, emission) in (next..).zip(emissions) {
            sleep_until(begun + emission.delay).await;
            log.add(event(&emission, Some(&log::event_id(number, index))));
        }
        log.end();
    })
}

/// A stream that outlives its connection, as it begins.
struct Begun {
    number: usize,
    /// The index of its next event.
    next: usize,
    log: log::Log,
}

fn begin(hub: &Hub, session: &Session, how: Resume, events: Events) -> Begun {
    let (number, log) = session.logs.begin();
    let primes = hub.server.settings.options.prime.unwrap_or(true)
        && session.opened().is_some_and(|revision| revision >= Revision::V2025_11_25);
    if primes {
        log.add(format!("id: {}\nretry: 10\ndata:\n\n", log::event_id(number, 0)).into());
    }
    // The connection of a stream that is to be polled ends after the first event.
    let most = if how == Resume::Poll { 1 } else { usize::MAX };
    let reader = log.clone();
    tokio::spawn(async move { reader.replay(0, most, &events).await });
    Begun { number, next: usize::from(primes), log }
}
