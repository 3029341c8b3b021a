//! The authorization endpoint, as a client that the user registered sees it. Nobody logs in: only what is refused or redirected
//! at once is judged.

use super::browser::{authorization_request, param, target};
use super::provider::Provider;
use super::site::Site;
use super::{Seen, kept, say, say_at_most, unseen};
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
    provider: Provider<'t>,
    endpoint: url::Url,
    client: &'t str,
    redirect: &'t str,
}

impl<'t> Entry<'t> {
    async fn find(run: &mut CaseRun<'_>, site: &'t Site, client: &'t str, redirect: &'t str) -> Option<Self> {
        let provider = Provider::find(run, site).await?;
        let endpoint = provider.endpoint("authorization_endpoint")?;
        Some(Self { provider, endpoint, client, redirect })
    }

    /// An authorization request, right but for the changes; `None` leaves a parameter out.
    async fn ask(&self, run: &CaseRun<'_>, changes: &[(&str, Option<&str>)]) -> Fetched {
        let url = authorization_request(&self.endpoint, self.client, self.redirect, changes);
        self.provider.site.fetch(run, &url).await
    }
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
            say_at_most(run, id, &Seen::document(response), "an error page", problem, entry.provider.at_most);
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
            say_at_most(run, PKCE, &Seen::document(response), "an error", code, entry.provider.at_most);
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
        Some(iss) if *iss == entry.provider.issuer => None,
        Some(iss) => Some(format!("iss is {iss}")),
        None => Some("the response has no iss".to_owned()),
    };
    say(run, ISS, &seen, &format!("iss={}", entry.provider.issuer), problem);
    let problem = match (iss.is_some(), entry.provider.promises(ADVERTISES)) {
        (true, false) => Some(format!("iss is sent, but {ADVERTISES} is not true")),
        (false, true) => Some(format!("{ADVERTISES} is true, but iss is not sent")),
        _ => None,
    };
    let expected = "iss is sent where it is promised, and promised where it is sent";
    say_at_most(run, ADVERTISED, &seen, expected, problem, entry.provider.at_most);
}
