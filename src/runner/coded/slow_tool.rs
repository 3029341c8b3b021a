//! Cancelling a call that runs: the work stops, and nothing more comes of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Seen;
use crate::catalogue::Verdict;
use crate::protocol::Message;
use crate::runner::interpret::CaseRun;
use crate::session::Begun;

pub(super) const HINT: &str = "the situation needs a tool that takes long: `[tools.NAME] slow = { … }` in the profile gives the \
                    arguments with which it does";
/// What takes less cannot be cancelled in time.
pub(super) const LONG: Duration = Duration::from_millis(100);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(tool) = run.around.survey.slow_tool().cloned() else { return run.rest_unseen(HINT) };
    if run.session.is_http() && !run.session.is_legacy() && run.session.http_session().is_none() {
        return run.rest_unseen("without a session no request can be told from another over HTTP");
    }
    let Some(usual) = usual(run, &tool).await else { return };
    cancelled(run, &tool, usual).await;
    other_type(run, &tool, usual).await;
}

/// How long the tool takes, where that is long enough to come between; else nothing is seen.
pub(super) async fn usual(run: &mut CaseRun<'_>, tool: &Value) -> Option<Duration> {
    let began = Instant::now();
    let (control, _) = begin(run, tool, "control");
    let is_done = run.session.is_answered(&control, run.session.timeout()).await;
    let usual = began.elapsed();
    let is_long = is_done && usual >= LONG;
    if !is_long {
        run.rest_unseen("the tool that is called slow was not answered, or takes less than 100 ms");
    }
    is_long.then_some(usual)
}

pub(super) fn begin(run: &mut CaseRun<'_>, tool: &Value, name: &str) -> (Begun, String) {
    let token = format!("mcp-conform-{name}-{}", run.session.new_id());
    let params = json!({"name": tool["name"], "arguments": tool["slow"], "_meta": {"progressToken": token}});
    (run.session.begin("tools/call", Some(params)), token)
}

pub(super) fn is_progress(message: &Message, token: &str) -> bool {
    message.method() == Some("notifications/progress") && message.params()["progressToken"] == token
}

async fn cancelled(run: &mut CaseRun<'_>, tool: &Value, usual: Duration) {
    let (begun, token) = begin(run, tool, "cancelled");
    run.session.wait_for(usual / 3, |message| is_progress(message, &token)).await;
    run.session.cancel(&begun).await;
    // What is in the pipe already may still come.
    run.session.wait_for(usual / 4, |_| false).await;
    let from = run.session.transcript.last() + 1;
    run.session.wait_for(usual + LONG, |_| false).await;
    let late = |is_it: &dyn Fn(&Message) -> bool| {
        let since = run.session.transcript.received().filter(|(entry, _)| entry.seq >= from);
        since.filter(|(_, message)| is_it(message)).map(|(_, message)| message.into_value()).last()
    };
    let work = late(&|message| is_progress(message, &token));
    let reply = late(&|message| message.is_reply() && message.id() == Some(begun.id.clone()));
    tell(run, "cancellation.stop-processing", work.clone(), begun.from, None);
    tell(run, "cancellation.no-response", reply.clone(), begun.from, None);
    if run.session.revision.is_stateless() {
        // What is advice everywhere is said once more, and partly as an order, for stdio.
        let both = work.is_some() && reply.is_some();
        tell(
            run,
            "stdio.cancel.no-further-messages",
            both.then(|| reply.clone()).flatten(),
            begun.from,
            None,
        );
        let work = work.filter(|_| !both);
        tell(run, "stdio.cancel.stop-work", work, begun.from, None);
        let reply = reply.filter(|_| !both);
        tell(run, "cancellation.no-further-messages-stdio", reply, begun.from, Some(Verdict::Warn));
    }
}

fn tell(run: &mut CaseRun<'_>, id: &str, late: Option<Value>, from: u64, at_most: Option<Verdict>) {
    let seen = Seen {
        message: "a call went on long after it had been cancelled".into(),
        expected: "nothing more about a cancelled call".into(),
        got: late.as_ref().map_or_else(|| "nothing".into(), Value::to_string),
        from,
        at_most,
    };
    super::hold(run, id, late.is_none(), seen);
}

/// An id of another JSON type is another id.
async fn other_type(run: &mut CaseRun<'_>, tool: &Value, usual: Duration) {
    let (begun, token) = begin(run, tool, "kept");
    run.session.wait_for(usual / 3, |message| is_progress(message, &token)).await;
    let id = begun.id.to_value().to_string();
    run.session.notify("notifications/cancelled", Some(json!({"requestId": id}))).await;
    run.session.is_answered(&begun, usual * 3 + LONG).await;
    if run.session.is_turned_away(&begun) {
        return;
    }
    // Over HTTP a stream may end without the reply.
    let is_answered = run.session.reply_so_far(&begun.id).is_some();
    let seen = Seen {
        message: format!("the request {} was cancelled by the id \"{id}\", which is a text", begun.id),
        expected: "a reply".into(),
        got: "nothing".into(),
        from: begun.from,
        at_most: None,
    };
    super::hold(run, "cancellation.wrong-type-id", is_answered, seen);
}
