//! A web server for a moment: it serves fixed documents, and counts how often each is fetched.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A running server; it ends when this is dropped.
pub struct Pages {
    /// Where it listens.
    pub address: SocketAddr,
    known: Known,
    serving: AbortHandle,
}

/// How long to wait after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(20);

type Known = Arc<Mutex<HashMap<String, Page>>>;

struct Page {
    text: String,
    fetched: usize,
}

impl Pages {
    /// Listens at an address; port 0 is a free one.
    pub async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (address, known) = (listener.local_addr()?, Known::default());
        let serving = tokio::spawn(serve(listener, known.clone())).abort_handle();
        Ok(Self { address, known, serving })
    }

    /// Serves a text as JSON, which may be kept for an hour, at every path that ends with this.
    pub fn add(&self, path: &str, text: String) {
        lock(&self.known).insert(path.to_owned(), Page { text, fetched: 0 });
    }

    /// How often that was fetched so far.
    pub fn fetched(&self, path: &str) -> usize {
        lock(&self.known).get(path).map_or(0, |page| page.fetched)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(known: &Known) -> MutexGuard<'_, HashMap<String, Page>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, known: Known) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, known.clone()))),
                // What cannot be accepted now may be later.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, known: Known) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(&request, &known);
        async move { Ok::<_, Infallible>(response) }
    });
    // Whoever breaks a connection off does not want the rest.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn answer(request: &Request<Incoming>, known: &Known) -> Response<Full<Bytes>> {
    let mut known = lock(known);
    let found = known.iter_mut().find(|(path, _)| request.uri().path().ends_with(path.as_str()));
    let Some((_, page)) = found.filter(|_| matches!(*request.method(), Method::GET | Method::HEAD)) else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    page.fetched += usize::from(request.method() == Method::GET);
    let mut response = Response::new(Full::new(page.text.clone().into()));
    for (name, value) in [("content-type", "application/json"), ("cache-control", "max-age=3600")] {
        response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::fetch;

    #[tokio::test]
    async fn documents_are_served_and_counted() {
        let pages = Pages::listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        pages.add("/a.json", "{}".to_owned());
        let url = |path: &str| url::Url::parse(&format!("http://{}{path}", pages.address)).unwrap();
        let get = async |path: &str| fetch(&url(path), &url("/"), Duration::from_secs(5)).await;
        let found = get("/before/a.json").await;
        assert_eq!((found.status, &found.body[..]), (200, &b"{}"[..]));
        assert_eq!(found.header("cache-control"), Some("max-age=3600"));
        assert_eq!(get("/b.json").await.status, 404);
        assert_eq!((pages.fetched("/a.json"), pages.fetched("/b.json")), (1, 0));
    }
}
