//! What a protected server publishes: its own metadata, and that of its authorization server.

use hyper::{HeaderMap, Response};
use serde_json::{Value, json};

use super::check::header;
use super::response::{Body, apply, body, empty};
use crate::reference::output::{Emission, Payload, Route};
use crate::reference::rewrite::{Context, Draft, Point};
use crate::reference::server::Server;
use crate::reference::token::SCOPES;

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// Where the client reached us.
pub(super) fn base(headers: &HeaderMap) -> String {
    format!("http://{}", header(headers, "host").unwrap_or("127.0.0.1").to_lowercase())
}

/// The document that a request asks for, if it asks for one.
pub(super) fn document(server: &Server, sent: &Value) -> Option<Response<Body>> {
    let (path, base) = (sent["path"].as_str()?, sent["base"].as_str()?);
    let (name, document) = find(path, base)?;
    let draft = published(server, name, sent, document);
    let mut response = match &draft.main {
        None => empty(404),
        Some(main) => body(200, Some("application/json"), main.bytes()),
    };
    apply(&draft.http, &mut response);
    Some(response)
}

/// A document after faults worked on it.
pub(super) fn published(server: &Server, name: &'static str, sent: &Value, document: Value) -> Draft {
    let main = Emission::new(Payload::Json(document), Route::Reply);
    let context = Context { point: Point::Document(name), request: Some(sent), revision: None };
    server.rewrite(Draft::new(Some(main)), context)
}

fn find(path: &str, base: &str) -> Option<(&'static str, Value)> {
    if path == RESOURCE || path.strip_prefix(RESOURCE) == Some("/mcp") {
        return Some(("protected-resource", resource(base)));
    }
    if let Some(issuer) = path.strip_prefix(OAUTH) {
        return Some(("authorization-server", authorization_server(base, issuer)));
    }
    if let Some(issuer) = path.strip_prefix(OPENID).or_else(|| path.strip_suffix(OPENID)) {
        return Some(("openid-configuration", openid(base, issuer)));
    }
    None
}

fn resource(base: &str) -> Value {
    json!({
        "resource": format!("{base}/mcp"),
        "authorization_servers": [base],
        "scopes_supported": SCOPES,
        "bearer_methods_supported": ["header"],
        "resource_name": "mcp-conform reference server",
    })
}

fn authorization_server(base: &str, issuer: &str) -> Value {
    json!({
        "issuer": format!("{base}{issuer}"),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "registration_endpoint": format!("{base}/register"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
    })
}

fn openid(base: &str, issuer: &str) -> Value {
    let mut document = authorization_server(base, issuer);
    document["jwks_uri"] = format!("{base}/keys").into();
    document["subject_types_supported"] = json!(["public"]);
    document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    document
}
