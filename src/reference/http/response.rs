//! HTTP responses: one JSON body, or a stream of events.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::reference::answer::Failure;
use crate::reference::output::{Emission, HttpEdit};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// The writing end of an event stream.
pub(super) type Events = mpsc::UnboundedSender<Bytes>;

/// A response without a body.
pub(super) fn empty(status: u16) -> Response<Body> {
    body(status, None, Bytes::new())
}

/// A response with one body.
pub(super) fn body(
    status: u16,
    content_type: Option<&'static str>,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(kind) = content_type {
        response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    }
    response
}

/// A refusal with a JSON-RPC error as its body; `id` is left out where none is known.
pub(super) fn refusal(status: u16, id: Option<&Value>, failure: &Failure) -> Response<Body> {
    let mut message = json!({"jsonrpc": "2.0"});
    if let Some(id) = id {
        message["id"] = id.clone();
    }
    message["error"] = failure.to_value();
    body(status, Some("application/json"), message.to_string())
}

/// A stream of events, with its writing end.
pub(super) fn stream() -> (Events, Response<Body>) {
    let (events, receiver) = mpsc::unbounded_channel::<Bytes>();
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), receiver))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    (events, response)
}

/// A message as one event, under an id if the stream has ids.
pub(super) fn event(emission: &Emission, id: Option<&str>) -> Bytes {
    let edit = &emission.event;
    if let Some(raw) = &edit.raw {
        return raw.clone().into();
    }
    let mut event = format!("event: {}\n", edit.name.as_deref().unwrap_or("message")).into_bytes();
    for (name, value) in [("id", edit.id.as_deref().or(id)), ("retry", edit.retry.as_deref())] {
        if let Some(value) = value {
            event.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
    }
    for line in emission.bytes().split(|byte| *byte == b'\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

/// Changes status and headers as a fault wants.
pub(super) fn apply(edit: &HttpEdit, response: &mut Response<Body>) {
    if let Some(status) = edit.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        *response.status_mut() = status;
    }
    for (name, value) in &edit.headers {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        match value.as_deref().map(HeaderValue::from_str) {
            Some(Ok(value)) => drop(response.headers_mut().insert(name, value)),
            Some(Err(_)) => {}
            None => drop(response.headers_mut().remove(name)),
        }
    }
}

/// Changes headers as a fault changed the object that showed them.
pub(super) fn change(before: &Value, after: &Value, headers: &mut hyper::HeaderMap) {
    for name in before.as_object().into_iter().flatten().map(|(name, _)| name) {
        if after.get(name).is_none() {
            headers.remove(name.as_str());
        }
    }
    for (name, value) in after.as_object().into_iter().flatten() {
        let parsed = (name.parse::<HeaderName>(), value.as_str().map(HeaderValue::from_str));
        if let (true, (Ok(name), Some(Ok(value)))) = (before.get(name) != Some(value), parsed) {
            headers.insert(name, value);
        }
    }
}

/// Headers as an object, for patterns; repeated ones are joined.
pub(super) fn headers(headers: &hyper::HeaderMap) -> Value {
    let joined = |name| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        Value::String(values.collect::<Vec<_>>().join(", "))
    };
    let members = headers.keys().map(|name| (name.as_str().to_owned(), joined(name)));
    Value::Object(members.collect::<Map<_, _>>())
}
