//! Putting messages on the wire, and into the transcript.

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use super::transcript::What;
use super::{HttpCall, Session};
use crate::protocol::{Frame, Id, Json};
use crate::transport::{HttpRequest, Wire};

impl Session {
    /// Sends a message; over HTTP it is an exchange of its own, whose number is returned.
    pub(super) fn post(&mut self, message: &Value, deliberate: bool) -> Option<u32> {
        let frame = Frame::from_value(message);
        // Whether there is room shows when something comes.
        let _ = self.transcript.hold(frame.weight());
        if self.is_http() {
            let headers = self.headers_for(Some(message));
            return self.start("POST", headers, frame, Some(message.clone().into()), deliberate);
        }
        if let Wire::Lines(lines) = &self.wire {
            let mut bytes = frame.bytes().to_vec();
            bytes.push(b'\n');
            lines.write(bytes.into());
        }
        self.transcript.add(What::Sent {
            frame,
            json: Some(message.clone().into()),
            deliberate,
            exchange: None,
        });
        None
    }

    pub(super) fn post_all(&mut self, composed: &[(Id, Value)], deliberate: bool) -> Vec<Option<u32>> {
        if self.is_http() {
            return composed.iter().map(|(_, message)| self.post(message, deliberate)).collect();
        }
        let mut bytes = Vec::new();
        for (_, message) in composed {
            let frame = Frame::from_value(message);
            bytes.extend_from_slice(frame.bytes());
            bytes.push(b'\n');
            self.transcript.add(What::Sent {
                frame,
                json: Some(message.clone().into()),
                deliberate,
                exchange: None,
            });
        }
        if let Wire::Lines(lines) = &self.wire {
            lines.write(bytes.into());
        }
        vec![None; composed.len()]
    }

    pub(super) fn post_bytes(&mut self, frame: Frame, json: Option<Json>) -> Option<u32> {
        // Headers are those of the message that the bytes stand for, as far as they can be read.
        let headers = self.headers_for(Some(json.as_deref().unwrap_or(&Value::Null)));
        self.start("POST", headers, frame, json, true)
    }

    pub(super) fn start(
        &mut self,
        method: &str,
        headers: Vec<(String, String)>,
        frame: Frame,
        json: Option<Json>,
        deliberate: bool,
    ) -> Option<u32> {
        let call = HttpCall { method: method.to_owned(), ..HttpCall::default() };
        self.begin_exchange(call, headers, frame, json, deliberate)
    }

    /// Begins the exchange that a call describes, with these headers and this body, which is this JSON, if any.
    pub(super) fn begin_exchange(
        &mut self,
        call: HttpCall,
        headers: Vec<(String, String)>,
        frame: Frame,
        json: Option<Json>,
        deliberate: bool,
    ) -> Option<u32> {
        let Wire::Http(http) = &mut self.wire else { return None };
        let HttpCall { method, path, cut, apart, delay, .. } = call;
        let mut url = http.endpoint.url.clone();
        if let Some(other) = path.and_then(|path| url.join(&path).ok()) {
            url = other;
        }
        let session = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("mcp-session-id"));
        let session = session.map(|(_, id)| id.clone());
        let body = frame.bytes().clone();
        let request =
            HttpRequest { method: method.clone(), url, headers: headers.clone(), body, cut, apart, delay };
        let exchange = http.start(request);
        let asks = json.as_ref().is_some_and(|json| json.get("id").is_some() && json.get("method").is_some());
        let opens =
            json.as_ref().and_then(|json| json.get("method")).is_some_and(|name| name == "initialize");
        let state = self.exchanges.entry(exchange).or_default();
        state.is_get = method == "GET";
        state.opens = opens;
        state.stream.owes = asks;
        state.stream.session = session;
        state.stream.until = Some(Instant::now() + self.options.timeout);
        self.transcript.add(What::Request { exchange, method, headers, deliberate });
        if !frame.bytes().is_empty() {
            self.transcript.add(What::Sent { frame, json, deliberate, exchange: Some(exchange) });
        }
        Some(exchange)
    }

    /// Opens the stream on which an HTTP server of the handshake era may speak by itself.
    pub(super) fn listen(&mut self) {
        let mut headers = self.headers_for(None);
        headers.push(("Accept".to_owned(), "text/event-stream".to_owned()));
        self.start("GET", headers, Frame::new(Bytes::new()), None, false);
    }
}
