//! Each request needs a token, also inside a session that was opened with one.

use super::site::{self, Site};
use super::{Seen, kept, say, unseen};
use crate::case::List;
use crate::runner::interpret::CaseRun;
use crate::session::{HttpCall, Outcome};

const EVERY: &str = "auth.401.every-request";
const SESSION: &str = "auth.session.not-authentication";
const STREAMS: &str = "auth.401.get-and-delete";
const JUNK: &str = "Bearer mcp-conform-not-a-token";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    if !site.is_served(run).await {
        return run.rest_unseen("needs a token that is accepted: give one with --bearer-env NAME");
    }
    inside(run, &site).await;
    if site.guarded.whole {
        streams(run).await;
    }
    run.rest_unseen("only some requests need a token");
}

/// Requests that were served with the token, and now lack it.
async fn inside(run: &mut CaseRun<'_>, site: &Site) {
    let mut methods = match site.guarded.opens {
        false => vec![(site.guarded.method.clone(), site.guarded.params.clone())],
        true => vec![(run.session.revision.fence().to_owned(), None)],
    };
    if site.guarded.whole {
        let lists = run.around.survey.things(List::Lists);
        let names = lists.iter().filter_map(|list| list["method"].as_str());
        methods.extend(names.take(2).map(|name| (name.to_owned(), None)));
    }
    for (method, params) in methods {
        for authorization in [&[][..], &[JUNK]] {
            let outcome = site::post(run, &method, params.clone(), site::headers(authorization), None).await;
            judge(run, &outcome, &format!("`{method}`"));
        }
    }
    if site.guarded.whole && run.session.revision.is_handshake() {
        let message = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let outcome = exchange(run, "POST", Some(message)).await;
        judge(run, &outcome, "a notification");
    }
}

fn judge(run: &mut CaseRun<'_>, outcome: &Outcome, what: &str) {
    let seen = Seen::outcome(outcome);
    let is_taken =
        outcome.status.is_some_and(|status| (200..300).contains(&status)) && outcome.error().is_none();
    let problem = is_taken.then(|| format!("{what} without a valid token is accepted"));
    say(run, EVERY, &seen, "HTTP 401 for each request without a valid token", problem.clone());
    match run.session.http_session().is_some() {
        true => say(run, SESSION, &seen, "a session id alone opens nothing", problem),
        false => unseen(run, SESSION, "the server assigns no session id"),
    }
}

async fn exchange(run: &mut CaseRun<'_>, method: &str, message: Option<serde_json::Value>) -> Outcome {
    let headers = site::headers(&[]);
    let call = HttpCall { method: method.into(), headers, message, ..HttpCall::default() };
    run.session.http(&call).await
}

async fn streams(run: &mut CaseRun<'_>) {
    if run.judged(STREAMS).is_none() {
        return;
    }
    for method in ["GET", "DELETE"] {
        let outcome = exchange(run, method, None).await;
        let is_taken = outcome.status.is_some_and(|status| (200..300).contains(&status));
        match is_taken {
            false => kept(run, STREAMS, format!("{method}: {}", Seen::outcome(&outcome).got)),
            true => {
                let problem = Some(format!("{method} without a token is accepted"));
                say(run, STREAMS, &Seen::outcome(&outcome), "HTTP 401, or 405", problem);
            }
        }
    }
}
