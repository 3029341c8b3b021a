//! The authorization endpoint: the page on which a user agrees, and the way on from there.

use std::hash::{BuildHasher, RandomState};

use hyper::Response;
use serde_json::Value;

use super::clients::Client;
use crate::reference::http::response::{Body, apply, body, empty};
use crate::reference::output::HttpEdit;
use crate::reference::token::{CLIENT, CONSENT, SCOPES};

/// Where the other authorization server returns to.
pub(super) const CALLBACK: &str = "/callback";
/// The other authorization server, which knows one client only.
const UPSTREAM: &str =
    "https://login.mcp-conform.example/authorize?response_type=code&client_id=mcp-conform-proxy";

/// Right requests get a page, or are passed on if the user has agreed; those with an address that the client does not have get
/// nothing, and all others go back with an error.
pub(super) fn authorize(id: &str, client: &Client, sent: &Value) -> Option<Response<Body>> {
    let base = sent["base"].as_str()?;
    let param = |name| param(sent, name);
    let redirect = param("redirect_uri").filter(|redirect| client.redirects.contains(redirect))?;
    let is_right = param("response_type").as_deref() == Some("code") && param("code_challenge").is_some();
    Some(match is_right {
        true if has_agreed(sent, id) => passed_on(base),
        true => page(client, &redirect),
        false => sent_to(&format!("{redirect}?error=invalid_request&iss={base}"), Vec::new()),
    })
}

/// A parameter of the query.
pub(super) fn param(sent: &Value, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(sent["query"].as_str()?.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Whether the browser has a cookie that says so for this client.
fn has_agreed(sent: &Value, client: &str) -> bool {
    let cookies = sent["headers"]["cookie"].as_str().unwrap_or_default();
    client == CLIENT && cookies.split(';').any(|cookie| cookie.trim() == CONSENT.text)
}

fn page(client: &Client, redirect: &str) -> Response<Body> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let (name, redirect, scopes) = (escaped(&client.name), escaped(redirect), SCOPES.join(" "));
    let page = format!(
        "<!doctype html><title>Do you agree?</title><p><b>{name}</b> asks for {scopes}. You will be sent to {redirect}.</p>\
         <form method=post><input type=hidden name=csrf value={:x}></form><p>Nobody can log in here.</p>",
        random()
    );
    let mut response = body(200, Some("text/html"), page);
    let policy = ("content-security-policy".to_owned(), Some("frame-ancestors 'none'".to_owned()));
    apply(&HttpEdit { status: None, headers: vec![policy] }, &mut response);
    response
}

/// To the other authorization server, under the one client id; that the user has agreed is kept for longer.
fn passed_on(base: &str) -> Response<Body> {
    let location = format!("{UPSTREAM}&redirect_uri={base}{CALLBACK}&state={:x}", random());
    let cookie = format!("{}; Path=/; Secure; HttpOnly; SameSite=Lax", CONSENT.text);
    sent_to(&location, vec![("set-cookie".to_owned(), Some(cookie))])
}

fn sent_to(location: &str, mut headers: Vec<(String, Option<String>)>) -> Response<Body> {
    let mut response = empty(302);
    headers.push(("location".into(), Some(location.to_owned())));
    apply(&HttpEdit { status: None, headers }, &mut response);
    response
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}
