//! HTTP+SSE, the transport of 2024-11-05: one event stream brings every message of the server, and each of ours is a POST
//! to the address that the stream names first. To a session it looks like lines.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, Response};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::MAX_MESSAGE;
use super::child::StderrTail;
use super::http::{HttpClient, client, media_type};
use super::lines::LineWire;
use super::outgoing::Outgoing;
use super::sse::{SseDecoder, SseEvent};
use super::target::{Endpoint, StartError};

/// Size of the pipe in each direction, in bytes.
const PIPE: usize = 64 << 10;
/// How long a POST may hold back the next one, so that they arrive in order.
const ORDER: Duration = Duration::from_secs(1);

pub(super) fn connect(endpoint: Endpoint) -> Result<LineWire, StartError> {
    let (our_input, their_input) = tokio::io::duplex(PIPE);
    let (their_output, our_output) = tokio::io::duplex(PIPE);
    let notes = StderrTail::default();
    let (named, address) = watch::channel(None);
    let link = Link { client: client()?, endpoint: endpoint.clone(), notes: notes.clone() };
    let listening = tokio::spawn(link.clone().listen(named, their_output));
    let sending = link.send(address, their_input);
    tokio::spawn(async move {
        sending.await;
        // Whoever says nothing more hears nothing more.
        listening.abort();
    });
    let mut wire = LineWire::new(our_input, our_output, std::future::pending(), None, notes);
    wire.legacy = Some(endpoint);
    Ok(wire)
}

#[derive(Clone)]
struct Link {
    client: HttpClient,
    endpoint: Endpoint,
    /// What went wrong: stands where a process has its standard error.
    notes: StderrTail,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Link {
    /// Reads the event stream: the address first, then messages, one line each.
    async fn listen(self, named: watch::Sender<Option<url::Url>>, mut output: DuplexStream) {
        if let Err(error) = self.events(&named, &mut output).await {
            self.notes.push(format!("GET {}: {error}\n", self.endpoint.url).as_bytes());
        }
    }

    async fn events(
        &self,
        named: &watch::Sender<Option<url::Url>>,
        output: &mut DuplexStream,
    ) -> Result<(), Failure> {
        let request = self.request("GET", &self.endpoint.url, Bytes::new())?;
        let response = self.client.request(request).await?;
        let kind =
            response.headers().get("content-type").map(|kind| String::from_utf8_lossy(kind.as_bytes()));
        if kind.is_none_or(|kind| media_type(&kind) != "text/event-stream") {
            return Err(format!("HTTP {} and no event stream", response.status()).into());
        }
        let mut body = response.into_body();
        let mut decoder = SseDecoder::default();
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            if decoder.length() > MAX_MESSAGE {
                return Err("an event is too long".into());
            }
            for event in frame.data_ref().map(|data| decoder.push(data)).unwrap_or_default() {
                match event.head.name.as_deref() {
                    Some("endpoint") => self.name(&event, named)?,
                    _ if event.is_message() && !event.data.is_empty() => {
                        output.write_all(&line(&event.data)).await?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn name(&self, event: &SseEvent, named: &watch::Sender<Option<url::Url>>) -> Result<(), Failure> {
        let address = self.endpoint.url.join(std::str::from_utf8(&event.data)?.trim())?;
        // Whoever is told where to go must not carry the user's headers to somebody else.
        if address.origin() != self.endpoint.url.origin() {
            return Err(format!("the server names an endpoint of another origin: {address}").into());
        }
        named.send_replace(Some(address));
        Ok(())
    }

    /// Posts each line, in order.
    async fn send(self, mut address: watch::Receiver<Option<url::Url>>, input: DuplexStream) {
        let mut lines = BufReader::new(input).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let known = address.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
            let Some(url) = known else { return };
            let link = self.clone();
            let posting = tokio::spawn(async move { link.post(&url, line.into()).await });
            // One that is held back must not hold back the answer that it waits for.
            let _ = timeout(ORDER, posting).await;
        }
    }

    async fn post(&self, url: &url::Url, body: Bytes) {
        let outcome = match self.request("POST", url, body) {
            Ok(request) => self.client.request(request).await.map_err(Failure::from),
            Err(error) => Err(error),
        };
        match outcome.as_ref().map(Response::status) {
            Ok(status) if status.is_success() => {}
            Ok(status) => self.notes.push(format!("POST {url}: HTTP {status}\n").as_bytes()),
            Err(error) => self.notes.push(format!("POST {url}: {error}\n").as_bytes()),
        }
    }

    fn request(&self, method: &str, url: &url::Url, body: Bytes) -> Result<Request<Outgoing>, Failure> {
        let mut builder = Request::builder().method(method).uri(url.as_str());
        builder = match method {
            "GET" => builder.header("Accept", "text/event-stream"),
            _ => builder.header("Content-Type", "application/json"),
        };
        for (name, value) in &self.endpoint.headers {
            builder = builder.header(name.as_str(), value.as_bytes());
        }
        Ok(builder.body(Outgoing::new(body, false))?)
    }
}

/// A message as one line: a line break between its tokens is white space to JSON.
fn line(data: &[u8]) -> Vec<u8> {
    let mut line: Vec<u8> = data.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    line.push(b'\n');
    line
}
