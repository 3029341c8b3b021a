//! Authorization: who may pass, and what the others are told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hyper::http::request::Parts;
use hyper::{HeaderMap, Response};
use serde_json::Value;

use super::check::header;
use super::documents::{base, document};
use super::legacy;
use super::response::{Body, refusal};
use crate::reference::answer::Failure;
use crate::reference::server::Server;
use crate::reference::token::{SCOPES, Token, needed};

const SESSION: &str = "mcp-session-id";

/// What is remembered of those who passed.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// Who opened each session.
    owners: Mutex<HashMap<String, &'static str>>,
}

/// What stands in the `Authorization` header.
enum Credentials<'h> {
    None,
    Malformed,
    Token(&'h str),
}

impl Guard {
    /// Who sent the request (nobody in particular on a server without authorization), or the response without asking further.
    pub(super) fn check(
        &self,
        server: &Server,
        head: &Parts,
        sent: &Value,
    ) -> Result<Option<&'static Token>, Box<Response<Body>>> {
        if server.settings.options.authorization != Some(true) {
            return Ok(None);
        }
        if let Some(document) = document(server, sent) {
            return Err(Box::new(document));
        }
        let is_mcp = matches!(head.uri.path(), "/mcp" | legacy::STREAM | legacy::MESSAGES);
        match is_mcp {
            true => self.admit(&head.headers, sent).map(Some),
            false => Ok(None),
        }
    }

    fn admit(&self, headers: &HeaderMap, sent: &Value) -> Result<&'static Token, Box<Response<Body>>> {
        let refused = |status, error, scopes, text| {
            let challenge = challenge(headers, error, scopes);
            Err(Box::new(with_challenge(refusal(status, None, &Failure::invalid(text)), &challenge)))
        };
        let token = match credentials(headers) {
            Credentials::None => return refused(401, None, SCOPES, "A token is needed"),
            Credentials::Malformed => {
                return refused(400, Some("invalid_request"), SCOPES, "No usable token");
            }
            Credentials::Token(text) => Token::valid(text),
        };
        let Some(token) = token else {
            return refused(401, Some("invalid_token"), SCOPES, "The token is not valid here");
        };
        let scopes = scopes(&sent["body"]);
        if !token.grants(scopes) {
            return refused(403, Some("insufficient_scope"), scopes, "The token does not allow this");
        }
        let owner = header(headers, SESSION).and_then(|id| self.owners().get(id).copied());
        match owner {
            Some(owner) if owner != token.subject => {
                Err(Box::new(refusal(404, None, &Failure::invalid("No such session"))))
            }
            _ => Ok(token),
        }
    }

    /// Remembers whose session a response opened.
    pub(super) fn remember(&self, token: Option<&'static Token>, response: &Response<Body>) {
        if let (Some(token), Some(id)) = (token, header(response.headers(), SESSION)) {
            self.owners().insert(id.to_owned(), token.subject);
        }
    }

    fn owners(&self) -> std::sync::MutexGuard<'_, HashMap<String, &'static str>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    let mut all = headers.get_all("authorization").iter();
    let text = match (all.next(), all.next()) {
        (None, _) => return Credentials::None,
        (Some(only), None) => only.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => return Credentials::Malformed,
    };
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    match scheme.eq_ignore_ascii_case("bearer") {
        false => Credentials::None,
        true if token.is_empty() || token.contains(' ') => Credentials::Malformed,
        true => Credentials::Token(token),
    }
}

/// The scopes that a message needs; a batch needs those of its most demanding member.
fn scopes(body: &Value) -> &'static [&'static str] {
    let of = |message: &Value| needed(message["method"].as_str().unwrap_or_default());
    match body {
        Value::Array(batch) => batch.iter().map(of).max_by_key(|scopes| scopes.len()).unwrap_or(SCOPES),
        single => of(single),
    }
}

fn challenge(headers: &HeaderMap, error: Option<&str>, scopes: &[&str]) -> String {
    let error = error.map(|error| format!("error=\"{error}\", ")).unwrap_or_default();
    let (base, scopes) = (base(headers), scopes.join(" "));
    format!(
        "Bearer {error}scope=\"{scopes}\", resource_metadata=\"{base}/.well-known/oauth-protected-resource/mcp\""
    )
}

fn with_challenge(mut response: Response<Body>, challenge: &str) -> Response<Body> {
    if let Ok(value) = challenge.parse() {
        response.headers_mut().insert("www-authenticate", value);
    }
    response
}
