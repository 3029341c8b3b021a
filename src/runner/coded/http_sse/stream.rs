//! An event stream and the address that it names.

use serde_json::{Value, json};

use super::PATIENCE;
use crate::runner::coded::http::{Headers, call};
use crate::session::transcript::{Entry, What};
use crate::session::{HttpCall, Outcome, Session, client_info};

/// An event stream of the server.
pub(in super::super) struct Stream {
    pub exchange: u32,
    /// What the `endpoint` event said.
    pub address: String,
}

/// A GET, and what came of it.
pub(super) struct Opening {
    pub outcome: Outcome,
    pub exchange: u32,
    /// What the `endpoint` event said, if there was one.
    pub address: Option<String>,
}

/// Asks for a stream and waits for the address.
pub(super) async fn open(beside: &mut Session) -> Option<Opening> {
    let sent = beside.launch_http(&call("GET", None, &[]))?;
    let outcome = beside.land(sent, PATIENCE).await;
    let exchange = sent.exchange?;
    let is_named = |beside: &Session| named(beside, exchange).is_some() || beside.is_landed(exchange);
    beside.wait_until(PATIENCE, is_named).await;
    Some(Opening { outcome, exchange, address: named(beside, exchange) })
}

impl Stream {
    pub(in super::super) async fn open(beside: &mut Session) -> Option<Self> {
        open(beside).await?.stream()
    }

    pub(super) fn resolved(&self, url: &url::Url) -> Option<url::Url> {
        url.join(&self.address).ok()
    }

    /// Opens a conversation: what came of the POST that carried `initialize`.
    pub(in super::super) async fn initialize(&self, beside: &mut Session, id: &Value) -> Outcome {
        let client = client_info();
        let params = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client});
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": params});
        let outcome = self.ask(beside, message, &[]).await;
        if is_taken(&outcome) {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            beside.http(&self.post(note, &[])).await;
        }
        outcome
    }

    /// Posts a request and waits for its response on any stream.
    pub(in super::super) async fn ask(
        &self,
        beside: &mut Session,
        message: Value,
        headers: Headers<'_>,
    ) -> Outcome {
        let id = message["id"].clone();
        let Some(sent) = beside.launch_http(&self.post(message, headers)) else { return Outcome::default() };
        let outcome = beside.land(sent, PATIENCE).await;
        if is_taken(&outcome) {
            beside.wait_until(PATIENCE, |beside| !places(beside, &id).is_empty()).await;
        }
        outcome
    }

    /// A message for the address.
    pub(super) fn post(&self, message: Value, headers: Headers<'_>) -> HttpCall {
        HttpCall { path: Some(self.address.clone()), ..call("POST", Some(message), headers) }
    }

    /// The response under this id that came on it.
    pub(super) fn reply(&self, beside: &Session, id: &Value) -> Option<Value> {
        beside.came_on(self.exchange).find_map(|entry| response(entry, id))
    }

    /// The result under this id that came on it.
    pub(in super::super) fn result(&self, beside: &Session, id: &Value) -> Option<Value> {
        self.reply(beside, id)?.get("result").cloned()
    }
}

impl Opening {
    pub(super) fn stream(self) -> Option<Stream> {
        Some(Stream { exchange: self.exchange, address: self.address? })
    }
}

/// Whether a POST was taken.
pub(super) fn is_taken(outcome: &Outcome) -> bool {
    outcome.status.is_some_and(|status| (200..300).contains(&status))
}

/// The data of the `endpoint` event.
fn named(session: &Session, exchange: u32) -> Option<String> {
    let mut came = session.came_on(exchange).skip_while(
        |entry| !matches!(&entry.what, What::Event { head, .. } if head.name.as_deref() == Some("endpoint")),
    );
    came.next()?;
    came.find_map(|entry| match &entry.what {
        What::Body { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    })
}

/// The exchanges on which the response under this id came.
pub(super) fn places(beside: &Session, id: &Value) -> Vec<u32> {
    let own = beside.transcript.entries.iter().filter(|entry| response(entry, id).is_some());
    own.filter_map(Entry::exchange).collect()
}

/// The response under this id, if the entry holds it: as a message, or as another kind of event.
fn response(entry: &Entry, id: &Value) -> Option<Value> {
    let json = match &entry.what {
        What::Received { json: Ok(json), .. } => Some(Value::clone(json)),
        What::Body { bytes, .. } => serde_json::from_slice(bytes).ok(),
        _ => None,
    };
    json.filter(|json: &Value| json["id"] == *id && json.get("method").is_none())
}
