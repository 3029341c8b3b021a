//! The authorization endpoint, as a client that the user registered sees it. Nobody logs in: only what is refused or redirected
//! at once is judged.

use super::discovery::Discovery;
use super::document::{address, object, well_known};
use super::issuer::{OAUTH, OPENID};
use super::site::Site;
use super::{Seen, kept, say, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::transport::Fetched;

const EXACT: &str = "auth.as.redirect-uri-exact";
const OPEN: &str = "auth.as.no-open-redirect";
const PKCE: &str = "auth.as.pkce-required";
const ISS: &str = "auth.as.iss-in-response";
const ADVERTISED: &str = "auth.as.iss-advertised";
const HINT: &str = "needs a registered client: name it in mcp-conform.toml, [authorization] client_id = \"…\" and redirect_uri = \"…\"";
const PAGE: &str =
    "the endpoint shows a page, whatever it is asked: what comes after a log-in cannot be seen";
const ADVERTISES: &str = "authorization_response_iss_parameter_supported";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let tokens = run.around.tokens;
    let (Some(client), Some(redirect)) = (&tokens.client_id, &tokens.redirect_uri) else {
        return run.rest_unseen(HINT);
    };
    let Some(entry) = Entry::find(run, &site, client, redirect).await else {
        return run.rest_unseen("no metadata names an authorization endpoint");
    };
    redirects(run, &entry).await;
    let refused = entry.ask(run, &[("code_challenge", None), ("code_challenge_method", None)]).await;
    pkce(run, &entry, &refused);
    let unsupported = entry.ask(run, &[("response_type", Some("mcp-conform"))]).await;
    for response in [&refused, &unsupported] {
        issuer(run, &entry, response);
    }
    run.rest_unseen("the endpoint redirects nothing at once");
}

/// An authorization endpoint, and who asks there.
struct Entry<'t> {
    site: &'t Site,
    issuer: String,
    endpoint: url::Url,
    advertises: bool,
    client: &'t str,
    redirect: &'t str,
    /// The worst verdict on an authorization server that is not the MCP server.
    at_most: Option<Verdict>,
}

impl<'t> Entry<'t> {
    async fn find(run: &mut CaseRun<'_>, site: &'t Site, client: &'t str, redirect: &'t str) -> Option<Self> {
        let refusal = site.ask(run, &[]).await;
        let found = Discovery::of(run, site, &refusal).await.document();
        let listed = found
            .and_then(|document| document.get("authorization_servers")?.get(0)?.as_str().map(str::to_owned));
        let issuer = listed.unwrap_or_else(|| site.url.origin().ascii_serialization());
        let url = address(&issuer)?;
        for name in [OAUTH, OPENID] {
            let fetched = site.fetch(run, &well_known(&url, name)).await;
            let Some(members) = object(&fetched) else { continue };
            let endpoint = address(members.get("authorization_endpoint")?.as_str()?)?;
            let advertises = members.get(ADVERTISES).is_some_and(|value| *value == true);
            let at_most = (url.origin() != site.url.origin()).then_some(Verdict::Warn);
            return Some(Self { site, issuer, endpoint, advertises, client, redirect, at_most });
        }
        None
    }

    /// An authorization request, right but for the changes; `None` leaves a parameter out.
    async fn ask(&self, run: &CaseRun<'_>, changes: &[(&str, Option<&str>)]) -> Fetched {
        let mut url = self.endpoint.clone();
        let usual = [
            ("response_type", "code"),
            ("client_id", self.client),
            ("redirect_uri", self.redirect),
            ("state", "mcp-conform"),
            // The example of RFC 7636.
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in usual {
            let changed = changes.iter().find(|(known, _)| *known == name);
            if let Some(value) = changed.map_or(Some(value), |(_, value)| *value) {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.site.fetch(run, &url).await
    }
}

/// Where a response sends the browser at once.
fn target(response: &Fetched) -> Option<&str> {
    response.header("location").filter(|_| (300..400).contains(&response.status))
}

fn param(target: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(target).ok()?;
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Addresses that nobody registered, and clients that nobody knows, get an error and no redirect.
async fn redirects(run: &mut CaseRun<'_>, entry: &Entry<'_>) {
    let longer = format!("{}/mcp-conform", entry.redirect.trim_end_matches('/'));
    for other in ["https://mcp-conform.invalid/callback", &longer] {
        let response = entry.ask(run, &[("redirect_uri", Some(other))]).await;
        judge(run, entry, EXACT, &response, other, "an address that is not registered");
        judge(run, entry, OPEN, &response, other, "an address that is not registered");
    }
    let response = entry.ask(run, &[("client_id", Some("mcp-conform-no-such-client"))]).await;
    judge(run, entry, OPEN, &response, entry.redirect, "the address of an unknown client");
}

fn judge(run: &mut CaseRun<'_>, entry: &Entry<'_>, id: &str, response: &Fetched, address: &str, what: &str) {
    let is_sent = target(response).is_some_and(|target| target.starts_with(address));
    match response.status {
        400..=499 => kept(run, id, "refused without a redirect"),
        _ if is_sent => {
            let problem = Some(format!("the browser is sent to {what}"));
            say_at_most(run, id, &Seen::document(response), "an error page", problem, entry.at_most);
        }
        _ => unseen(run, id, PAGE),
    }
}

fn pkce(run: &mut CaseRun<'_>, entry: &Entry<'_>, response: &Fetched) {
    let sent = target(response).filter(|target| target.starts_with(entry.redirect));
    match (response.status, sent) {
        (400..=499, _) => kept(run, PKCE, "refused"),
        (_, Some(target)) => {
            let code = param(target, "code").map(|_| "a code is issued without code_challenge".to_owned());
            say_at_most(run, PKCE, &Seen::document(response), "an error", code, entry.at_most);
        }
        _ => unseen(run, PKCE, PAGE),
    }
}

/// An error that goes back to the client says whose it is.
fn issuer(run: &mut CaseRun<'_>, entry: &Entry<'_>, response: &Fetched) {
    let Some(target) = target(response).filter(|target| target.starts_with(entry.redirect)) else { return };
    let seen = Seen::document(response);
    let iss = param(target, "iss");
    let problem = match &iss {
        Some(iss) if *iss == entry.issuer => None,
        Some(iss) => Some(format!("iss is {iss}")),
        None => Some("the response has no iss".to_owned()),
    };
    say(run, ISS, &seen, &format!("iss={}", entry.issuer), problem);
    let problem = match (iss.is_some(), entry.advertises) {
        (true, false) => Some(format!("iss is sent, but {ADVERTISES} is not true")),
        (false, true) => Some(format!("{ADVERTISES} is true, but iss is not sent")),
        _ => None,
    };
    let expected = "iss is sent where it is promised, and promised where it is sent";
    say_at_most(run, ADVERTISED, &seen, expected, problem, entry.at_most);
}
