//! What one user was asked in a session, answered by another (2025-11-25).

use std::time::Duration;

use serde_json::Value;

use super::super::client::questions;
use super::site;
use super::users::Users;
use super::{Seen, say};
use crate::case::List;
use crate::protocol::Message;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::session::{Begun, HttpCall, Manner, Outcome, Session};

const ID: &str = "elicitation.bound-to-client-and-user";
/// How long a question may take to come, and an answer to be heeded.
const SOON: Duration = Duration::from_millis(500);

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(users) = Users::find(run).await else { return };
    for tool in run.around.survey.things(List::CallableTools) {
        if !run.around.survey.is_slow(&tool["name"]) && is_judged(run, &users, &tool).await {
            return;
        }
    }
    run.rest_unseen("no tool that may be called asks the user for anything");
}

/// The other user answers in place of the one who was asked; false if that shows nothing.
async fn is_judged(run: &mut CaseRun<'_>, users: &Users, tool: &Value) -> bool {
    let from = run.session.transcript.last();
    run.session.client_mut().manner = Manner::Silent;
    let call = run.session.begin("tools/call", Some(call_of(tool)));
    run.session.wait_until(SOON, |session| is_over(session, &call) || asked(session, from).is_some()).await;
    run.session.client_mut().manner = Manner::Willing;
    let question = asked(run.session, from);
    // Who does not wait for an answer does not wait for that of the other either.
    let foreign = match &question {
        Some(question) if !run.session.is_answered(&call, SOON).await => {
            Some(answer_as_other(run, users, question).await)
        }
        _ => None,
    };
    let goes_on = run.session.is_answered(&call, SOON).await;
    questions(run.session, from).iter().for_each(|question| run.session.answer_late(question));
    let is_answered = run.session.is_answered(&call, run.session.timeout()).await;
    let Some(foreign) = foreign.filter(|_| is_answered) else { return false };
    let problem = goes_on.then(|| format!("{} goes on with the answer of another user", tool["name"]));
    say(run, ID, &Seen::outcome(&foreign), "the answer of the user who was asked", problem);
    true
}

fn is_over(session: &Session, call: &Begun) -> bool {
    session.reply_so_far(&call.id).is_some()
}

/// What the user was asked since an entry of the transcript.
fn asked(session: &Session, from: u64) -> Option<Message> {
    questions(session, from).into_iter().find(|question| question.method() == Some("elicitation/create"))
}

/// Answers within the session, with the credentials of the other user.
async fn answer_as_other(run: &mut CaseRun<'_>, users: &Users, question: &Message) -> Outcome {
    let message = Some(run.session.client().answer(question));
    let headers = site::headers(&[&users.other]);
    run.session.http(&HttpCall { method: "POST".into(), headers, message, ..HttpCall::default() }).await
}
