//! The endpoints of the built-in authorization server. Nobody can log in there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hyper::{Method, Response};
use serde_json::{Value, json};

use super::documents::published;
use super::response::{Body, apply, body, empty};
use crate::reference::output::{Emission, HttpEdit};
use crate::reference::server::Server;
use crate::reference::token::{CLIENT, REDIRECT, REFRESH, TOKENS};

const ENDPOINTS: [&str; 3] = ["/authorize", "/token", "/register"];

/// What the authorization server remembers.
#[derive(Debug)]
pub(super) struct Issuer {
    /// Refresh tokens that were not used yet.
    refresh: Mutex<HashSet<String>>,
    next: AtomicU64,
}

impl Default for Issuer {
    fn default() -> Self {
        Self { refresh: Mutex::new([REFRESH.text.to_owned()].into()), next: AtomicU64::new(1) }
    }
}

impl Issuer {
    /// The answer to a request for one of its endpoints.
    pub(super) fn answer(&self, server: &Server, method: &Method, sent: &Value) -> Option<Response<Body>> {
        let path = sent["path"].as_str().filter(|path| ENDPOINTS.contains(path))?;
        // What is asked in a wrong way gets this.
        let draft = published(server, "endpoint", sent, json!({"error": "invalid_request"}));
        let Some(error) = draft.main.as_ref().map(Emission::bytes) else { return Some(empty(404)) };
        let mut response = match path {
            "/authorize" => authorize(sent),
            "/token" if method == Method::POST => Some(self.token(&sent["form"])),
            _ => None,
        }
        .unwrap_or_else(|| body(400, JSON, error));
        apply(&draft.http, &mut response);
        Some(response)
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

const JSON: Option<&str> = Some("application/json");

/// Right requests get a page, those of unknown clients nothing, all others go back with an error.
fn authorize(sent: &Value) -> Option<Response<Body>> {
    let (query, base) = (sent["query"].as_str()?, sent["base"].as_str()?);
    let param = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    };
    let is_known =
        param("client_id").as_deref() == Some(CLIENT) && param("redirect_uri").as_deref() == Some(REDIRECT);
    if !is_known {
        return None;
    }
    let is_right = param("response_type").as_deref() == Some("code") && param("code_challenge").is_some();
    Some(match is_right {
        true => body(200, Some("text/html"), "<p>Nobody can log in here.</p>"),
        false => sent_to(&format!("{REDIRECT}?error=invalid_request&iss={base}")),
    })
}

fn sent_to(location: &str) -> Response<Body> {
    let mut response = empty(302);
    let headers = vec![("location".into(), Some(location.to_owned()))];
    apply(&HttpEdit { status: None, headers }, &mut response);
    response
}
