//! A server that is told to end while a subscription is open (2026-07-28, stdio).

use std::time::Duration;

use super::{Seen, hold, listen};
use crate::catalogue::Verdict;
use crate::protocol::Id;
use crate::runner::interpret::CaseRun;
use crate::session::Session;

const ANSWERED: &str = "subscriptions.graceful-result";
/// The pages disagree on what is to be said: either word will do.
const TOLD: &str = "cancellation.server-notifies-listen-teardown";
/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what a server said at the end may take to come.
const LAST_WORDS: Duration = Duration::from_millis(300);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    if !run.session.has_process() {
        return run.rest_unseen("the server runs inside another process, which cannot be signalled");
    }
    let filter = listen::filter(run);
    let begun = listen::begin(run, &filter).await;
    let is_open =
        run.session.transcript.received().any(|(_, message)| message.method() == Some(listen::ACKNOWLEDGED));
    if !is_open || run.session.reply_so_far(&begun.id).is_some() {
        return run.rest_unseen("the server opened no subscription");
    }
    let outcome = run.session.terminate(Some(PATIENCE)).await;
    // Who dies of the signal decides nothing, and cannot say a word.
    if outcome.exit.is_none_or(|exit| exit.code != Some(0)) {
        return run.rest_unseen("the server does not handle SIGTERM, so that it cannot say goodbye");
    }
    let is_answer = |session: &Session| session.reply_so_far(&begun.id).is_some();
    let is_farewell = |session: &Session| {
        session.transcript.received().any(|(_, message)| {
            message.method() == Some("notifications/cancelled")
                && Id::from_value(&message.params()["requestId"]) == begun.id
        })
    };
    // The end of the process may be known before its last words have come through the pipe.
    run.session.wait_until(LAST_WORDS, |session| is_answer(session) || is_farewell(session)).await;
    let (is_answered, is_cancelled) = (is_answer(run.session), is_farewell(run.session));
    let seen = |message: &str, expected: &str| Seen {
        message: message.to_owned(),
        expected: expected.to_owned(),
        got: "the end of the process".to_owned(),
        from: begun.from,
        at_most: Some(Verdict::Warn),
    };
    let open = "the server ended of its own will and left the subscription without an answer";
    hold(run, ANSWERED, is_answered, seen(open, "the result of `subscriptions/listen`"));
    let silent = "the server ended of its own will and did not say that the subscription is over";
    hold(run, TOLD, is_answered || is_cancelled, seen(silent, "`notifications/cancelled`, or the result"));
}
