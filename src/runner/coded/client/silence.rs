//! A client that does not answer: what is open at the same time has tokens of its own, and the server gives up in the end
//! (handshake era).

use std::time::Duration;

use serde_json::Value;

use super::requests::Asking;
use super::{answered, kept, violated};
use crate::protocol::{Class, Id, Message};
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::session::{Begun, Manner, Outcome, Session};

const TOKENS: &str = "progress.server-token-unique";
/// Each is said by two pages.
const LIMIT: [&str; 2] = ["lifecycle.timeouts.on-all-requests", "timeouts.set-for-sent-requests"];
const CANCEL: [&str; 2] = ["lifecycle.timeouts.cancel-on-timeout", "timeouts.cancel-on-expiry"];
const LATE: &str = "cancellation.sender-ignores-late-response";
/// How long two questions may take to come, and an end to be told.
const SOON: Duration = Duration::from_millis(500);

/// Leaves two calls of a tool without an answer, if the server gives tokens with its questions.
pub(super) async fn tokens(run: &mut CaseRun<'_>, asking: &Asking) {
    if !asking.wishes.iter().any(|wish| !wish["params"]["_meta"]["progressToken"].is_null()) {
        return;
    }
    let from = run.session.transcript.last();
    run.session.client_mut().manner = Manner::Silent;
    let calls = [begin(run, &asking.tool), begin(run, &asking.tool)];
    run.session.wait_until(SOON, |session| questions(session, from).len() >= calls.len()).await;
    let open = questions(run.session, from);
    run.session.client_mut().manner = Manner::Willing;
    let tokens: Vec<Value> = open.iter().map(|question| token(question).clone()).collect();
    let tokens: Vec<&Value> = tokens.iter().filter(|token| !token.is_null()).collect();
    if let [first, others @ ..] = tokens.as_slice()
        && !others.is_empty()
    {
        let outcome = Outcome { span: (from, run.session.transcript.last()), ..Outcome::default() };
        match others.contains(first) {
            true => {
                let problem = format!("two open requests of the server have the progress token {first}");
                violated(run, TOKENS, problem, "a token of its own for each", &outcome);
            }
            false => kept(run, TOKENS, "each open request has a token of its own"),
        }
    }
    open.iter().for_each(|question| run.session.answer_late(question));
    for call in calls {
        run.session.is_answered(&call, run.session.timeout()).await;
    }
}

fn token(question: &Message) -> &Value {
    &question.params()["_meta"]["progressToken"]
}

pub(super) fn begin(run: &mut CaseRun<'_>, tool: &Value) -> Begun {
    run.session.begin("tools/call", Some(call_of(tool)))
}

/// What the server asked after an entry of the transcript.
pub(in crate::runner::coded) fn questions(session: &Session, from: u64) -> Vec<Message> {
    let since = session.transcript.received().filter(|(entry, _)| entry.seq > from);
    let asked =
        since.filter(|(_, message)| message.class() == Class::Request && message.method() != Some("ping"));
    asked.map(|(_, message)| message).collect()
}

/// Calls a tool whose user says how long its server waits, and says nothing to what it asks.
pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let Some((tool, patience)) = run.around.survey.tool_that_gives_up() else {
        return run.rest_unseen(
            "no tool has `gives_up = \"…\"` in the profile: how long its server waits for the client",
        );
    };
    let from = run.session.transcript.last();
    run.session.client_mut().manner = Manner::Silent;
    let call = begin(run, &tool);
    run.session.is_answered(&call, patience + SOON).await;
    run.session.client_mut().manner = Manner::Willing;
    let open = questions(run.session, from);
    let Some(question) = open.first() else {
        return run.rest_unseen("the tool that is said to give up asked the client for nothing");
    };
    let reply = run.session.reply_so_far(&call.id);
    let outcome = Outcome { span: (from, run.session.transcript.last()), ..Outcome::default() };
    let name = &tool["name"];
    for id in LIMIT {
        match &reply {
            Some(_) => kept(run, id, format!("{name} gave up")),
            None => violated(
                run,
                id,
                format!("{name} still waits for the client after {patience:?}"),
                "an end of the call",
                &outcome,
            ),
        }
    }
    if reply.is_some() {
        gave_up(run, question, from, &outcome).await;
    }
    open.iter().for_each(|question| run.session.answer_late(question));
    let fence = run.session.fence().await;
    if reply.is_some() {
        late(run, &call, from, &fence);
    }
    run.rest_unseen("the server did not give up");
}

/// Whoever gives up says so.
async fn gave_up(run: &mut CaseRun<'_>, question: &Message, from: u64, outcome: &Outcome) {
    let id = question.id();
    let is_it = move |message: &Message| {
        message.method() == Some("notifications/cancelled")
            && Some(Id::from_value(&message.params()["requestId"])) == id
    };
    run.session.wait_for(SOON, &is_it).await;
    let is_told =
        run.session.transcript.received().any(|(entry, message)| entry.seq > from && is_it(&message));
    for id in CANCEL {
        match is_told {
            true => kept(run, id, "the client is told that its answer is not awaited any more"),
            false => violated(
                run,
                id,
                "the server gave up on the client without a word",
                "`notifications/cancelled` for its request",
                outcome,
            ),
        }
    }
}

/// What comes too late changes nothing.
fn late(run: &mut CaseRun<'_>, call: &Begun, from: u64, fence: &Outcome) {
    if !answered(run, LATE, fence, "an answer that came too late") {
        return;
    }
    let since = run.session.transcript.received().filter(|(entry, _)| entry.seq > from);
    let replies = since.filter(|(_, message)| message.is_reply() && message.id().as_ref() == Some(&call.id));
    if replies.count() > 1 {
        let problem = "an answer that came too late drew a second reply to the call";
        violated(run, LATE, problem, "nothing", fence);
    }
}
