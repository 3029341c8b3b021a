//! The icons of a client are hostile input: fetched without credentials, and from nowhere else (from 2025-11-25 on).

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::Seen;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::{Meta, Outcome, client_info};
use crate::transport::is_loopback;

const ID: &str = "base.icons.client-icons-untrusted";
const PATH: &str = "/mcp-conform-icon.png";
/// How long an icon may take to be fetched, and a redirect to be followed.
const PATIENCE: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(1);
/// What carries credentials.
const CREDENTIALS: [&str; 3] = ["cookie", "authorization", "proxy-authorization"];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    // Elsewhere the address would be another machine's.
    if run.session.url().is_some_and(|url| !is_loopback(url)) {
        return run.rest_unseen("the server is not on this machine, and could not reach the icon");
    }
    let Some(trap) = Trap::set().await else { return run.rest_unseen("no port is free for an icon") };
    let opened = open(run, &trap.icon()).await;
    if opened.result().is_none() {
        return run.rest_unseen("the server refuses a client that has an icon");
    }
    match trap.caught().await {
        None => {
            run.rest_unseen("the server did not fetch the icon of the client, which is at an http address")
        }
        Some(caught) => tell(run, &caught, opened.span.0),
    }
}

/// Opens a conversation as a client with that icon.
async fn open(run: &mut CaseRun<'_>, icon: &str) -> Outcome {
    let mut info = client_info();
    info["icons"] = json!([{"src": icon, "mimeType": "image/png"}]);
    let patience = run.session.timeout();
    if run.session.revision.is_stateless() {
        let meta = json!({"io.modelcontextprotocol/clientInfo": info});
        let meta = Meta::Changed(meta.as_object().cloned().unwrap_or_default());
        return run.session.request_with("server/discover", None, &meta, patience).await;
    }
    let revision = run.session.revision.as_str();
    let params = json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": info});
    let outcome = run.session.request("initialize", Some(params)).await;
    if outcome.result().is_some() {
        run.session.notify("notifications/initialized", None).await;
    }
    outcome
}

fn tell(run: &mut CaseRun<'_>, caught: &Caught, from: u64) {
    let wrong = match (caught.credentials(), caught.is_followed) {
        (credentials, _) if !credentials.is_empty() => {
            Some(format!("fetches the icon of a client with credentials: {}", credentials.join(", ")))
        }
        (_, true) => Some("follows a redirect of the icon of a client to another origin".to_owned()),
        (_, false) => None,
    };
    let Some(requirement) = run.judged(ID) else { return };
    let Some(wrong) = wrong else {
        let message = "the icon is fetched without credentials, and its redirect is not followed";
        return run.note(requirement, Verdict::Pass, message);
    };
    let seen = Seen {
        message: format!("the server {wrong}"),
        expected: "a request without credentials, or none, and no redirect to another origin".into(),
        got: caught.shown(),
        from,
        at_most: None,
    };
    super::hold(run, ID, false, seen);
}

/// An address where the icon is said to be, and one at another origin to which it redirects.
struct Trap {
    first: TcpListener,
    other: TcpListener,
}

/// What was asked for there.
struct Caught {
    /// The head of the request.
    head: String,
    /// Whether the other address was asked, too.
    is_followed: bool,
}

impl Trap {
    async fn set() -> Option<Self> {
        let free = || TcpListener::bind(("127.0.0.1", 0));
        Some(Self { first: free().await.ok()?, other: free().await.ok()? })
    }

    fn icon(&self) -> String {
        self.first.local_addr().map(|address| format!("http://{address}{PATH}")).unwrap_or_default()
    }

    async fn caught(&self) -> Option<Caught> {
        let (mut stream, head) = timeout(PATIENCE, asked(&self.first)).await.ok()?;
        // Another name of this machine, so that host and port are both others.
        let port = self.other.local_addr().map_or(0, |address| address.port());
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://localhost:{port}{PATH}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        // Whoever has hung up follows nothing.
        let _ = stream.write_all(redirect.as_bytes()).await;
        drop(stream);
        let is_followed = timeout(SOON, asked(&self.other)).await.is_ok();
        Some(Caught { head, is_followed })
    }
}

/// The first request for the icon.
async fn asked(listener: &TcpListener) -> (TcpStream, String) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let head = timeout(SOON, head(&mut stream)).await.unwrap_or_default();
        if head.contains(PATH) {
            return (stream, head);
        }
    }
}

async fn head(stream: &mut TcpStream) -> String {
    const LONGEST: usize = 16 << 10;
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while head.len() < LONGEST && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(length @ 1..) => head.extend_from_slice(&piece[..length]),
            Ok(0) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

impl Caught {
    /// The names of the headers, in small letters. Their values may be secrets of the server.
    fn names(&self) -> Vec<String> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.map(|(name, _)| name.trim().to_lowercase()).collect()
    }

    fn credentials(&self) -> Vec<&'static str> {
        let names = self.names();
        CREDENTIALS.into_iter().filter(|wanted| names.iter().any(|name| name == wanted)).collect()
    }

    fn shown(&self) -> String {
        let then = if self.is_followed { ", then the same at the other address" } else { "" };
        format!("GET {PATH} with the headers {}{then}", self.names().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_headers_whatever_their_letters() {
        let caught = |head: &str| Caught { head: head.to_owned(), is_followed: false };
        let head = "GET /cookie: HTTP/1.1\r\nHost: x\r\nCOOKIE: a=b\r\nauthorization: Bearer x\r\n\r\n";
        assert_eq!(caught(head).credentials(), ["cookie", "authorization"]);
        assert!(
            caught("GET / HTTP/1.1\r\nHost: x\r\nAccept: authorization\r\n\r\n").credentials().is_empty()
        );
    }
}
