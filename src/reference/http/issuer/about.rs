//! Documents about clients, whose addresses are the ids of the clients. As this server is for tests, it fetches them only from
//! this machine.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::clients::{Client, is_here, texts};
use crate::reference::http::documents::published;
use crate::reference::http::response::headers;
use crate::reference::output::Payload;
use crate::reference::server::Server;

/// Clients whose documents may be kept, by their addresses.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<HashMap<String, Client>>);

impl Kept {
    /// The client with this id, if there is a right document at it.
    pub async fn find(&self, server: &Server, id: &str) -> Option<Client> {
        let url = url::Url::parse(id).ok().filter(|url| url.scheme() == "http" && is_here(url))?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if known.is_some() {
            return known;
        }
        let fetched = fetch(&url).await?;
        let draft = published(server, "client", &json!({"client_id": id}), fetched);
        let Some(Payload::Json(fetched)) = draft.main.map(|main| main.payload) else { return None };
        let client = read(id, &fetched["body"])?;
        let control = fetched["headers"]["cache-control"].as_str().unwrap_or_default();
        if control.contains("max-age=") && !control.contains("no-store") {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), client.clone());
        }
        Some(client)
    }
}

/// The client that a document describes, if it is right.
fn read(id: &str, document: &Value) -> Option<Client> {
    let redirects = texts(&document["redirect_uris"])?;
    let name = document["client_name"].as_str()?.to_owned();
    (document["client_id"] == id).then_some(Client { name, redirects })
}

/// Headers and body of a successful response; a body that is no JSON is null.
async fn fetch(url: &url::Url) -> Option<Value> {
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = Request::get(url.path()).header("host", format!("{host}:{port}"));
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes();
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    head.status.is_success().then(|| json!({"headers": headers(&head.headers), "body": document}))
}
