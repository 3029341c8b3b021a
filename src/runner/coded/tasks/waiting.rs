//! Waiting for the result of a task that is not done, and ways to end a task that do not end it.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Task, get, is_terminal, judge, met, shows, status};
use crate::protocol::{Class, Message, RELATED_TASK};
use crate::runner::interpret::CaseRun;
use crate::session::transcript::Entry;
use crate::session::{Begun, Manner, Meta, Outcome, Session};

/// A poll is quick that takes less, and waits for something if it takes more.
const QUICK: Duration = Duration::from_millis(500);
const SLOW: Duration = Duration::from_secs(2);
/// How long a question of a task is waited for.
const BRIEF: Duration = Duration::from_millis(200);

/// A `tasks/result` that is open while its task works.
pub(super) struct Waited {
    task: String,
    begun: Begun,
}

/// Asks for the result while the task works, and polls beside it; `None` if the task is done already.
pub(super) async fn begin(run: &mut CaseRun<'_>, task: &Task) -> Option<Waited> {
    let (before, alone) = timed(run, &task.id).await;
    if is_terminal(status(&before)) || before.result().is_none() {
        return None;
    }
    // What the task waits for is left open until it has been asked how it is.
    let from = run.session.transcript.last();
    run.session.client_mut().manner = Manner::Silent;
    let begun = run.session.begin("tasks/result", Some(json!({"taskId": task.id})));
    let (beside, took) = timed(run, &task.id).await;
    let is_behind = answered(run, &begun).is_some() && took > SLOW && alone < QUICK;
    asked(run, &task.id, &begun, from).await;
    if beside.result().is_some() && (is_behind || !is_terminal(status(&beside))) {
        judge(run, "tasks.get-during-result", !is_behind, || {
            shows(&beside, "tasks/get waits behind an open tasks/result", "an answer at once")
        });
    }
    Some(Waited { task: task.id.clone(), begun })
}

/// Whether the task says that it waits for the client, if it does; then the client answers.
async fn asked(run: &mut CaseRun<'_>, id: &str, begun: &Begun, from: u64) {
    let is_question = |(entry, message): &(&Entry, Message)| {
        entry.seq > from && message.class() == Class::Request && message.method() != Some("ping")
    };
    let questions = |session: &Session| -> Vec<Message> {
        session.transcript.received().filter(is_question).map(|(_, message)| message).collect()
    };
    // Over HTTP a question comes on another stream than the answer to the poll.
    if run.session.is_http() {
        let is_told = |session: &Session| session.reply_so_far(&begun.id).is_some();
        run.session.wait_until(BRIEF, |session| !questions(session).is_empty() || is_told(session)).await;
    }
    if questions(run.session).iter().any(|question| question.params()["_meta"][RELATED_TASK]["taskId"] == id)
    {
        let shown = get(run, id).await;
        if shown.result().is_some() && !is_terminal(status(&shown)) {
            judge(run, "tasks.input-required-used", status(&shown) == "input_required", || {
                shows(&shown, "the task waits for the client, and does not say so", "status input_required")
            });
        }
    }
    run.session.client_mut().manner = Manner::Willing;
    questions(run.session).iter().for_each(|question| run.session.answer_late(question));
}

async fn timed(run: &mut CaseRun<'_>, id: &str) -> (Outcome, Duration) {
    let began = Instant::now();
    let outcome = get(run, id).await;
    (outcome, began.elapsed())
}

/// Where the reply to a request stands in the transcript.
fn answered(run: &CaseRun<'_>, begun: &Begun) -> Option<u64> {
    let mut received = run.session.transcript.received();
    let reply = received.find(|(_, message)| message.is_reply() && message.id().as_ref() == Some(&begun.id));
    reply.map(|(entry, _)| entry.seq)
}

/// Whether the result came before the task had ended.
pub(super) async fn end(run: &mut CaseRun<'_>, waited: &Waited, polls: &[Outcome]) {
    let patience = run.session.timeout();
    run.session.is_answered(&waited.begun, patience).await;
    leave(run, &waited.begun, polls).await;
    let Some(seq) = answered(run, &waited.begun) else { return };
    let early = polls
        .iter()
        .find(|outcome| outcome.span.0 > seq && outcome.result().is_some() && !is_terminal(status(outcome)));
    let message = || format!("tasks/result for {} was answered while the task was not done", waited.task);
    match early {
        Some(outcome) => judge(run, "tasks.result-blocks", false, || {
            let mut violation = shows(outcome, message(), "a reply once the task has ended");
            violation.span = (seq, outcome.span.1);
            violation
        }),
        None => met(run, "tasks.result-blocks"),
    }
}

/// Cancels the request for the result of a task that was not seen to end: until then the server owes no reply.
pub(super) async fn leave(run: &mut CaseRun<'_>, begun: &Begun, polls: &[Outcome]) {
    let is_over = polls.last().is_some_and(|last| is_terminal(status(last)));
    if !is_over && run.session.reply_so_far(&begun.id).is_none() {
        run.session.cancel(begun).await;
    }
}

/// What does not end a task: a cancellation of the request that created it, and a client that hangs up.
pub(super) async fn wrong_ways(run: &mut CaseRun<'_>, task: &Task) {
    if is_terminal(status(&get(run, &task.id).await)) {
        return;
    }
    if run.session.is_http() {
        let params = json!({"taskId": task.id});
        let (_, message) = run.session.compose("tasks/result", Some(params), &Meta::Standard);
        let sent = run.session.launch(&message, true);
        // The server has the request once it has answered another one.
        get(run, &task.id).await;
        sent.exchange.into_iter().for_each(|exchange| run.session.drop_exchange(exchange));
        alive(run, task, "tasks.result-survives-disconnect", "because the client hung up").await;
    }
    if let Some(id) = task.reply.reply.as_ref().and_then(|reply| reply.get("id").cloned()) {
        run.session.notify("notifications/cancelled", Some(json!({"requestId": id}))).await;
        alive(run, task, "tasks.cancelled-notification-inert", "by a cancellation of its request").await;
    }
}

async fn alive(run: &mut CaseRun<'_>, task: &Task, id: &str, why: &str) {
    let after = get(run, &task.id).await;
    if after.result().is_none() {
        return;
    }
    judge(run, id, status(&after) != "cancelled", || {
        shows(&after, format!("the task was cancelled {why}"), "a task that goes on")
    });
}
