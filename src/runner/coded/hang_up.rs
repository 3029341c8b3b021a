//! Hanging up on a call that runs (2026-07-28, HTTP): that cancels it, and nothing about it comes elsewhere.

use super::slow_tool::{HINT, LONG, begin, is_progress, usual};
use super::{Seen, hold, listen};
use crate::catalogue::Verdict;
use crate::protocol::Message;
use crate::runner::interpret::CaseRun;
use crate::session::Begun;
use crate::session::transcript::Entry;

const NOTHING: &str = "cancellation.no-further-messages-http";
/// Said by three pages. A message that comes elsewhere shows that the call goes on; that it stopped shows nowhere.
const CANCELLED: [&str; 3] =
    ["cancellation.disconnect-is-cancel", "http.cancel.close-is-cancel", "http.cancel.stop-work"];

const STOP: &str = "cancellation.stop-processing";
const NO_REPLY: &str = "cancellation.no-response";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(tool) = run.around.survey.slow_tool().cloned() else { return run.rest_unseen(HINT) };
    let Some(usual) = usual(run, &tool).await else { return };
    let filter = listen::filter(run);
    let listening = listen::begin(run, &filter).await;
    let (begun, token) = begin(run, &tool, "hung-up");
    run.session.wait_for(usual / 3, |message| is_progress(message, &token)).await;
    if run.session.reply_so_far(&begun.id).is_some() {
        return run.rest_unseen("the call was over before it could be hung up on");
    }
    run.session.cancel(&begun).await;
    let from = run.session.transcript.last() + 1;
    run.session.wait_for(usual + LONG, |_| false).await;
    run.session.fence().await;
    judge(run, from, &begun, &token);
    run.session.cancel(&listening).await;
    run.rest_unseen("no message shows that the call went on; that it stopped cannot be seen");
}

fn judge(run: &mut CaseRun<'_>, from: u64, begun: &Begun, token: &str) {
    let is_reply = |message: &Message| message.is_reply() && message.id().as_ref() == Some(&begun.id);
    // What was on its way on the closed stream may still be taken in.
    let is_elsewhere = |entry: &Entry| entry.seq >= from && entry.exchange() != begun.exchange;
    let late = |is_it: &dyn Fn(&Message) -> bool| {
        let mut received = run.session.transcript.received();
        let late = received.find(|(entry, message)| is_elsewhere(entry) && is_it(message));
        late.map(|(_, message)| message.to_string())
    };
    let (work, reply) = (late(&|message| is_progress(message, token)), late(&is_reply));
    let seen = |late: &Option<String>, at_most: Option<Verdict>| Seen {
        message: "after the client hung up, something about the call came on another stream".into(),
        expected: "nothing more about it".into(),
        got: late.clone().unwrap_or_default(),
        from,
        at_most,
    };
    let any = work.clone().or_else(|| reply.clone());
    hold(run, NOTHING, any.is_none(), seen(&any, None));
    // Some work cannot be stopped: never more than a warning.
    let mut warn = |id, late: &Option<String>| {
        if late.is_some() {
            hold(run, id, false, seen(late, Some(Verdict::Warn)));
        }
    };
    CANCELLED.iter().for_each(|id| warn(id, &any));
    warn(STOP, &work);
    warn(NO_REPLY, &reply);
}
