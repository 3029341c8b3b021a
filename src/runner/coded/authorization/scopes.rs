//! A valid token that may not do everything.

use serde_json::Value;

use super::document::address;
use super::said::Said;
use super::site::{self, Site, is_served};
use super::tokens::hint;
use super::{Seen, say, say_at_most, unseen};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const REFUSED: &str = "auth.403.insufficient-scope";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let tool = run.around.survey.things(List::CallableTools).into_iter().next();
    let Some(tool) = tool else { return run.rest_unseen(List::CallableTools.hint()) };
    let Some(token) = site.token.clone() else {
        return run.rest_unseen("needs a token that may call tools: give one with --bearer-env NAME");
    };
    if !is_done(&call(run, &tool, &token).await) {
        return run
            .rest_unseen(&format!("the tool {} does not work with the token that was given", tool["name"]));
    }
    narrow(run, &site, &tool).await;
    broad(run, &tool).await;
    run.rest_unseen("the refusal is not HTTP 403");
}

async fn call(run: &mut CaseRun<'_>, tool: &Value, token: &str) -> Outcome {
    let params = call_of(tool);
    let headers = site::headers(&[&format!("Bearer {token}")]);
    site::post(run, "tools/call", Some(params), headers, None).await
}

fn is_done(outcome: &Outcome) -> bool {
    outcome.result().is_some_and(|result| result["isError"] != true)
}

async fn narrow(run: &mut CaseRun<'_>, site: &Site, tool: &Value) {
    let tokens = run.around.tokens;
    let Some(token) = &tokens.narrow else {
        return run.rest_unseen(&hint("narrow_token_env", "a valid token that may not call tools"));
    };
    if !is_served(&site.ask_with(run, token).await) {
        return run.rest_unseen("the narrow token is not accepted at all");
    }
    let outcome = call(run, tool, token).await;
    let seen = Seen::outcome(&outcome);
    let problem = match outcome.status {
        Some(403) => None,
        _ if is_done(&outcome) => Some("the tool is called with a token that must not".to_owned()),
        Some(status) => Some(format!("the token is not enough, but the status is {status}")),
        None => Some("there is no response".to_owned()),
    };
    let is_mild = problem.is_some() && !is_done(&outcome);
    say_at_most(run, REFUSED, &seen, "HTTP 403", problem, is_mild.then_some(Verdict::Warn));
    if outcome.status == Some(403) {
        let unauthorized = site.ask(run, &[]).await;
        challenge(run, &Said::of(&outcome), &Said::of(&unauthorized), &seen);
        widened(run, tool).await;
    }
}

/// What the refusal says about the way on.
fn challenge(run: &mut CaseRun<'_>, said: &Said, unauthorized: &Said, seen: &Seen) {
    let code = said.param("error");
    let problem = match (said.bearer(), code) {
        (None, _) => Some("HTTP 403 without a Bearer challenge".to_owned()),
        (Some(_), Some("insufficient_scope")) => None,
        (Some(_), other) => Some(format!("the error is {}", other.unwrap_or("absent"))),
    };
    let has_challenge = said.bearer().is_some();
    say(run, "auth.403.challenge", seen, "error=\"insufficient_scope\"", problem);
    if !has_challenge {
        run.depends("auth.403.scope-needed", "auth.403.challenge");
        return run.depends("auth.403.resource-metadata", "auth.403.challenge");
    }
    let is_told = said.scopes().is_some_and(|scopes| !scopes.is_empty());
    let problem = (!is_told).then(|| "the challenge does not tell which scopes are needed".to_owned());
    say(run, "auth.403.scope-needed", seen, "the scopes that are needed", problem);
    let (named, before) = (said.param("resource_metadata"), unauthorized.param("resource_metadata"));
    let problem = match named {
        None => Some("the challenge has no resource_metadata".to_owned()),
        Some(text) if address(text).is_none() => Some(format!("`{text}` is no absolute address")),
        Some(text) if before.is_some_and(|before| before != text) => {
            Some("HTTP 401 names another metadata".to_owned())
        }
        Some(_) => None,
    };
    say(run, "auth.403.resource-metadata", seen, "the address that HTTP 401 names", problem);
}

async fn widened(run: &mut CaseRun<'_>, tool: &Value) {
    const ID: &str = "auth.403.all-scopes-at-once";
    let tokens = run.around.tokens;
    let Some(token) = &tokens.widened else {
        let what = "the narrow token after its scopes were widened exactly as the challenge asks";
        return unseen(run, ID, &hint("widened_token_env", what));
    };
    let outcome = call(run, tool, token).await;
    let again = outcome.status == Some(403);
    let problem = again.then(|| "after the scopes were widened as asked, more are asked for".to_owned());
    say(run, ID, &Seen::outcome(&outcome), "all scopes in one challenge", problem);
}

async fn broad(run: &mut CaseRun<'_>, tool: &Value) {
    const ID: &str = "auth.scope.hierarchy";
    let tokens = run.around.tokens;
    let Some(token) = &tokens.broad else {
        let what = "a token with one broad scope that implies those for calling tools";
        return unseen(run, ID, &hint("broad_token_env", what));
    };
    let outcome = call(run, tool, token).await;
    let problem =
        (outcome.status == Some(403)).then(|| "a broader scope does not imply the narrower ones".to_owned());
    say(run, ID, &Seen::outcome(&outcome), "the broader scope is enough", problem);
}
