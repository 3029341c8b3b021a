//! The reference server over Streamable HTTP, at the path `/mcp`.

mod check;
mod documents;
mod entrance;
mod exchange;
mod guard;
mod hub;
mod response;

use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

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
    let hub = Hub::new(Server::new(settings));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            code = hub.ended() => return Ok(code),
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        stream.set_nodelay(true)?;
        let hub = hub.clone();
        let service = service_fn(move |request| exchange::answer(hub.clone(), request));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(connection);
    }
}
