//! Who the user is follows from the credentials, not from what a client calls itself.

use serde_json::{Value, json};

use super::super::client::{End, end};
use super::site::{self, Site};
use super::users::Users;
use super::{Seen, say_at_most};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::{HttpCall, Meta, Outcome};

const ID: &str = "elicitation.identity-from-credentials";
const HINT: &str =
    "needs a tool that tells who the user is: `[tools.NAME] identity = true` in the profile names it";
/// What the client calls itself, and what else it could.
const NAME: &str = "mcp-conform-first";
const OTHER_NAME: &str = "mcp-conform-second";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(own) = site::credentials(run) else { return };
    let told = run.told(|tool| tool.identity.then_some(()));
    let Some((call, ())) = told else { return run.rest_unseen(HINT) };
    if Site::find(run).await.is_none() {
        return;
    }
    let first = done(&ask(run, &own, NAME, &call).await);
    let again = done(&ask(run, &own, NAME, &call).await);
    let Some(answer) = first.filter(|first| Some(first) == again.as_ref()) else {
        return run.rest_unseen("the tool does not say the same twice");
    };
    let renamed = ask(run, &own, OTHER_NAME, &call).await;
    let theirs = match run.around.tokens.other_user {
        Some(_) => {
            let Some(Users { other, .. }) = Users::find(run).await else { return };
            done(&ask(run, &other, NAME, &call).await)
        }
        None => None,
    };
    let Some(new) = done(&renamed) else {
        return run.rest_unseen("the tool does not work for a client of another name");
    };
    judge(run, &answer, &new, theirs.as_ref(), &renamed);
}

/// `theirs` is what another user is told, a client of the first name.
fn judge(run: &mut CaseRun<'_>, answer: &Value, new: &Value, theirs: Option<&Value>, outcome: &Outcome) {
    let (follows_name, follows_token) = (new != answer, theirs.map(|theirs| theirs != answer));
    // An answer may name the client besides: only another user shows whether it tells them apart.
    let (expected, problem, at_most) = match (follows_name, follows_token) {
        (false, Some(true)) => ("the answer follows the token", None, None),
        (false, None) => ("the same for a client of another name", None, None),
        (true, Some(true)) => ("the answer follows the token, and names the client besides", None, None),
        (false, Some(false)) => {
            let problem = "two users are told that they are the same";
            ("another answer for another user", Some(problem), Some(Verdict::Warn))
        }
        (true, None) => {
            let problem = "who the user is changes with the name of the client";
            ("the same for a client of another name", Some(problem), Some(Verdict::Warn))
        }
        (true, Some(false)) => {
            let problem = "who the user is follows from the name of the client, and not from the token";
            ("the answer follows the token", Some(problem), None)
        }
    };
    let seen = Seen { got: format!("{new}, and before {answer}"), span: outcome.span };
    say_at_most(run, ID, &seen, expected, problem.map(str::to_owned), at_most);
}

/// Calls the tool with these credentials, as a client of this name.
async fn ask(run: &mut CaseRun<'_>, authorization: &str, name: &str, call: &Value) -> Outcome {
    if run.session.revision.is_stateless() {
        let info = json!({"name": name, "title": name, "version": "1.0"});
        let key = "io.modelcontextprotocol/clientInfo".to_owned();
        let meta = Meta::Changed([(key, info)].into_iter().collect());
        let (_, message) = run.session.compose("tools/call", Some(call.clone()), &meta);
        let headers = site::headers(&[authorization]);
        let call = HttpCall { method: "POST".into(), headers, message: Some(message), ..HttpCall::default() };
        return run.session.http(&call).await;
    }
    let Some(mut session) = run.session.another(authorization) else { return Outcome::default() };
    let outcome = match session.open_as(name).await {
        true => session.request("tools/call", Some(call.clone())).await,
        false => Outcome::default(),
    };
    session.finish().await;
    // It stands in the transcript of another conversation.
    Outcome { span: (0, 0), ..outcome }
}

fn done(outcome: &Outcome) -> Option<Value> {
    match end(outcome) {
        End::Done(result) => Some(result),
        _ => None,
    }
}
