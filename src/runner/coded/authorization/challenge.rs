//! What a request without a token gets: 401, with a challenge that tells how to go on.

use super::discovery::Discovery;
use super::document::{address, is_insecure};
use super::said::Said;
use super::site::{self, Site};
use super::{Seen, kept, say, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

pub(super) const TABLE: &str = "auth.status.table";
const UNAUTHENTICATED: &str = "auth.401.unauthenticated";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let outcome = site.ask(run, &[]).await;
    let seen = Seen::outcome(&outcome);
    status(run, UNAUTHENTICATED, &outcome, "a request without a token");
    if site.guarded.whole {
        let opening = site::open(run, &[]).await;
        status(run, UNAUTHENTICATED, &opening, "an opening request without a token");
    }
    if outcome.status != Some(401) {
        let cause = if run.is_violated(TABLE) { TABLE } else { UNAUTHENTICATED };
        return run.rest_depends(cause);
    }
    before_processing(run, &site, &outcome).await;
    let found = Discovery::of(run, &site, &outcome).await;
    let said = Said::of(&outcome);
    follows(run, &said, &found, &seen);
    header(run, &said, &found, &seen);
    content(run, &said, &found, &seen);
    secure(run, &site, &said, &found, &seen);
    consistent(run, &site, &said).await;
    run.rest_unseen("the refusal has no challenge for bearer tokens");
}

/// Judges the status of a refusal: an error inside a success is one thing, another status another.
pub(super) fn status(run: &mut CaseRun<'_>, id: &str, outcome: &Outcome, what: &str) {
    let seen = Seen::outcome(outcome);
    let is_success = outcome.status.is_some_and(is_success);
    if is_refused_inside(outcome) {
        say(run, TABLE, &seen, "HTTP 401", Some(format!("{what} is refused inside a success")));
        return run.depends(id, TABLE);
    }
    let problem = match outcome.status {
        Some(401) => None,
        Some(_) if is_success => Some(format!("{what} is served")),
        Some(status) => Some(format!("{what} is refused with HTTP {status}")),
        None => Some(format!("{what} gets no response")),
    };
    if problem.is_none() {
        kept(run, TABLE, "HTTP 401");
    }
    say(run, id, &seen, "HTTP 401", problem);
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Whether the refusal is an error inside a success.
pub(super) fn is_refused_inside(outcome: &Outcome) -> bool {
    outcome.status.is_some_and(is_success) && outcome.error().is_some()
}

/// Nobody without a token learns anything: no result, and no difference between what exists and what does not.
async fn before_processing(run: &mut CaseRun<'_>, site: &Site, outcome: &Outcome) {
    const ID: &str = "auth.401.before-processing";
    let expected = "HTTP 401, whatever is asked for, and nothing else";
    let leak = outcome.result().is_some();
    say(run, ID, &Seen::outcome(outcome), expected, leak.then(|| "the refusal holds the result".to_owned()));
    if !site.guarded.whole {
        return;
    }
    let unknown = serde_json::json!({"name": "mcp-conform-no-such-tool", "arguments": {}});
    let outcome = site::post(run, "tools/call", Some(unknown), site::headers(&[]), None).await;
    let differs = outcome.status != Some(401);
    let problem =
        differs.then(|| "a tool that does not exist is refused otherwise than what exists".to_owned());
    say(run, ID, &Seen::outcome(&outcome), expected, problem);
}

fn follows(run: &mut CaseRun<'_>, said: &Said, found: &Discovery, seen: &Seen) {
    let follows = said.bearer().is_some() || found.document().is_some();
    for id in ["auth.http-follows-spec", "base.auth.http-conforms"] {
        let problem =
            (!follows).then(|| "neither a Bearer challenge nor metadata leads to a token".to_owned());
        say(run, id, seen, "a Bearer challenge or protected resource metadata", problem);
    }
}

fn header(run: &mut CaseRun<'_>, said: &Said, found: &Discovery, seen: &Seen) {
    const ID: &str = "auth.401.www-authenticate";
    let is_missing = said.header.is_none();
    // From 2025-11-25 on well-known addresses are a way of their own to find the metadata.
    let excused = run.session.revision >= Revision::V2025_11_25 && found.well_known().is_some();
    let problem = is_missing.then(|| "HTTP 401 without WWW-Authenticate".to_owned());
    say_at_most(run, ID, seen, "a WWW-Authenticate header", problem, excused.then_some(Verdict::Warn));
    if is_missing {
        for id in
            ["auth.401.bearer-scheme", "auth.401.params-well-formed", "auth.401.resource-metadata-param"]
        {
            run.depends(id, ID);
        }
    }
}

/// The challenge itself.
fn content(run: &mut CaseRun<'_>, said: &Said, found: &Discovery, seen: &Seen) {
    if said.header.is_none() {
        return;
    }
    say(run, "auth.401.params-well-formed", seen, "parameters once each, well-formed", said.malformed());
    if said.challenges.is_err() {
        return run.rest_depends("auth.401.params-well-formed");
    }
    let Some(challenge) = said.bearer() else {
        return say(
            run,
            "auth.401.bearer-scheme",
            seen,
            "a Bearer challenge",
            Some("no challenge is for bearer tokens".into()),
        );
    };
    let bare = challenge.params.is_empty();
    // RFC 9110 by itself allows a scheme alone.
    let problem = bare.then(|| "`Bearer` stands alone, without a parameter".to_owned());
    say_at_most(run, "auth.401.bearer-scheme", seen, "Bearer with a parameter", problem, Some(Verdict::Warn));
    let code = said.param("error").map(|code| format!("error=\"{code}\" though no token was sent"));
    say(run, "auth.401.no-error-code-without-token", seen, "no error without a token", code);
    resource_metadata(run, said, seen);
    scope(run, said, found, seen);
}

fn resource_metadata(run: &mut CaseRun<'_>, said: &Said, seen: &Seen) {
    let problem = match said.param("resource_metadata") {
        None => Some("the challenge has no resource_metadata".to_owned()),
        Some(text) => address(text).is_none().then(|| format!("`{text}` is no absolute address")),
    };
    say(run, "auth.401.resource-metadata-param", seen, "resource_metadata with an absolute address", problem);
}

fn scope(run: &mut CaseRun<'_>, said: &Said, found: &Discovery, seen: &Seen) {
    let scopes = said.scopes();
    let published = found
        .document()
        .is_some_and(|document| document.get("scopes_supported").is_some_and(serde_json::Value::is_array));
    match (&scopes, published) {
        (None, false) => unseen(run, "auth.401.scope-param", "the server publishes no scopes"),
        _ => {
            let is_told = scopes.as_ref().is_some_and(|scopes| !scopes.is_empty());
            let problem = (!is_told).then(|| "scopes are published, but the challenge names none".to_owned());
            say(run, "auth.401.scope-param", seen, "the scopes that are needed", problem);
        }
    }
    let offline = scopes.is_some_and(|scopes| scopes.contains(&"offline_access"));
    let problem = offline.then(|| "the challenge asks for offline_access".to_owned());
    say(run, "auth.scope.no-offline-access-in-challenge", seen, "no offline_access", problem);
}

/// No address that leads to the server is one that everybody on the way can listen to.
fn secure(run: &mut CaseRun<'_>, site: &Site, said: &Said, found: &Discovery, seen: &Seen) {
    let document = found.document();
    let resource = document.as_ref().and_then(|document| document.get("resource")?.as_str());
    let addresses = [Some(site.url.as_str()), said.param("resource_metadata"), resource];
    let open = addresses.into_iter().flatten().find(|text| is_insecure(text));
    let problem = open.map(|text| format!("`{text}` is not https"));
    say(run, "auth.tls.server-https", seen, "https for the endpoint and its metadata", problem);
}

/// The same request asks for the same scopes.
async fn consistent(run: &mut CaseRun<'_>, site: &Site, first: &Said) {
    let Some(scopes) = first.scopes() else {
        return unseen(run, "auth.scope.consistent", "the challenge names no scopes");
    };
    for _ in 0..2 {
        let outcome = site.ask(run, &[]).await;
        let again = Said::of(&outcome);
        let differs = again.scopes().as_ref() != Some(&scopes);
        let problem = differs.then(|| format!("the same request asked for {scopes:?} before"));
        say(run, "auth.scope.consistent", &Seen::outcome(&outcome), "the same scopes each time", problem);
    }
}
