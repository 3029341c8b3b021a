//! HTTP exchanges: each request runs as a task of its own and reports what comes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming as Body;
use hyper::{Request, Response};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::TokioExecutor;
use tokio::task::AbortHandle;

use super::inbox::{Arrivals, Inbox, inbox};
use super::outgoing::Outgoing;
use super::sse::SseDecoder;
use super::target::{Endpoint, StartError};
use super::{Arrival, Incoming, MAX_MESSAGE};

/// How long a connection may wait for its next exchange: less than the 5 seconds after which many servers close it, as a
/// request that meets that close would be lost.
const MAX_IDLE: Duration = Duration::from_secs(2);

type Connector = HttpsConnector<HttpConnector>;
pub(super) type HttpClient = Client<Connector, Outgoing>;

/// An HTTP request, exactly as it is sent (apart from `Host` and `Content-Length`).
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The HTTP method.
    pub method: String,
    /// The whole address.
    pub url: url::Url,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether the connection breaks off before the end of the body.
    pub cut: bool,
    /// Whether it is sent as another client would: over a connection of its own, and with header names in other letters.
    pub apart: bool,
    /// How long to wait before it is sent.
    pub delay: Duration,
}

/// A connection to an HTTP endpoint.
pub struct HttpWire {
    /// Where it is.
    pub endpoint: Endpoint,
    client: HttpClient,
    connector: Connector,
    arrivals: Arrivals,
    inbox: Inbox,
    running: HashMap<u32, AbortHandle>,
    /// Bytes of bodies that are not whole yet.
    together: Arc<AtomicUsize>,
    last: u32,
}

impl HttpWire {
    pub(super) fn new(endpoint: Endpoint) -> Result<Self, StartError> {
        let (arrivals, inbox) = inbox();
        let connector = connector()?;
        let client = plain(connector.clone());
        Ok(Self {
            endpoint,
            client,
            connector,
            arrivals,
            inbox,
            running: HashMap::new(),
            together: Arc::default(),
            last: 0,
        })
    }

    /// Starts an exchange and returns its number.
    pub fn start(&mut self, request: HttpRequest) -> u32 {
        self.last += 1;
        let (arrivals, together) = (self.arrivals.clone(), self.together.clone());
        let exchange = Exchange { id: self.last, arrivals, together };
        let client = match request.apart {
            true => apart(self.connector.clone()),
            false => self.client.clone(),
        };
        let task = tokio::spawn(exchange.run(client, request));
        self.running.retain(|_, task| !task.is_finished());
        self.running.insert(self.last, task.abort_handle());
        self.last
    }

    /// Breaks an exchange off; the connection is closed.
    pub fn abort(&mut self, exchange: u32) {
        if let Some(task) = self.running.remove(&exchange) {
            task.abort();
        }
    }

    /// Waits for the next arrival.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.inbox.next().await
    }

    /// An arrival that is waiting already.
    pub fn try_next(&mut self) -> Option<Arrival> {
        self.inbox.try_next()
    }
}

impl Drop for HttpWire {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}

/// A client with connections of its own.
pub(super) fn client() -> Result<HttpClient, StartError> {
    connector().map(plain)
}

fn plain(connector: Connector) -> HttpClient {
    builder().build(connector)
}

/// A client with connections of its own, which writes header names Like-This and not in small letters.
fn apart(connector: Connector) -> HttpClient {
    builder().http1_title_case_headers(true).build(connector)
}

fn builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(MAX_IDLE);
    builder
}

fn connector() -> Result<Connector, StartError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(std::time::Duration::from_secs(10)));
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(|e| StartError::Client(e.to_string()))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}

struct Exchange {
    id: u32,
    arrivals: Arrivals,
    together: Arc<AtomicUsize>,
}

/// A body that is not whole yet, counted with the others of its connection.
struct Collected<'e> {
    bytes: Vec<u8>,
    together: &'e AtomicUsize,
}

impl Collected<'_> {
    /// What all of them would hold with more of it.
    fn together(&self, data: &[u8]) -> usize {
        self.together.load(Relaxed) + data.len()
    }

    fn add(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        self.together.fetch_add(data.len(), Relaxed);
    }
}

impl Drop for Collected<'_> {
    fn drop(&mut self) {
        self.together.fetch_sub(self.bytes.len(), Relaxed);
    }
}

impl Exchange {
    async fn run(self, client: HttpClient, request: HttpRequest) {
        tokio::time::sleep(request.delay).await;
        let outcome = match build(request) {
            Ok(request) => self.receive(client.request(request).await).await,
            Err(problem) => Err(problem),
        };
        let exchange = self.id;
        self.send(match outcome {
            Ok(()) => Incoming::Done { exchange },
            Err(problem) => Incoming::Failed { exchange, problem },
        })
        .await;
    }

    async fn send(&self, incoming: Incoming) {
        // The session may be gone; then nobody wants to know.
        let _ = self.arrivals.send(incoming).await;
    }

    async fn receive(
        &self,
        response: Result<Response<Body>, hyper_util::client::legacy::Error>,
    ) -> Result<(), String> {
        let response = response.map_err(|error| causes(&error))?;
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let stream = is_stream(&headers);
        let status = response.status().as_u16();
        self.send(Incoming::Head { exchange: self.id, status, headers }).await;
        match stream {
            true => self.events(response.into_body()).await,
            false => self.whole(response.into_body()).await,
        }
    }

    async fn events(&self, mut body: Body) -> Result<(), String> {
        let mut decoder = SseDecoder::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| causes(&error))?;
            for event in frame.data_ref().map(|data| decoder.push(data)).unwrap_or_default() {
                self.send(Incoming::Event { exchange: self.id, event }).await;
            }
            if decoder.length() > MAX_MESSAGE {
                self.send(Incoming::TooLong { length: decoder.length() }).await;
                return Ok(());
            }
        }
        if let Some(event) = decoder.finish() {
            self.send(Incoming::Event { exchange: self.id, event }).await;
        }
        Ok(())
    }

    async fn whole(&self, mut body: Body) -> Result<(), String> {
        let mut so_far = Collected { bytes: Vec::new(), together: &self.together };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| causes(&error))?;
            let Some(data) = frame.data_ref() else { continue };
            let length = so_far.bytes.len() + data.len();
            // Of one that is whole twice as much is kept: together they may be no more than one alone.
            if so_far.together(data) > MAX_MESSAGE {
                // Until that is taken in, nothing is kept of it.
                drop(so_far);
                self.send(Incoming::TooLong { length }).await;
                return Ok(());
            }
            so_far.add(data);
        }
        let bytes = std::mem::take(&mut so_far.bytes);
        self.together.fetch_sub(bytes.len(), Relaxed);
        self.send(Incoming::Body { exchange: self.id, bytes: bytes.into() }).await;
        Ok(())
    }
}

fn build(request: HttpRequest) -> Result<Request<Outgoing>, String> {
    let mut builder = Request::builder().method(request.method.as_str()).uri(request.url.as_str());
    for (name, value) in &request.headers {
        // Not every byte of a header is ASCII, on purpose.
        builder = builder.header(name.as_str(), value.as_bytes());
    }
    builder
        .body(Outgoing::new(request.body, request.cut))
        .map_err(|e| format!("the request cannot be sent: {e}"))
}

fn is_stream(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, value)| name == "content-type" && media_type(value) == "text/event-stream")
}

/// The media type in a `Content-Type`, in small letters and without parameters.
pub fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// An error with everything that caused it: the outermost text alone says only "client error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Whether the address is on this machine.
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}
