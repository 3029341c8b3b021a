//! The clients that the authorization server knows, and their registration.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Response;
use serde_json::{Value, json};

use super::JSON;
use crate::reference::http::response::{Body, body, empty};
use crate::reference::token::{CLIENT, OTHER_CLIENT, REDIRECT};

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    pub name: String,
    /// The addresses to which its users may be sent.
    pub redirects: Vec<String>,
}

/// All clients, by their ids.
#[derive(Debug)]
pub(super) struct Clients(Mutex<HashMap<String, Client>>);

impl Default for Clients {
    fn default() -> Self {
        let client = |name: &str| {
            (name.to_owned(), Client { name: name.to_owned(), redirects: vec![REDIRECT.to_owned()] })
        };
        Self(Mutex::new([CLIENT, OTHER_CLIENT].map(client).into()))
    }
}

impl Clients {
    /// The client of this id.
    pub fn find(&self, id: &str) -> Option<Client> {
        self.all().get(id).cloned()
    }

    /// Registers a client, if all its addresses may be registered.
    pub fn register(&self, sent: &Value) -> Response<Body> {
        let (wanted, base) = (&sent["body"], sent["base"].as_str().unwrap_or_default());
        let Some(redirects) =
            texts(&wanted["redirect_uris"]).filter(|all| all.iter().all(|one| is_safe(one)))
        else {
            return body(400, JSON, json!({"error": "invalid_redirect_uri"}).to_string());
        };
        let mut all = self.all();
        let id = format!("mcp-conform-registered-{}", all.len());
        let mut client = wanted.clone();
        client["client_id"] = id.clone().into();
        client["registration_client_uri"] = format!("{base}/register/{id}").into();
        client["registration_access_token"] = format!("mcp-conform-token-of-{id}").into();
        let name = wanted["client_name"].as_str().unwrap_or(&id).to_owned();
        all.insert(id, Client { name, redirects });
        body(201, JSON, client.to_string())
    }

    /// Forgets a client.
    pub fn remove(&self, id: &str) -> Response<Body> {
        empty(if self.all().remove(id).is_some() { 204 } else { 404 })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list of texts, one at least.
pub(super) fn texts(list: &Value) -> Option<Vec<String>> {
    let all: Option<Vec<String>> =
        list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    all.filter(|all| !all.is_empty())
}

/// Whether nobody on the way sees what is sent there: https, or this machine.
fn is_safe(redirect: &str) -> bool {
    let Ok(url) = url::Url::parse(redirect) else { return false };
    url.scheme() == "https" || (url.scheme() == "http" && is_here(&url))
}

/// Whether an address is on this machine.
pub(super) fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
