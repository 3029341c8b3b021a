//! Fetching a public document: one GET without credentials, outside of any conversation. Redirects are not followed.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::http::{HttpRequest, HttpWire, is_loopback};
use super::target::Endpoint;
use super::{Arrival, Incoming};

/// Longest document that is looked at, in bytes.
const MAX_DOCUMENT: usize = 1 << 20;

/// A response to a plain GET.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// The address.
    pub url: String,
    /// The HTTP status; 0 when there was none.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Why there is no response, if there is none.
    pub failed: Option<String>,
}

/// Whether a document that a server names may be fetched: over https, from this machine, or from the server itself.
pub fn may_fetch(url: &url::Url, server: &url::Url) -> bool {
    url.scheme() == "https" || url.origin() == server.origin() || (url.scheme() == "http" && is_loopback(url))
}

/// Fetches a document that a server names.
pub async fn fetch(url: &url::Url, server: &url::Url, patience: Duration) -> Fetched {
    let mut fetched = Fetched { url: url.to_string(), ..Fetched::default() };
    if !may_fetch(url, server) {
        fetched.failed = Some("neither https, nor the server itself, nor on this machine".to_owned());
        return fetched;
    }
    match HttpWire::new(Endpoint { url: url.clone(), headers: Vec::new(), host: None }) {
        Ok(mut wire) => {
            wire.start(plain_get(url));
            if timeout(patience, receive(&mut wire, &mut fetched)).await.is_err() {
                fetched.failed = Some(format!("no response within {patience:?}"));
            }
        }
        Err(error) => fetched.failed = Some(error.to_string()),
    }
    fetched
}

fn plain_get(url: &url::Url) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.clone(),
        headers: vec![("Accept".to_owned(), "application/json".to_owned())],
        body: Bytes::new(),
        cut: false,
        apart: false,
        delay: Duration::ZERO,
    }
}

async fn receive(wire: &mut HttpWire, fetched: &mut Fetched) {
    while let Some(Arrival { incoming, .. }) = wire.next().await {
        match incoming {
            Incoming::Head { status, headers, .. } => (fetched.status, fetched.headers) = (status, headers),
            Incoming::Body { bytes, .. } => fetched.body = bytes.slice(..bytes.len().min(MAX_DOCUMENT)),
            Incoming::Failed { problem, .. } => {
                fetched.failed = Some(problem);
                return;
            }
            Incoming::Done { .. } => return,
            _ => {}
        }
    }
}

impl Fetched {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Request and response in a line.
    pub fn shown(&self) -> String {
        match &self.failed {
            Some(problem) => format!("GET {}: {problem}", self.url),
            None => {
                let kind = self.header("content-type").unwrap_or("no content type");
                let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
                format!("GET {}: HTTP {}, {kind}, {body}", self.url, self.status)
            }
        }
    }
}
