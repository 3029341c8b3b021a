//! One HTTP request and its response.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::check::{self, header};
use super::entrance::enter;
use super::farewell::Watch;
use super::hub::{Hub, Reply, Session, User};
use super::response::{self, Body, apply, body, empty, refusal};
use super::streams::{asking, events, listening, waiting};
use super::{legacy, log};
use crate::protocol::{Era, Frame, Json, Revision};
use crate::reference::answer::Failure;
use crate::reference::conversation::Conversation;
use crate::reference::options::{Resume, Sse};
use crate::reference::output::{Emission, Payload, Route};
use crate::reference::rewrite::{Context, Draft, Point};

pub(super) const SESSION: &str = "mcp-session-id";

/// The connection is cut without a response.
#[derive(Debug, thiserror::Error)]
#[error("cut by a fault")]
pub(super) struct Cut;

/// Answers one request; faults may change the answer.
pub(super) async fn answer(
    hub: Arc<Hub>,
    request: Request<Incoming>,
    raw_head: Option<String>,
) -> Result<Response<Body>, Cut> {
    let (mut head, incoming) = request.into_parts();
    let bytes = incoming.collect().await.map_err(|_| Cut)?.to_bytes();
    let (sent, bytes) = enter(&hub.server, &mut head, raw_head, bytes).ok_or(Cut)?;
    let response = match beside(&hub, &head, &sent).await {
        Some(response) => response,
        None => guarded(&hub, &head, &sent, &bytes)?,
    };
    let watch = Watch::new(&hub, &head.headers);
    let response = rewritten(&hub, head.method.as_str(), &sent, response).await;
    watch.answered();
    response
}

/// The answer of the authorization server, where there is one and the request is for it.
async fn beside(hub: &Hub, head: &Parts, sent: &Value) -> Option<Response<Body>> {
    match hub.server.settings.options.authorization {
        Some(true) => hub.issuer.answer(&hub.server, &head.method, sent).await,
        _ => None,
    }
}

fn guarded(hub: &Arc<Hub>, head: &Parts, sent: &Value, bytes: &Bytes) -> Result<Response<Body>, Cut> {
    Ok(match hub.guard.check(&hub.server, head, sent) {
        Err(refused) => *refused,
        Ok(token) => {
            let response = admitted(hub, head, bytes, token.map(|token| token.subject))?;
            hub.guard.remember(token, &response);
            response
        }
    })
}

/// The answer to a request that may pass.
fn admitted(hub: &Arc<Hub>, head: &Parts, bytes: &Bytes, user: User) -> Result<Response<Body>, Cut> {
    let has_legacy = hub.server.settings.speaks(Revision::V2024_11_05);
    Ok(match (head.uri.path(), check::is_allowed_origin(&head.headers)) {
        ("/mcp", true) => route(hub, head, bytes, user)?,
        (legacy::STREAM | legacy::MESSAGES, true) if has_legacy => legacy::answer(hub, head, bytes, user),
        ("/mcp" | legacy::STREAM | legacy::MESSAGES, false) => {
            refusal(403, None, &Failure::invalid("This origin is not allowed"))
        }
        _ => empty(404),
    })
}

fn route(hub: &Arc<Hub>, head: &Parts, bytes: &Bytes, user: User) -> Result<Response<Body>, Cut> {
    let headers = &head.headers;
    let has_sessions = has_sessions(hub);
    let is_modern = header(headers, check::VERSION).is_some_and(|version| version >= "2026");
    match head.method {
        Method::POST => post(hub, headers, bytes, user),
        Method::GET if has_sessions && !is_modern => Ok(get(hub, headers)),
        Method::DELETE if has_sessions && !is_modern => Ok(delete(hub, headers)),
        _ => {
            let mut response = empty(405);
            apply(&allow(if has_sessions { "GET, POST, DELETE" } else { "POST" }), &mut response);
            Ok(response)
        }
    }
}

fn allow(methods: &str) -> crate::reference::output::HttpEdit {
    crate::reference::output::HttpEdit { status: None, headers: vec![("allow".into(), Some(methods.into()))] }
}

fn post(hub: &Arc<Hub>, headers: &HeaderMap, bytes: &Bytes, user: User) -> Result<Response<Body>, Cut> {
    let accepts = |kind| check::lists(headers, "accept", kind);
    if !check::lists(headers, "content-type", "application/json") {
        return Ok(refusal(415, None, &Failure::invalid("`Content-Type` must be application/json")));
    }
    if !accepts("application/json") || !accepts("text/event-stream") {
        return Ok(refusal(
            406,
            None,
            &Failure::invalid("`Accept` must list application/json and text/event-stream"),
        ));
    }
    let message = Frame::new(bytes.clone()).json().map(Json::into_value).unwrap_or_default();
    let speaks = |era| !hub.server.settings.spoken(era).is_empty();
    let is_stateless = match (speaks(Era::Handshake), speaks(Era::Stateless)) {
        (handshake, true) => !handshake || check::is_stateless(headers, &message),
        (_, false) => false,
    };
    match is_stateless {
        true => stateless(hub, headers, bytes, &message, user),
        false => handshake(hub, headers, bytes, &message, user),
    }
}

fn stateless(
    hub: &Arc<Hub>,
    headers: &HeaderMap,
    bytes: &Bytes,
    message: &Value,
    user: User,
) -> Result<Response<Body>, Cut> {
    let is_request = message.get("id").is_some() && message.get("method").is_some_and(Value::is_string);
    // What comes of an older client is refused with the versions that are spoken.
    let is_modern = message["method"] != "initialize";
    if let (true, Some(failure)) = (is_request && is_modern, check::mismatch(headers, message)) {
        return Ok(refusal(400, message.get("id"), &failure));
    }
    let outputs = hub.stateless.hear(user, bytes);
    let reply = hub.perform(&hub.stateless, outputs);
    respond(hub, &hub.stateless, reply, is_request)
}

fn handshake(
    hub: &Arc<Hub>,
    headers: &HeaderMap,
    bytes: &Bytes,
    message: &Value,
    user: User,
) -> Result<Response<Body>, Cut> {
    let revision = match header(headers, check::VERSION).map(str::parse::<Revision>) {
        None => None,
        Some(Ok(revision)) if hub.server.settings.speaks(revision) => Some(revision),
        Some(_) => return Ok(refusal(400, None, &Failure::invalid("Unsupported MCP-Protocol-Version"))),
    };
    let is_opening = message.get("method").and_then(Value::as_str) == Some("initialize");
    let with_sessions = has_sessions(hub);
    let id = header(headers, SESSION).filter(|_| with_sessions);
    if is_opening && hub.is_left() {
        return Ok(refusal(400, message.get("id"), &Failure::invalid("A session was not ended")));
    }
    let session = match id.map(|id| hub.session(id)) {
        Some(Some(session)) => session,
        Some(None) => return Ok(refusal(404, None, &Failure::invalid("No such session"))),
        None if is_opening || message.is_null() => Session::new(Conversation::new(hub.server.clone())),
        None if with_sessions => {
            return Ok(refusal(400, None, &Failure::invalid("`Mcp-Session-Id` is missing")));
        }
        None => {
            let revision = revision.unwrap_or(Revision::V2025_03_26);
            Session::new(Conversation::opened(hub.server.clone(), revision))
        }
    };
    let outputs = session.hear(user, bytes);
    let reply = hub.perform(&session, outputs);
    let is_request = is_asking(message);
    let mut response = respond(hub, &session, reply, is_request)?;
    let is_new = is_opening && with_sessions && id.is_none();
    if is_new && session.opened().is_some() {
        let id = hub.keep(session);
        response.headers_mut().insert(SESSION, id.parse().map_err(|_| Cut)?);
    }
    Ok(response)
}

/// Whether sessions of the handshake era have an id.
fn has_sessions(hub: &Hub) -> bool {
    hub.server.settings.options.sessions.unwrap_or(true)
        && !hub.server.settings.spoken(Era::Handshake).is_empty()
}

/// Whether a message or some message of a batch wants a reply.
fn is_asking(message: &Value) -> bool {
    match message {
        Value::Array(batch) => batch.iter().any(is_asking),
        single => single.get("method").is_some() && single.get("id").is_some(),
    }
}

fn get(hub: &Hub, headers: &HeaderMap) -> Response<Body> {
    if !check::lists(headers, "accept", "text/event-stream") {
        return refusal(406, None, &Failure::invalid("`Accept` must list text/event-stream"));
    }
    match header(headers, SESSION).map(|id| hub.session(id)) {
        None => refusal(400, None, &Failure::invalid("`Mcp-Session-Id` is missing")),
        Some(None) => refusal(404, None, &Failure::invalid("No such session")),
        Some(Some(session)) => match header(headers, "last-event-id") {
            Some(last) if hub.server.settings.options.resume.is_some() => resumed(hub, &session, last),
            _ => {
                let (events, response) = response::stream();
                // Makes the head of the response go out at once.
                let _ = events.send(Bytes::from_static(b": open\n\n"));
                session.add_stream(events);
                response
            }
        },
    }
}

/// The rest of a stream that broke off.
fn resumed(hub: &Hub, session: &Session, last: &str) -> Response<Body> {
    let how = hub.server.settings.options.resume;
    let Some((stream, index)) = log::place(last).filter(|_| how != Some(Resume::Refuse)) else {
        return match how {
            Some(Resume::Refuse) => empty(405),
            _ => refusal(400, None, &Failure::invalid("Unknown event id")),
        };
    };
    let (events, response) = response::stream();
    let _ = events.send(Bytes::from_static(b": resumed\n\n"));
    let mut streams = session.logs.from(stream);
    let from = if how == Some(Resume::Whole) { 0 } else { index + 1 };
    if how != Some(Resume::Session) {
        streams.truncate(1);
    }
    tokio::spawn(async move {
        for (number, stream) in streams.into_iter().enumerate() {
            stream.replay(if number == 0 { from } else { 0 }, usize::MAX, &events).await;
        }
    });
    response
}

fn delete(hub: &Hub, headers: &HeaderMap) -> Response<Body> {
    match header(headers, SESSION) {
        None => refusal(400, None, &Failure::invalid("`Mcp-Session-Id` is missing")),
        Some(id) if hub.forget(id) => empty(204),
        Some(_) => refusal(404, None, &Failure::invalid("No such session")),
    }
}

/// Turns what is to be sent into a response: nothing, one JSON body, or events.
fn respond(hub: &Arc<Hub>, session: &Session, reply: Reply, is_request: bool) -> Result<Response<Body>, Cut> {
    if reply.is_dropped {
        return Err(Cut);
    }
    let Reply { emissions, listen, open, .. } = reply;
    if let Some(key) = listen {
        return Ok(listening(hub, key, &emissions));
    }
    if let Some(id) = open {
        return Ok(asking(hub, session, id, &emissions));
    }
    match emissions.as_slice() {
        // A request that stays unanswered keeps its client waiting, as it would on any transport.
        [] if is_request => Ok(waiting(session)),
        [] => Ok(empty(202)),
        [only] if wants_json(hub, only, is_request) => Ok(single(only, is_request)),
        _ => Ok(events(hub, session, emissions)),
    }
}

fn wants_json(hub: &Hub, only: &Emission, is_request: bool) -> bool {
    let is_error = only.http.status.is_some();
    match hub.server.settings.options.sse.unwrap_or_default() {
        _ if is_error => true,
        _ if !only.is_reply => !is_request,
        Sse::Always => false,
        Sse::Never | Sse::Auto => only.delay.is_zero(),
    }
}

fn single(emission: &Emission, is_request: bool) -> Response<Body> {
    let status = if is_request || emission.is_reply { 200 } else { 202 };
    let mut response = body(status, Some("application/json"), emission.bytes());
    apply(&emission.http, &mut response);
    response
}

/// Lets faults work on the response.
async fn rewritten(
    hub: &Hub,
    method: &str,
    sent: &Value,
    response: Response<Body>,
) -> Result<Response<Body>, Cut> {
    let shown =
        json!({"status": response.status().as_u16(), "headers": response::headers(response.headers())});
    let main = Emission::new(Payload::Json(shown), Route::Reply);
    let context = Context { point: Point::Http(method), request: Some(sent), revision: None };
    let draft = hub.server.rewrite(Draft::new(Some(main)), context);
    if draft.main.is_none() {
        return Err(Cut);
    }
    sleep(draft.delay).await;
    let mut response = match draft.body {
        None => response,
        Some(new) => {
            let (head, _) = response.into_parts();
            let mut replaced = body(200, None, new.bytes());
            *replaced.status_mut() = head.status;
            *replaced.headers_mut() = head.headers;
            replaced
        }
    };
    apply(&draft.http, &mut response);
    Ok(response)
}
