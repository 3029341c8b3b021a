//! HTTP+SSE, the transport of 2024-11-05: a stream at `/sse`, and an address for messages that it names.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, Response};

use super::farewell;
use super::hub::{Hub, Session, User};
use super::response::{self, Body, body, empty, event};
use crate::reference::conversation::Conversation;
use crate::reference::output::{Emission, Output, Payload, Route};
use crate::reference::rewrite::{Context, Draft, Point};

pub(super) const STREAM: &str = "/sse";
pub(super) const MESSAGES: &str = "/messages";

/// Answers a request to one of the two addresses.
pub(super) fn answer(hub: &Arc<Hub>, head: &Parts, bytes: &Bytes, user: User) -> Response<Body> {
    match (&head.method, head.uri.path()) {
        (&Method::GET, STREAM) => open(hub),
        (&Method::POST, MESSAGES) => post(hub, head.uri.query().unwrap_or_default(), bytes, user),
        _ => empty(405),
    }
}

/// Opens a stream; its first event names the address for messages.
fn open(hub: &Arc<Hub>) -> Response<Body> {
    if hub.is_left() {
        return empty(409);
    }
    let (events, response) = response::stream();
    let session = Session::new(Conversation::new(hub.server.clone()));
    session.add_stream(events.clone());
    let id = hub.keep(session.clone());
    let address = format!("{MESSAGES}?session={id}");
    if hub.server.settings.options.farewell == Some(true) {
        tokio::spawn(farewell::mind(hub.clone(), id, session, events.clone()));
    }
    let mut first = Emission::new(Payload::Raw(address.into_bytes()), Route::Session);
    first.event.name = Some("endpoint".to_owned());
    let context = Context { point: Point::Notification("endpoint"), request: None, revision: None };
    for output in hub.server.rewrite(Draft::new(Some(first)), context).into_outputs() {
        if let Output::Send(emission) = output {
            let _ = events.send(event(&emission, None));
        }
    }
    response
}

/// Takes a message; whatever comes of it goes out on the stream.
fn post(hub: &Arc<Hub>, query: &str, bytes: &Bytes, user: User) -> Response<Body> {
    let id = query.strip_prefix("session=").unwrap_or_default();
    let Some(session) = hub.session(id) else { return empty(404) };
    let outputs = session.hear(user, bytes);
    let mut emissions = hub.perform(&session, outputs).emissions;
    emissions.iter_mut().for_each(|emission| emission.route = Route::Session);
    hub.publish_later(&session, emissions);
    body(202, Some("text/plain"), "Accepted")
}
