//! Where an example is played: the reference server in memory, or over HTTP on the loopback interface.

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::reference::{self, Fault, Settings, TOKENS, Transport};
use crate::transport::{Endpoint, MemoryServer, Target};

/// Over which transport a fault is shown: the plainest of those over which it shows.
pub(super) fn of(fault: &Fault) -> Transport {
    fault.transports.iter().min().copied().unwrap_or(Transport::Stdio)
}

/// The reference server over that transport, until this task ends. Nothing when there is no free port.
pub(super) async fn serve(settings: Settings, transport: Transport) -> Option<Target> {
    match transport {
        Transport::Stdio => Some(in_memory(settings)),
        Transport::Http => Some(Target::Http(over_http(settings, "mcp").await?)),
        Transport::Sse => Some(Target::Sse(over_http(settings, "sse").await?)),
    }
}

/// The reference server over pipes in memory.
pub fn in_memory(settings: Settings) -> Target {
    let settings = Arc::new(settings);
    Target::Memory(MemoryServer::new(move |input, output, stderr| {
        let settings = settings.clone();
        async move { reference::serve_stream(settings, input, output, |text| stderr.push(text.as_bytes())).await }
    }))
}

async fn over_http(settings: Settings, path: &str) -> Option<Endpoint> {
    let listener = TcpListener::bind("127.0.0.1:0").await.ok()?;
    let url = format!("http://localhost:{}/{path}", listener.local_addr().ok()?.port()).parse().ok()?;
    let token = (settings.options.authorization == Some(true)).then_some(TOKENS[0].text);
    tokio::spawn(reference::serve_http(Arc::new(settings), listener));
    let credentials = |token| ("Authorization".to_owned(), format!("Bearer {token}"));
    Some(Endpoint { url, headers: token.map(credentials).into_iter().collect(), host: None })
}
