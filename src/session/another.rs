//! Further conversations with a server: over HTTP as somebody else holds them, over stdio in a process of their own.

use serde_json::json;

use super::{Meta, Session};
use crate::transport::{Target, Wire};

/// Ids of an intruder begin so much higher: in one session each id is used once.
const APART: u64 = 1_000_000;

impl Session {
    /// A conversation of its own with the same server, with these credentials; nothing is sent yet.
    pub(crate) fn another(&self, authorization: &str) -> Option<Self> {
        let Wire::Http(http) = &self.wire else { return None };
        let mut endpoint = http.endpoint.clone();
        endpoint.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        endpoint.headers.push(("Authorization".to_owned(), authorization.to_owned()));
        let mut other = Self::connect(&Target::Http(endpoint), self.revision, &self.options).ok()?;
        other.learn(&self.learned);
        Some(other)
    }

    /// The same, inside the session of this conversation.
    pub(crate) fn intruder(&self, authorization: &str) -> Option<Self> {
        let mut other = self.another(authorization)?;
        other.http_session.clone_from(&self.http_session);
        other.agreed = self.agreed;
        other.last_id = self.last_id + APART;
        Some(other)
    }

    /// A conversation as the same client with a server of its own: over stdio a further process. It is set up already.
    pub(crate) async fn afresh(&self) -> Option<Self> {
        let mut other = Self::open(self.target.as_ref()?, self.revision, &self.options).await.ok()?;
        other.learn(&self.learned);
        Some(other)
    }

    /// Opens a conversation of the handshake era as a client of this name; false if the server refuses it.
    pub(crate) async fn open_as(&mut self, name: &str) -> bool {
        let params = json!({
            "protocolVersion": self.revision.as_str(),
            "capabilities": self.client().capabilities,
            "clientInfo": {"name": name, "title": name, "version": "1.0"},
        });
        let patience = self.timeout();
        let opened = self.request_with("initialize", Some(params), &Meta::Standard, patience).await;
        self.tell("notifications/initialized");
        opened.result().is_some_and(|result| result["protocolVersion"] == self.revision.as_str())
    }
}
