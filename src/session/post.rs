//! Putting messages on the wire, and into the transcript.

use bytes::Bytes;
use serde_json::Value;

use super::Session;
use super::transcript::What;
use crate::protocol::{Frame, Id};
use crate::transport::{HttpRequest, Wire};

impl Session {
    /// Sends a message; over HTTP it is an exchange of its own, whose number is returned.
    pub(super) fn post(&mut self, message: &Value, deliberate: bool) -> Option<u32> {
        let frame = Frame::from_value(message);
        if self.is_http() {
            let headers = self.headers_for(Some(message));
            return self.start("POST", None, headers, frame, deliberate);
        }
        if let Wire::Lines(lines) = &self.wire {
            let mut bytes = frame.bytes().to_vec();
            bytes.push(b'\n');
            lines.write(bytes.into());
        }
        self.transcript.add(What::Sent { frame, json: Some(message.clone()), deliberate, exchange: None });
        None
    }

    pub(super) fn post_all(&mut self, composed: &[(Id, Value)]) -> Vec<Option<u32>> {
        if self.is_http() {
            return composed.iter().map(|(_, message)| self.post(message, false)).collect();
        }
        let mut bytes = Vec::new();
        for (_, message) in composed {
            let frame = Frame::from_value(message);
            bytes.extend_from_slice(frame.bytes());
            bytes.push(b'\n');
            self.transcript.add(What::Sent {
                frame,
                json: Some(message.clone()),
                deliberate: false,
                exchange: None,
            });
        }
        if let Wire::Lines(lines) = &self.wire {
            lines.write(bytes.into());
        }
        vec![None; composed.len()]
    }

    pub(super) fn post_bytes(&mut self, frame: Frame, json: Option<Value>) -> Option<u32> {
        // Headers are those of the message that the bytes stand for, as far as they can be read.
        let headers = self.headers_for(Some(&json.unwrap_or_default()));
        self.start("POST", None, headers, frame, true)
    }

    pub(super) fn start(
        &mut self,
        method: &str,
        path: Option<&str>,
        headers: Vec<(String, String)>,
        frame: Frame,
        deliberate: bool,
    ) -> Option<u32> {
        self.start_cut(method, path, headers, frame, deliberate, false)
    }

    /// Begins an exchange; one that is `cut` breaks off before the end of its body.
    pub(super) fn start_cut(
        &mut self,
        method: &str,
        path: Option<&str>,
        headers: Vec<(String, String)>,
        frame: Frame,
        deliberate: bool,
        cut: bool,
    ) -> Option<u32> {
        let Wire::Http(http) = &mut self.wire else { return None };
        let mut url = http.endpoint.url.clone();
        if let Some((path, query)) = path.map(|path| path.split_once('?').unwrap_or((path, ""))) {
            url.set_path(path);
            url.set_query(Some(query).filter(|query| !query.is_empty()));
        }
        let body = frame.bytes().clone();
        let request = HttpRequest { method: method.to_owned(), url, headers: headers.clone(), body, cut };
        let exchange = http.start(request);
        self.exchanges.entry(exchange).or_default();
        self.transcript.add(What::Request { exchange, method: method.to_owned(), headers });
        if !frame.bytes().is_empty() {
            let json = frame.json().ok();
            self.transcript.add(What::Sent { frame, json, deliberate, exchange: Some(exchange) });
        }
        Some(exchange)
    }

    /// Opens the stream on which an HTTP server of the handshake era may speak by itself.
    pub(super) fn listen(&mut self) {
        let mut headers = self.headers_for(None);
        headers.push(("Accept".to_owned(), "text/event-stream".to_owned()));
        self.start("GET", None, headers, Frame::new(Bytes::new()), false);
    }
}
