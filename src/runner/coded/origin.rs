//! The `Origin` header: a foreign page is refused, on every method.

use super::http::{Seen, bare, probe, say, shown, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;
use crate::transport::is_loopback;

pub(super) const FOREIGN: [&str; 2] = ["http://evil.example", "http://localhost.evil.example"];
const REFUSED: &str = "a refusal, HTTP 403";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(url) = run.session.url().cloned() else { return };
    if probe(run, &[]).await.result().is_none() {
        return run.rest_unseen("the same request without Origin is not served");
    }
    let is_local = is_loopback(&url);
    own(run, &url).await;
    let mut refusals = Vec::new();
    for origin in FOREIGN {
        let outcome = probe(run, &[("Origin", Some(origin))]).await;
        if outcome.status == Some(401) {
            return run.rest_unseen("the server asks for credentials first");
        }
        let seen = Seen::of(&outcome, "a request from a foreign web page is served", REFUSED);
        // A public server may let every page in; one on this machine, or without credentials, must not.
        let is_open = is_local && !run.session.has_credentials();
        let seen = if is_open { seen } else { seen.at_most(Verdict::Warn) };
        let is_refused = outcome.result().is_none();
        say(run, "http.origin.validated", is_refused, &seen);
        if is_refused {
            refusals.push(outcome);
        }
    }
    match refusals.len() == FOREIGN.len() {
        true => {
            refusals.iter().for_each(|outcome| refusal(run, outcome));
            others(run).await;
        }
        // One cause, one finding.
        false => run.rest_unseen("foreign origins are served"),
    }
}

/// The server's own pages, and those of this machine, are let in.
async fn own(run: &mut CaseRun<'_>, url: &url::Url) {
    let mut outcome = Outcome::default();
    for origin in own_origins(url) {
        outcome = probe(run, &[("Origin", Some(&origin))]).await;
        if outcome.result().is_some() {
            break;
        }
    }
    let seen = Seen::of(&outcome, "the server's own origin is refused", "the request is served");
    say(run, "http.origin.own-origin-accepted", outcome.result().is_some(), &seen);
}

/// The origin of the server's own pages, and another name for it if it is on this machine.
pub(super) fn own_origins(url: &url::Url) -> Vec<String> {
    let mut origins = vec![url.origin().ascii_serialization()];
    let mut localhost = url.clone();
    if is_loopback(url) && localhost.set_host(Some("localhost")).is_ok() {
        origins.push(localhost.origin().ascii_serialization());
    }
    origins
}

fn refusal(run: &mut CaseRun<'_>, outcome: &Outcome) {
    let is_403 = outcome.status == Some(403);
    let seen = Seen::of(outcome, "a foreign origin is refused with another status", "HTTP 403");
    say(run, "http.origin.invalid-403", is_403, &seen);
    let id = outcome.reply.as_ref().and_then(|reply| reply.get("id")).filter(|id| !id.is_null());
    let seen = Seen::of(outcome, "the refusal of an origin has an id", "no id").at_most(Verdict::Warn);
    let Some(requirement) = run.judged("http.origin.403-body").filter(|_| is_403) else { return };
    match id {
        None => run.note(requirement, Verdict::Pass, shown(outcome)),
        Some(_) => say(run, "http.origin.403-body", false, &seen),
    }
}

/// GET and DELETE are as closed as POST.
async fn others(run: &mut CaseRun<'_>) {
    let foreign = [("Origin", Some(FOREIGN[0]))];
    let outcome = bare(run, "GET", &foreign).await;
    let seen = Seen::of(&outcome, "a foreign web page gets a stream", REFUSED);
    say(run, "http.origin.validated-on-get", outcome.status.is_none_or(|status| status >= 400), &seen);
    if run.session.http_session().is_none() {
        return unseen(run, "http.origin.validated-on-delete", "the server gives no session id");
    }
    let ended = bare(run, "DELETE", &foreign).await;
    let after = probe(run, &[]).await;
    let seen = Seen::of(&after, "a foreign web page ended the session", "a session that goes on");
    let seen = Seen { span: (ended.span.0, after.span.1), ..seen };
    say(run, "http.origin.validated-on-delete", after.result().is_some(), &seen);
}
