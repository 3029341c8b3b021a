//! The entrance: a request as faults and quirks see it, before anything is decided about it.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::documents::base;
use super::response;
use crate::protocol::Frame;
use crate::reference::output::{Emission, Payload, Route};
use crate::reference::rewrite::{Context, Draft, Point};
use crate::reference::server::Server;

/// Lets faults change the headers and the path of a request; returns it as it is now.
pub(super) fn enter(server: &Server, head: &mut Parts, bytes: &Bytes) -> Value {
    let arrived = shown(head, bytes);
    let context =
        Context { point: Point::Enter(head.method.as_str()), request: Some(&arrived), revision: None };
    let main = Emission::new(Payload::Json(arrived.clone()), Route::Reply);
    let draft = server.rewrite(Draft::new(Some(main)), context);
    for (name, value) in &draft.http.headers {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        match value.as_deref().map(HeaderValue::from_str) {
            Some(Ok(value)) => drop(head.headers.insert(name, value)),
            Some(Err(_)) => {}
            None => drop(head.headers.remove(name)),
        }
    }
    let mut entered = shown(head, bytes);
    if let Some(Payload::Json(changed)) = draft.main.map(|main| main.payload) {
        entered["path"] = changed["path"].clone();
    }
    entered
}

fn shown(head: &Parts, bytes: &Bytes) -> Value {
    json!({
        "headers": response::headers(&head.headers),
        "path": head.uri.path(),
        "query": head.uri.query().unwrap_or_default(),
        "base": base(&head.headers),
        "body": Frame::new(bytes.clone()).json().unwrap_or(Value::Null),
    })
}
