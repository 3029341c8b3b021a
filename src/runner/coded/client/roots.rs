//! Roots: unavailable, none, changed, asked for again and again (handshake era).

use serde_json::json;

use super::requests::{Asking, call, wishes};
use super::{End, answered, end, kept, violated};
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Outcome};

const UNAVAILABLE: &str = "roots.unavailable-handled";
const GRACEFUL: &str = "roots.list-changed-graceful";
const AGAIN: &str = "roots.refetch-on-change";
const CACHED: &str = "roots.cached-sensibly";
const CHANGED: &str = "notifications/roots/list_changed";

/// Notifications in a row, and requests for the roots that are too many an answer to them.
const MANY: usize = 20;
const STORM: usize = 100;
/// From so many requests for the roots on, one call asks too often.
const OFTEN: usize = 5;

pub(super) async fn look(run: &mut CaseRun<'_>, asking: &[Asking]) {
    let asking: Vec<&Asking> = asking.iter().filter(|call| call.asks_for("roots/list")).collect();
    for call in &asking {
        cached(run, call);
        answered(run, UNAVAILABLE, &call.outcome, "roots that do not exist");
    }
    let asked_before = wishes(run, 0).iter().any(|wish| wish["method"] == "roots/list");
    let roots = std::mem::take(&mut run.session.client_mut().roots);
    if let Some(first) = asking.first().filter(|call| end(&call.outcome) != End::Silent) {
        let none = call(run, &first.tool, Manner::Willing).await;
        answered(run, UNAVAILABLE, &none.outcome, "an empty list of roots");
    }
    let from = run.session.transcript.last();
    graceful(run).await;
    if asked_before && run.session.dead().is_none() {
        again(run, &asking, from).await;
    }
    run.session.client_mut().roots = roots;
}

fn cached(run: &mut CaseRun<'_>, call: &Asking) {
    let times = call.wishes.iter().filter(|wish| wish["method"] == "roots/list").count();
    match times < OFTEN {
        true => kept(run, CACHED, format!("`{}` asked {times} times", call.name())),
        false => violated(
            run,
            CACHED,
            format!("`{}` asked for the roots {times} times in one call", call.name()),
            "the roots remembered as long as they do not change",
            &call.outcome,
        ),
    }
}

/// The notification, once and many times, hurts nobody.
async fn graceful(run: &mut CaseRun<'_>) {
    let from = run.session.transcript.last();
    let once = run.session.notify(CHANGED, None).await;
    for _ in 0..MANY {
        run.session.tell(CHANGED);
    }
    let fence = run.session.fence().await;
    let asked = wishes(run, from).iter().filter(|wish| wish["method"] == "roots/list").count();
    let span = (once.span.0, fence.span.1);
    match () {
        () if fence.died.is_some() => {}
        () if once.reply.is_some() => {
            violated(run, GRACEFUL, "a notification was answered", "nothing", &once);
        }
        () if asked > STORM => violated(
            run,
            GRACEFUL,
            format!("{} notifications made the server ask for the roots {asked} times", MANY + 1),
            "at most one request for each",
            &Outcome { span, ..fence },
        ),
        () => kept(run, GRACEFUL, "the notification did no harm"),
    }
}

/// A server that uses roots asks for them again: at once, or when it is called.
async fn again(run: &mut CaseRun<'_>, asking: &[&Asking], from: u64) {
    let asks = |run: &CaseRun<'_>| wishes(run, from).iter().any(|wish| wish["method"] == "roots/list");
    let mut last = run.session.request("tools/list", Some(json!({}))).await;
    for call_again in asking {
        if !asks(run) {
            last = call(run, &call_again.tool, Manner::Willing).await.outcome;
        }
    }
    match asks(run) {
        true => kept(run, AGAIN, "the server asked for the changed roots"),
        // It may ask when a tool needs them that we may not call.
        false if asking.is_empty() => {}
        false => violated(
            run,
            AGAIN,
            "the roots changed, and the server did not ask for them again",
            "`roots/list` after `notifications/roots/list_changed`",
            &last,
        ),
    }
}
