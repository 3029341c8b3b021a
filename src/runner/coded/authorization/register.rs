//! Registering clients (RFC 7591), which leaves them behind where the authorization server does not delete them again: only
//! where the user says that it may be done.

use serde_json::{Map, Value, json};

use super::browser::authorization_request;
use super::document::address;
use super::provider::Provider;
use super::site::Site;
use super::{Seen, kept, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::transport::{Fetched, Plain};

const SCHEME: &str = "auth.as.redirect-uri-scheme";
const HINT: &str = "needs clients to be registered at the authorization server, where they may stay: set register = true in the profile, \
                    [authorization], if that does no harm";
/// Addresses that may be registered.
const LEGAL: [&str; 2] = ["http://127.0.0.1/callback", "http://localhost/callback"];
/// One that everybody on the way can read.
const FOREIGN: &str = "http://mcp-conform.example/callback";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    if !run.around.tokens.register {
        return run.rest_unseen(HINT);
    }
    let provider = Provider::find(run, &site).await;
    let endpoint = provider.as_ref().and_then(|provider| provider.endpoint("registration_endpoint"));
    let (Some(provider), Some(endpoint)) = (provider, endpoint) else {
        return run.rest_unseen("no metadata names a registration endpoint");
    };
    let office = Office { provider: &provider, endpoint };
    if let Some(why) = office.control(run).await {
        return run.rest_unseen(&why);
    }
    let response = office.register(run, FOREIGN).await;
    scheme(run, &office, &response).await;
    office.remove(run, &response).await;
}

/// Where clients register.
struct Office<'p> {
    provider: &'p Provider<'p>,
    endpoint: url::Url,
}

impl Office<'_> {
    /// Why no client can be registered, if none can.
    async fn control(&self, run: &CaseRun<'_>) -> Option<String> {
        let mut why = None;
        for redirect in LEGAL {
            let response = self.register(run, redirect).await;
            if client(&response).is_some() {
                self.remove(run, &response).await;
                return None;
            }
            why = Some(format!("a client with the address {redirect} cannot register: {}", said(&response)));
        }
        why
    }

    async fn register(&self, run: &CaseRun<'_>, redirect: &str) -> Fetched {
        let wanted = json!({
            "client_name": "mcp-conform test client",
            "redirect_uris": [redirect],
            "application_type": "native",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        });
        let plain = Plain::post(&self.endpoint, "application/json", wanted.to_string());
        self.provider.site.exchange(run, plain).await
    }

    /// Deletes a client again (RFC 7592), where the authorization server says how.
    async fn remove(&self, run: &CaseRun<'_>, registered: &Fetched) {
        let Some(client) = client(registered) else { return };
        let text = |name: &str| client.get(name).and_then(Value::as_str);
        let url = text("registration_client_uri").and_then(address);
        let (Some(url), Some(token)) = (url, text("registration_access_token")) else { return };
        let mut plain = Plain { method: "DELETE", ..Plain::get(&url, "application/json") };
        plain.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        self.provider.site.exchange(run, plain).await;
    }

    /// Whether the authorization endpoint takes the address of the client, too; true where that cannot be seen.
    async fn sends_to(&self, run: &CaseRun<'_>, client: &Map<String, Value>) -> bool {
        let id = client.get("client_id").and_then(Value::as_str);
        let (Some(endpoint), Some(id)) = (self.provider.endpoint("authorization_endpoint"), id) else {
            return true;
        };
        let url = authorization_request(&endpoint, id, FOREIGN, &[]);
        !(400..500).contains(&self.provider.site.fetch(run, &url).await.status)
    }
}

async fn scheme(run: &mut CaseRun<'_>, office: &Office<'_>, response: &Fetched) {
    let Some(client) = client(response) else {
        return match response.status {
            401 | 403 | 429 => {
                unseen(run, SCHEME, &format!("the second registration shows nothing: {}", said(response)))
            }
            400..=499 => {
                kept(run, SCHEME, format!("an address with http on another host: {}", said(response)))
            }
            _ => unseen(run, SCHEME, &format!("the second registration shows nothing: {}", said(response))),
        };
    };
    let listed = client.get("redirect_uris").and_then(Value::as_array);
    if listed.is_some_and(|listed| !listed.contains(&FOREIGN.into())) {
        return kept(
            run,
            SCHEME,
            "the client is registered without the address that has http on another host",
        );
    }
    let is_used = office.sends_to(run, &client).await;
    let at_most = match listed.is_some() && is_used {
        true => office.provider.at_most,
        false => Some(Verdict::Warn),
    };
    let but = if is_used { "" } else { " (the authorization endpoint refuses it)" };
    let problem = Some(format!("{FOREIGN} is registered as the address of a client{but}"));
    // The response may hold secrets.
    let got = format!("POST {}: {}, redirect_uris {}", office.endpoint, said(response), json!(listed));
    say_at_most(run, SCHEME, &Seen::beside(got), "invalid_redirect_uri", problem, at_most);
}

/// The client in a response, if one was registered.
fn client(response: &Fetched) -> Option<Map<String, Value>> {
    let members: Map<String, Value> = serde_json::from_slice(&response.body).ok()?;
    let is_registered =
        matches!(response.status, 200..=299) && members.get("client_id").is_some_and(Value::is_string);
    is_registered.then_some(members)
}

fn said(response: &Fetched) -> String {
    response.failed.clone().unwrap_or_else(|| format!("HTTP {}", response.status))
}
