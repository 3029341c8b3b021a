//! The endpoints of the built-in authorization server. Nobody can log in there; it passes those who agreed on to another one,
//! which does not exist.

mod about;
mod clients;
mod login;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hyper::{Method, Response};
use serde_json::{Value, json};

use super::documents::published;
use super::response::{Body, apply, body, empty};
use crate::reference::output::Emission;
use crate::reference::server::Server;
use crate::reference::token::{CLIENT, REFRESH, TOKENS};
use clients::Clients;

const JSON: Option<&str> = Some("application/json");

/// What the authorization server remembers.
#[derive(Debug)]
pub(super) struct Issuer {
    clients: Clients,
    kept: about::Kept,
    /// Refresh tokens that were not used yet.
    refresh: Mutex<HashSet<String>>,
    next: AtomicU64,
}

impl Default for Issuer {
    fn default() -> Self {
        let refresh = Mutex::new([REFRESH.text.to_owned()].into());
        Self { clients: Clients::default(), kept: about::Kept::default(), refresh, next: AtomicU64::new(1) }
    }
}

impl Issuer {
    /// The answer to a request for one of its endpoints.
    pub(super) async fn answer(
        &self,
        server: &Server,
        method: &Method,
        sent: &Value,
    ) -> Option<Response<Body>> {
        let path = sent["path"].as_str()?;
        let client = path.strip_prefix("/register/");
        if client.is_none() && !matches!(path, "/authorize" | "/token" | "/register" | login::CALLBACK) {
            return None;
        }
        // What is asked in a wrong way gets this.
        let draft = published(server, "endpoint", sent, json!({"error": "invalid_request"}));
        let Some(error) = draft.main.as_ref().map(Emission::bytes) else { return Some(empty(404)) };
        let mut response = match (path, method) {
            ("/authorize", _) => self.authorize(server, sent).await,
            ("/token", &Method::POST) => Some(self.token(&sent["form"])),
            ("/register", &Method::POST) => Some(self.clients.register(sent)),
            (_, &Method::DELETE) => client.map(|client| self.clients.remove(client)),
            // Who comes back there has no state that was issued: nobody can get that far.
            _ => None,
        }
        .unwrap_or_else(|| body(400, JSON, error));
        apply(&draft.http, &mut response);
        Some(response)
    }

    async fn authorize(&self, server: &Server, sent: &Value) -> Option<Response<Body>> {
        let id = login::param(sent, "client_id")?;
        let client = match self.clients.find(&id) {
            Some(client) => client,
            None => self.kept.find(server, &id).await?,
        };
        login::authorize(&id, &client, sent)
    }

    /// Takes a refresh token and issues another: each works once.
    fn token(&self, form: &Value) -> Response<Body> {
        let refuse = |error: &str| body(400, JSON, json!({"error": error}).to_string());
        let mut unused = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
        let token = form["refresh_token"].as_str().unwrap_or_default();
        match (form["grant_type"].as_str(), form["client_id"].as_str()) {
            (Some("refresh_token"), Some(CLIENT)) if unused.remove(token) => {
                let new = format!("{}-{}", REFRESH.text, self.next.fetch_add(1, Ordering::Relaxed));
                let issued = json!({
                    "access_token": TOKENS[0].text, "token_type": "Bearer", "expires_in": 3600, "refresh_token": new,
                });
                unused.insert(new);
                body(200, JSON, issued.to_string())
            }
            (Some("refresh_token"), Some(CLIENT)) => refuse("invalid_grant"),
            (Some("refresh_token"), _) => refuse("invalid_client"),
            _ => refuse("unsupported_grant_type"),
        }
    }
}
