//! Servers with a planted bug each: the reference server behind a proxy that misbehaves.

mod bugs;

use std::sync::Arc;

use mcp_conform::fuzz::Kind;
use mcp_conform::reference::{self, Settings};
use mcp_conform::transport::{MemoryServer, Target};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

pub use bugs::BUGS;

/// A planted bug.
pub struct Planted {
    pub name: &'static str,
    /// What kind of finding it is.
    pub kind: Kind,
    /// Actions of the smallest script that shows it.
    pub minimum: usize,
    /// Whether only the right steps one after the other lead to it.
    pub deep: bool,
    /// How the server misbehaves.
    pub act: fn(&mut State, Line<'_>) -> Deed,
}

/// What the proxy remembers.
#[derive(Default)]
pub struct State {
    pub step: usize,
    pub count: usize,
    pub ids: Vec<Value>,
    pub kept: Value,
}

/// A line that passes the proxy.
pub enum Line<'l> {
    /// From the client: the bytes without the newline, and the JSON if it is JSON.
    In(&'l [u8], Option<&'l Value>),
    /// From the server.
    Out(&'l Value),
}

/// What the proxy does with it.
pub enum Deed {
    Pass,
    Drop,
    /// Something else goes on in its place.
    Instead(Value),
    /// This goes back to the client, and nothing on.
    Reply(Value),
    Die,
    /// Nothing is answered any more.
    Deafen,
}

impl Planted {
    /// The server with this bug.
    pub fn target(&self) -> Target {
        let act = self.act;
        Target::Memory(MemoryServer::new(move |input, output, stderr| async move {
            let (to_server, server_input) = tokio::io::duplex(64 << 10);
            let (server_output, from_server) = tokio::io::duplex(64 << 10);
            let settings = Arc::new(Settings::default());
            let serving = reference::serve_stream(settings, server_input, server_output, |text| {
                stderr.push(text.as_bytes());
            });
            tokio::select! {
                code = proxy(act, input, output, to_server, from_server) => code,
                () = async { serving.await; std::future::pending().await } => 0,
            }
        }))
    }
}

async fn proxy(
    act: fn(&mut State, Line<'_>) -> Deed,
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    to_server: impl AsyncWrite + Unpin,
    from_server: impl AsyncRead + Unpin,
) -> i32 {
    let (mut requests, mut replies) = (BufReader::new(input), BufReader::new(from_server));
    let (mut request, mut reply) = (Vec::new(), Vec::new());
    let mut to_server = Some(to_server);
    let mut state = State::default();
    loop {
        let is_open = to_server.is_some();
        tokio::select! {
            biased;
            read = requests.read_until(b'\n', &mut request), if is_open => {
                let Some(server) = &mut to_server else { continue };
                if !read.is_ok_and(|length| length > 0) {
                    to_server = None;
                    continue;
                }
                let bytes = request.strip_suffix(b"\n").unwrap_or(&request);
                let json = serde_json::from_slice(bytes).ok();
                let on = match act(&mut state, Line::In(bytes, json.as_ref())) {
                    Deed::Pass => request.clone(),
                    Deed::Drop => Vec::new(),
                    Deed::Instead(other) => format!("{other}\n").into_bytes(),
                    Deed::Reply(reply) => {
                        let _ = output.write_all(format!("{reply}\n").as_bytes()).await;
                        Vec::new()
                    }
                    Deed::Die => return 101,
                    Deed::Deafen => std::future::pending().await,
                };
                request.clear();
                let _ = server.write_all(&on).await;
            }
            read = replies.read_until(b'\n', &mut reply) => {
                if !read.is_ok_and(|length| length > 0) {
                    return 0;
                }
                let json = serde_json::from_slice(&reply).unwrap_or_default();
                let on = match act(&mut state, Line::Out(&json)) {
                    Deed::Pass => reply.clone(),
                    Deed::Drop => Vec::new(),
                    Deed::Instead(other) | Deed::Reply(other) => format!("{other}\n").into_bytes(),
                    Deed::Die => return 101,
                    Deed::Deafen => std::future::pending().await,
                };
                reply.clear();
                let _ = output.write_all(&on).await;
            }
        }
    }
}
