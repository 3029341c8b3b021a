//! Which tokens are accepted, and how they may be sent.

use super::challenge::{TABLE, is_refused_inside, status};
use super::forged;
use super::said::Said;
use super::site::{self, Site, is_served};
use super::{Seen, kept, say, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;
use crate::transport::is_loopback;

const INVALID: &str = "auth.401.invalid-token";
const ACCEPTED: &str = "auth.token.header-accepted";
const EXPIRY: &str = "auth.token.expiry-and-rotation";
const NEEDS_TOKEN: &str = "needs a token that is accepted: give one with --bearer-env NAME";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    if let Some(token) = site.token.clone() {
        accepted(run, &token).await;
    }
    for (name, token) in forged::junk(site.token.as_deref()) {
        let outcome = site.ask_with(run, &token).await;
        status(run, INVALID, &outcome, name);
        error_code(run, &outcome);
    }
    malformed(run, &site).await;
    stranger(run, &site).await;
    given(run, &site).await;
    match site.token.clone() {
        Some(token) if site.is_served(run).await => with_token(run, &site, &token).await,
        _ => run.rest_unseen(NEEDS_TOKEN),
    }
    run.rest_unseen("the situation did not arise");
}

async fn accepted(run: &mut CaseRun<'_>, token: &str) {
    let headers = site::headers(&[&format!("Bearer {token}")]);
    let outcome = site::post(run, run.session.revision.fence(), None, headers, None).await;
    let is_refused = outcome.status == Some(401);
    let problem = is_refused.then(|| "the token that opened the conversation is refused".to_owned());
    say(run, ACCEPTED, &Seen::outcome(&outcome), "Authorization: Bearer is accepted", problem);
}

fn error_code(run: &mut CaseRun<'_>, outcome: &Outcome) {
    const ID: &str = "auth.401.error-invalid-token";
    let said = Said::of(outcome);
    if outcome.status != Some(401) || said.bearer().is_none() {
        return unseen(run, ID, "the refusal has no challenge for bearer tokens");
    }
    let problem = match said.param("error") {
        Some("invalid_token") => None,
        Some(other) => Some(format!("the challenge for a bad token says error=\"{other}\"")),
        None => Some("the challenge for a bad token names no error".to_owned()),
    };
    say(run, ID, &Seen::outcome(outcome), "error=\"invalid_token\"", problem);
}

/// Headers that are no bearer credentials. Whether that is 400 or 401 is left open.
async fn malformed(run: &mut CaseRun<'_>, site: &Site) {
    for authorization in ["Bearer", "Bearer mcp conform", "Basic bWNwOmNvbmZvcm0="] {
        let outcome = site.ask(run, &[authorization]).await;
        if is_refused_inside(&outcome) {
            run.depends("auth.400.malformed", TABLE);
            continue;
        }
        let is_refused = outcome.status.is_some_and(|status| (400..500).contains(&status));
        let problem = (!is_refused).then(|| format!("`Authorization: {authorization}` is not refused"));
        say(run, "auth.400.malformed", &Seen::outcome(&outcome), "HTTP 400, or 401", problem);
    }
}

/// A token of an issuer that nobody knows.
async fn stranger(run: &mut CaseRun<'_>, site: &Site) {
    let token = forged::signed(&site.url, "https://issuer.mcp-conform.invalid");
    let outcome = site.ask_with(run, &token).await;
    let problem = is_served(&outcome).then(|| "a token of an unknown issuer is accepted".to_owned());
    say(run, "auth.token.own-only", &Seen::outcome(&outcome), "HTTP 401", problem);
}

/// Tokens that the user gave: really issued, and not valid here.
async fn given(run: &mut CaseRun<'_>, site: &Site) {
    let tokens = run.around.tokens;
    match &tokens.expired {
        Some(token) => {
            let outcome = site.ask_with(run, token).await;
            status(run, "auth.401.expired-token", &outcome, "an expired token");
            let problem = is_served(&outcome).then(|| "a token is accepted after its end".to_owned());
            say(run, EXPIRY, &Seen::outcome(&outcome), "a token is good until it expires", problem);
        }
        None => {
            for id in ["auth.401.expired-token", EXPIRY] {
                unseen(run, id, &hint("expired_token_env", "a token that has expired"));
            }
        }
    }
    let Some(token) = &tokens.foreign else {
        let what = "a token of the same authorization server for another resource";
        return unseen(run, "auth.token.audience", &hint("foreign_token_env", what));
    };
    let outcome = site.ask_with(run, token).await;
    if is_refused_inside(&outcome) {
        return run.depends("auth.token.audience", TABLE);
    }
    let problem = match outcome.status {
        Some(401) => None,
        _ if is_served(&outcome) => Some("a token for another resource is accepted".to_owned()),
        _ => Some("a token for another resource is refused, but not with HTTP 401".to_owned()),
    };
    let at_most = (!is_served(&outcome)).then_some(Verdict::Warn);
    say_at_most(run, "auth.token.audience", &Seen::outcome(&outcome), "HTTP 401", problem, at_most);
}

/// What would make a check visible that needs a token of its own.
pub(super) fn hint(key: &str, what: &str) -> String {
    format!(
        "needs {what}: name the environment variable that holds it in mcp-conform.toml, [authorization] {key} = \"NAME\""
    )
}

async fn with_token(run: &mut CaseRun<'_>, site: &Site, token: &str) {
    validated(run, site, token).await;
    let outcome = site.ask(run, &[&format!("bEaReR {token}")]).await;
    let problem = (!is_served(&outcome)).then(|| "`bEaReR` is refused, `Bearer` is not".to_owned());
    let seen = Seen::outcome(&outcome);
    let expected = "the scheme is matched without regard to case";
    say_at_most(run, "auth.token.scheme-case-insensitive", &seen, expected, problem, Some(Verdict::Warn));
    two_headers(run, site, token).await;
    query(run, site, token).await;
    upper_case_host(run, site, token).await;
}

async fn validated(run: &mut CaseRun<'_>, site: &Site, token: &str) {
    let issuer = site.url.origin().ascii_serialization();
    for token in [Some(forged::signed(&site.url, &issuer)), forged::resigned(token)].into_iter().flatten() {
        let outcome = site.ask_with(run, &token).await;
        let problem = is_served(&outcome).then(|| "a token with a forged signature is accepted".to_owned());
        let expected = "the valid token is served, a forged one is not";
        say(run, "auth.token.validated", &Seen::outcome(&outcome), expected, problem);
    }
}

/// Two headers with different tokens. Many HTTP libraries read one of them only: then the order decides, which is no
/// deliberate choice. Accepting them in both orders is.
async fn two_headers(run: &mut CaseRun<'_>, site: &Site, token: &str) {
    let (valid, junk) = (format!("Bearer {token}"), "Bearer mcp-conform-not-a-token");
    let first = site.ask(run, &[&valid, junk]).await;
    let second = site.ask(run, &[junk, &valid]).await;
    let always = is_served(&first) && is_served(&second);
    let problem = always.then(|| "two different tokens are accepted if one of them is valid".to_owned());
    say(run, "auth.token.single-method", &Seen::outcome(&second), "HTTP 400", problem);
}

async fn query(run: &mut CaseRun<'_>, site: &Site, token: &str) {
    const ID: &str = "auth.token.query-ignored";
    if !is_loopback(&site.url) {
        let why = "the token would stand in the logs of a server elsewhere: judge it on this machine";
        return unseen(run, ID, why);
    }
    let mut url = site.url.clone();
    url.query_pairs_mut().append_pair("access_token", token);
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let outcome = site.ask_so(run, site::headers(&[]), Some(path)).await;
    let problem = is_served(&outcome).then(|| "a token in the query string is accepted".to_owned());
    say(run, ID, &Seen::outcome(&outcome), "HTTP 401: a token in the query string is ignored", problem);
}

async fn upper_case_host(run: &mut CaseRun<'_>, site: &Site, token: &str) {
    const ID: &str = "auth.uri.case-tolerant";
    let Some(url::Host::Domain(name)) = site.url.host() else {
        return unseen(run, ID, "the address of the server has no letters: judge it by its name");
    };
    let port = site.url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut headers = site::headers(&[&format!("Bearer {token}")]);
    headers.push(("Host".to_owned(), Some(format!("{}{port}", name.to_uppercase()))));
    let outcome = site.ask_so(run, headers, None).await;
    match is_served(&outcome) {
        true => kept(run, ID, "the host may be written in upper case"),
        false => {
            let problem = Some("the host in upper case is refused".to_owned());
            say(run, ID, &Seen::outcome(&outcome), "served", problem);
        }
    }
}
