//! The entrance: a request as faults and quirks see it, before anything is decided about it.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::check::lists;
use super::documents::base;
use super::response;
use crate::protocol::{Frame, Json};
use crate::reference::output::{Emission, Payload, Route};
use crate::reference::rewrite::{Context, Draft, Point};
use crate::reference::server::Server;

/// Lets faults change the headers, the path and the body of a request; returns how it is seen now, with its body, or
/// nothing if it was dropped. The first request of a connection is shown as it was written, too.
pub(super) fn enter(
    server: &Server,
    head: &mut Parts,
    raw_head: Option<String>,
    bytes: Bytes,
) -> Option<(Value, Bytes)> {
    let arrived = json!({
        "headers": response::headers(&head.headers),
        "path": head.uri.path(),
        "query": head.uri.query().unwrap_or_default(),
        "base": base(&head.headers),
        "form": form(&head.headers, &bytes),
        "body": Frame::new(bytes.clone()).json().map(Json::into_value).unwrap_or_default(),
        "head": raw_head,
    });
    let main = Emission::new(Payload::Json(arrived.clone()), Route::Reply);
    let context = Context { point: Point::Arrive(head.method.as_str()), request: None, revision: None };
    let draft = server.rewrite(Draft::new(Some(main)), context);
    let Some(Payload::Json(seen)) = draft.main.map(|main| main.payload) else { return None };
    response::change(&arrived["headers"], &seen["headers"], &mut head.headers);
    let bytes = if seen["body"] == arrived["body"] { bytes } else { seen["body"].to_string().into() };
    Some((seen, bytes))
}

/// The fields of a form; null where none was sent.
fn form(headers: &HeaderMap, bytes: &[u8]) -> Value {
    match lists(headers, "content-type", "application/x-www-form-urlencoded") {
        true => url::form_urlencoded::parse(bytes)
            .into_owned()
            .map(|(name, value)| (name, Value::String(value)))
            .collect(),
        false => Value::Null,
    }
}
