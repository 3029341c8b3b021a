//! Playing one action.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::settle::UNSURE;
use super::{Owed, Player};
use crate::fuzz::script::{Action, Call, Http, Which};
use crate::protocol::{Id, Message};
use crate::session::transcript::Entry;
use crate::session::{HttpCall, Meta, Sent, Session};

/// HTTP requests in flight.
const EXCHANGES: usize = 8;

impl Player<'_> {
    pub(super) async fn act(&mut self, action: &Action) {
        match action {
            Action::Request { method, params, forbidden } => {
                let (id, message) = self.session.compose(method, Some(params.clone()), &Meta::Standard);
                let sent = self.send(&message, Some(id), false).await;
                if *forbidden {
                    self.forbidden.push((sent, params["name"].to_string()));
                }
            }
            Action::Together(calls) => {
                let compose = |session: &mut Session, call: &Call| {
                    session.compose(&call.method, Some(call.params.clone()), &Meta::Standard)
                };
                let composed: Vec<_> = calls.iter().map(|call| compose(&mut self.session, call)).collect();
                self.make_room().await;
                let sent = self.session.launch_all(&composed, self.raw);
                for ((id, _), sent) in composed.into_iter().zip(sent) {
                    self.expect(Some(id), sent, !self.raw);
                }
            }
            Action::Message(message) => {
                let message = self.with_ids(message);
                let id = message.get("id").map(Id::from_value).filter(Id::is_legal);
                let id = id.filter(|_| message.get("method").is_some());
                self.send(&message, id, true).await;
            }
            // Each line is a message of its own.
            Action::Text(text) => {
                for line in text.split('\n') {
                    self.write(&[line], true).await;
                }
            }
            Action::Pieces(pieces) => {
                self.write(&pieces.iter().map(String::as_str).collect::<Vec<_>>(), true).await;
            }
            Action::Base64(encoded) => {
                let bytes = STANDARD.decode(encoded).unwrap_or_default();
                self.write_bytes(&[bytes.into()], true).await;
            }
            Action::Cancel(which) => self.cancel(*which).await,
            // Whoever plays the script waits.
            Action::Await => {}
            Action::Http(http) => self.http(http).await,
            Action::Unfinished(text) => {
                self.settle().await;
                self.write(&[text], false).await;
                self.end().await;
            }
            Action::CloseInput => {
                self.settle().await;
                self.end().await;
            }
            Action::Reconnect { handshake } => {
                self.settle().await;
                // A death is told by the connection that died.
                if self.is_alive() {
                    self.reconnect(*handshake).await;
                }
            }
            Action::Handshake if self.raw => {
                let is_refused = self.session.set_up().await.is_err();
                self.raw = is_refused || self.was_answered_twice();
                // What was asked before it may never be answered.
                self.owed.clear();
            }
            Action::Handshake => {}
        }
    }

    /// Whether an earlier `initialize` was answered, too: nobody knows which of the answers holds.
    fn was_answered_twice(&self) -> bool {
        let declares =
            |message: &Message| message.get("result").is_some_and(|it| it.get("capabilities").is_some());
        self.session.transcript.received().filter(|(_, message)| declares(message)).count() > 1
    }

    async fn send(&mut self, message: &Value, id: Option<Id>, deliberate: bool) -> u64 {
        self.make_room().await;
        let sent = self.session.launch(message, deliberate || self.raw);
        self.expect(id, sent, !deliberate && !self.raw);
        sent.seq
    }

    /// Remembers what was sent, and whether a reply to it is owed.
    fn expect(&mut self, id: Option<Id>, sent: Sent, is_owed: bool) {
        let due = self.due();
        self.bytes += self.session.transcript.get(sent.seq).map_or(0, Entry::length);
        self.exchanges.extend(sent.exchange);
        let Some(id) = id else { return };
        self.newest = Some(id.clone());
        self.ids.insert(id.clone(), self.played.len().saturating_sub(1));
        if is_owed {
            self.owed.insert(id, Owed::new(sent, due));
        }
    }

    pub(super) fn due(&self) -> Instant {
        Instant::now() + self.session.timeout()
    }

    async fn write(&mut self, pieces: &[&str], newline: bool) {
        let mut filled = Vec::new();
        for piece in pieces {
            if piece.contains("\"${last}\"") {
                self.shared.extend(self.newest.clone());
            }
            filled.push(match piece.contains("\"${") {
                true => fill(&mut self.session, &mut self.newest, piece).into(),
                false => Bytes::copy_from_slice(piece.as_bytes()),
            });
        }
        let pieces: Vec<Bytes> = filled;
        self.write_bytes(&pieces, newline).await;
    }

    async fn write_bytes(&mut self, pieces: &[Bytes], newline: bool) {
        self.make_room().await;
        self.bytes += pieces.iter().map(Bytes::len).sum::<usize>();
        let sent = self.session.launch_bytes(pieces, newline).await;
        self.exchanges.extend(sent.exchange);
        if let (Some(id), Some(played)) = (self.newest.clone(), self.played.len().checked_sub(1)) {
            self.ids.entry(id).or_insert(played);
        }
    }

    fn with_ids(&mut self, message: &Value) -> Value {
        match message {
            Value::Object(members) => {
                let mut message = message.clone();
                for (name, value) in members {
                    match value.as_str() {
                        Some("${id}") => {
                            let id = self.session.new_id();
                            message[name] = id.to_value();
                            self.newest = Some(id);
                        }
                        Some("${last}") => {
                            self.shared.extend(self.newest.clone());
                            message[name] = self.newest.as_ref().map_or(json!(0), Id::to_value);
                        }
                        _ => {}
                    }
                }
                message
            }
            Value::Array(batch) => batch.iter().map(|inner| self.with_ids(inner)).collect(),
            other => other.clone(),
        }
    }

    async fn cancel(&mut self, which: Which) {
        let id = match (which, &self.newest) {
            (Which::Last, Some(id)) => id.to_value(),
            _ => json!("mcp-conform-none"),
        };
        let method = "notifications/cancelled";
        let message =
            json!({"jsonrpc": "2.0", "method": method, "params": {"requestId": id, "reason": "fuzzing"}});
        self.send(&message, None, false).await;
        if let (Which::Last, Some(id)) = (which, &self.newest) {
            // It may be answered, and it may not.
            self.owed.remove(id);
        }
    }

    async fn http(&mut self, http: &Http) {
        self.make_room().await;
        if http.ends_session() {
            // With the session ends whatever is still in the air.
            self.settle().await;
        }
        let headers = http.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let text = http.body.as_deref().map(|body| fill(&mut self.session, &mut self.newest, body));
        let message = text.as_ref().and_then(|text| serde_json::from_str(text).ok());
        let raw = text.map(Bytes::from);
        let method = http.method.clone();
        let call = HttpCall { method, headers, message, raw, cut: http.cut, ..HttpCall::default() };
        let Some(sent) = self.session.launch_http(&call) else { return };
        let Some(exchange) = sent.exchange else { return };
        match (http.abort, http.method.as_str()) {
            // Long enough for the request to leave.
            (true, _) => drop(self.session.take_in(Instant::now() + Duration::from_millis(2)).await),
            (false, "POST") => return self.exchanges.push(exchange),
            // The stream of a GET stays open: its head is enough.
            (false, _) => {
                let end = Instant::now() + UNSURE;
                while !self.session.has_head(exchange) && self.session.take_in(end).await {}
            }
        }
        self.session.drop_exchange(exchange);
        if http.ends_session() && self.is_alive() {
            self.reconnect(true).await;
        }
    }

    /// Over HTTP only so many requests are in flight.
    async fn make_room(&mut self) {
        let began = Instant::now();
        let end = began + self.patience;
        while self.session.is_http() && self.exchanges_in_the_way() >= EXCHANGES {
            if !self.session.take_in(end).await {
                self.drop_silent(began);
                self.set_slow();
                break;
            }
        }
        self.absorb();
    }

    /// Forgets exchanges that are over, or whose stream merely stays open; how many there are besides those that are slow.
    fn exchanges_in_the_way(&mut self) -> usize {
        let mut exchanges = std::mem::take(&mut self.exchanges);
        let session = &self.session;
        exchanges.retain(|exchange| {
            !session.is_landed(*exchange) && (self.is_owed(*exchange) || !session.is_stream(*exchange))
        });
        self.exchanges = exchanges;
        self.exchanges.iter().filter(|exchange| !self.is_slow(**exchange)).count()
    }
}

/// The text with ids in place of their names.
fn fill(session: &mut Session, newest: &mut Option<Id>, text: &str) -> String {
    let mut text = text.to_owned();
    if text.contains("\"${last}\"") {
        let last = newest.as_ref().map_or_else(|| "0".to_owned(), Id::to_string);
        text = text.replace("\"${last}\"", &last);
    }
    if text.contains("\"${id}\"") {
        let id = session.new_id();
        text = text.replace("\"${id}\"", &id.to_string());
        *newest = Some(id);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::probe;
    use crate::fuzz::script::Script;
    use crate::protocol::Revision;
    use crate::reference::{Settings, quirks};
    use crate::runner::in_memory;

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_two_answers_to_initialize_is_not_used_on() {
        let settings = |quirk: &str| {
            let mut settings = Settings::default();
            quirks().iter().filter(|known| known.id == quirk).for_each(|quirk| settings.add(quirk));
            settings
        };
        let early = json!({
            "jsonrpc": "2.0", "id": "${id}", "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
        });
        let begin = Action::Reconnect { handshake: false };
        let twice = Script::of(vec![begin.clone(), Action::Message(early), Action::Handshake]);
        let once = Script::of(vec![begin, Action::Handshake]);
        for (script, connections) in [(once, 1), (twice, 2)] {
            let target = in_memory(settings("initialize-twice"));
            let bench = probe::bench(&target, Revision::V2025_11_25);
            let mut player = Player::open(&bench).await.expect("the server starts");
            player.play(&script, 0).await;
            assert_eq!((player.connections, player.raw), (connections, false));
        }
    }
}
