//! Single requests outside of any conversation, mostly for public documents: without the credentials of the conversation.
//! Only a visit follows redirects.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::http::{HttpRequest, HttpWire, is_loopback};
use super::target::Endpoint;
use super::{Arrival, Incoming};

/// Longest document that is looked at, in bytes.
const MAX_DOCUMENT: usize = 1 << 20;

/// A request that belongs to no conversation.
#[derive(Debug, Clone)]
pub struct Plain {
    /// The HTTP method.
    pub method: &'static str,
    /// The address.
    pub url: url::Url,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Plain {
    /// A request without a body that accepts this media type.
    pub fn get(url: &url::Url, accept: &str) -> Self {
        // Some sites refuse whoever does not say what it is.
        let agent = concat!("mcp-conform/", env!("CARGO_PKG_VERSION"));
        let headers = [("Accept", accept), ("User-Agent", agent)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { method: "GET", url: url.clone(), headers, body: Bytes::new() }
    }

    /// A request with a body of this media type, which wants JSON back.
    pub fn post(url: &url::Url, content_type: &str, body: String) -> Self {
        let mut plain = Self { method: "POST", body: body.into(), ..Self::get(url, "application/json") };
        plain.headers.push(("Content-Type".to_owned(), content_type.to_owned()));
        plain
    }
}

/// A response to a plain request.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// The HTTP method of the request.
    pub method: &'static str,
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
    exchange(Plain::get(url, "application/json"), server, patience).await
}

/// Sends a request to an address that a server names.
pub async fn exchange(plain: Plain, server: &url::Url, patience: Duration) -> Fetched {
    if !may_fetch(&plain.url, server) {
        let failed = Some("neither https, nor the server itself, nor on this machine".to_owned());
        return Fetched { method: plain.method, url: plain.url.into(), failed, ..Fetched::default() };
    }
    send(plain, Extent::Whole, patience).await
}

/// Asks for a page of the web, wherever it is, and follows its redirects: what comes first is told, without the body.
pub async fn visit(url: &url::Url, patience: Duration) -> Fetched {
    const REDIRECTS: usize = 5;
    let mut url = url.clone();
    let mut redirects = 0;
    loop {
        let fetched = send(Plain::get(&url, "*/*"), Extent::Head, patience).await;
        let next = fetched.header("location").filter(|_| (300..400).contains(&fetched.status));
        match next.and_then(|next| url.join(next).ok()) {
            Some(next) if redirects < REDIRECTS => url = next,
            _ => return fetched,
        }
        redirects += 1;
    }
}

/// How much of a response is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Head,
    Whole,
}

async fn send(plain: Plain, extent: Extent, patience: Duration) -> Fetched {
    let Plain { method, url, headers, body } = plain;
    let mut fetched = Fetched { method, url: url.to_string(), ..Fetched::default() };
    match HttpWire::new(Endpoint { url: url.clone(), headers: Vec::new(), host: None }) {
        Ok(mut wire) => {
            let method = method.to_owned();
            let (cut, apart, delay) = (false, false, Duration::ZERO);
            wire.start(HttpRequest { method, url, headers, body, cut, apart, delay });
            if timeout(patience, receive(&mut wire, &mut fetched, extent)).await.is_err() {
                fetched.failed = Some(format!("no response within {patience:?}"));
            }
        }
        Err(error) => fetched.failed = Some(error.to_string()),
    }
    fetched
}

async fn receive(wire: &mut HttpWire, fetched: &mut Fetched, extent: Extent) {
    while let Some(Arrival { incoming, .. }) = wire.next().await {
        match incoming {
            Incoming::Head { status, headers, .. } => {
                (fetched.status, fetched.headers) = (status, headers);
                if extent == Extent::Head {
                    return;
                }
            }
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
            Some(problem) => format!("{} {}: {problem}", self.method, self.url),
            None => {
                let kind = self.header("content-type").unwrap_or("no content type");
                let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
                format!("{} {}: HTTP {}, {kind}, {body}", self.method, self.url, self.status)
            }
        }
    }
}
