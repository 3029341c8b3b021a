//! The reference server over Streamable HTTP, at the path `/mcp`, and over HTTP+SSE (2024-11-05), at `/sse`.

mod call;
mod check;
mod documents;
mod entrance;
mod exchange;
mod farewell;
mod guard;
mod hub;
mod issuer;
mod legacy;
mod log;
mod mirror;
mod response;
mod streams;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::server::Server;
use super::settings::Settings;
use hub::Hub;

/// Serves connections until a fault ends the process; returns the exit code.
pub async fn serve_http(settings: Arc<Settings>, listener: TcpListener) -> std::io::Result<i32> {
    if let Some(text) = &settings.options.stderr {
        eprint!("{text}");
    }
    if let Some(time) = settings.options.slow_start {
        tokio::time::sleep(time).await;
    }
    let aside = match settings.options.everywhere {
        Some(true) => Some(TcpListener::bind((ASIDE, listener.local_addr()?.port())).await?),
        _ => None,
    };
    let hub = Hub::new(Server::new(settings));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            Some(accepted) = accept(aside.as_ref()) => accepted?.0,
            code = hub.ended() => return Ok(code),
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        stream.set_nodelay(true)?;
        connections.spawn(connection(hub.clone(), stream));
    }
}

/// A loopback address besides that which servers are told to listen at.
const ASIDE: &str = "127.0.0.2";

async fn accept(listener: Option<&TcpListener>) -> Option<std::io::Result<(TcpStream, SocketAddr)>> {
    Some(listener?.accept().await)
}

async fn connection(hub: Arc<Hub>, stream: TcpStream) {
    // Letters and white space of headers are gone once they are read; faults may want to see them.
    let mut head = vec![0; 4 << 10];
    let length = stream.peek(&mut head).await.unwrap_or_default();
    let head = Mutex::new(Some(String::from_utf8_lossy(&head[..length]).into_owned()));
    let service = service_fn(move |request| {
        let head = head.lock().unwrap_or_else(PoisonError::into_inner).take();
        exchange::answer(hub.clone(), request, head)
    });
    // A connection that breaks off is the client's affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
