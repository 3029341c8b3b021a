//! Event streams that are taken up again by GET with `Last-Event-ID`.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Seen, call, launch, say, unseen};
use super::{SOME, at_length};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::{Id, Message};
use crate::runner::interpret::CaseRun;
use crate::session::transcript::What;
use crate::session::{Begun, Session};

const GET: &str = "http.resume.via-get-for-any-stream";
const REPLAY: &str = "http.resume.replay-after-last-id";
const CROSS: &str = "http.resume.no-cross-stream-replay";
const STREAM: &str = "http.resume.event-id-encodes-stream";
/// Said by two pages.
const DISCONNECT: [&str; 2] = ["http.sse.disconnect-not-cancel", "cancellation.disconnect-not-cancel"];
const NO_IDS: &str = "the server gives its events no ids";
/// How long a replay may take.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let (first, second) = (ask(run).await, ask(run).await);
    let Some(last) = event_ids(run.session, &first).into_iter().next() else {
        return run.rest_unseen(NO_IDS);
    };
    let replays = replay(run, &first, &second, &last).await;
    let tools = run.around.survey.things(List::CallableTools);
    for tool in tools.iter().take(SOME) {
        if interrupted(run, tool, replays).await {
            break;
        }
    }
    run.rest_unseen(
        "nothing was replayed, or no tool that may be called takes long enough to be interrupted",
    );
}

/// A request that is answered at once.
async fn ask(run: &mut CaseRun<'_>) -> Begun {
    let begun = run.session.begin("ping", None);
    run.session.is_answered(&begun, run.session.timeout()).await;
    begun
}

/// The ids of the events on the stream of a request.
fn event_ids(session: &Session, begun: &Begun) -> Vec<String> {
    begun.exchange.map(|exchange| ids_on(session, exchange)).unwrap_or_default()
}

fn ids_on(session: &Session, exchange: u32) -> Vec<String> {
    let heads = session.came_on(exchange).filter_map(|entry| match &entry.what {
        What::Event { head, .. } => head.id.clone(),
        _ => None,
    });
    heads.filter(|id| !id.is_empty()).collect()
}

/// The replies that came on an exchange.
fn replies_on(session: &Session, exchange: u32) -> Vec<Message> {
    let received = session.transcript.received();
    let own = received.filter(|(entry, message)| entry.exchange() == Some(exchange) && message.is_reply());
    own.map(|(_, message)| message).collect()
}

/// Takes a stream up again after an event; returns the exchange and the status.
async fn resume(run: &mut CaseRun<'_>, last: &str) -> Option<(u32, Option<u16>)> {
    let sent = launch(run, &call("GET", None, &[("Last-Event-ID", Some(last))]))?;
    let status = run.session.land(sent, PATIENCE).await.status;
    Some((sent.exchange?, status))
}

/// Whether what the first request drew comes again after the first of its events.
async fn replay(run: &mut CaseRun<'_>, first: &Begun, second: &Begun, last: &str) -> bool {
    let from = run.session.transcript.last() + 1;
    let Some((exchange, status)) = resume(run, last).await else { return false };
    let has = |session: &Session, id: &Id| {
        replies_on(session, exchange).iter().any(|reply| reply.id().as_ref() == Some(id))
    };
    let is_wanted = status == Some(200) && !event_ids(run.session, first).ends_with(&[last.to_owned()]);
    if is_wanted {
        let is_replayed = |session: &Session| has(session, &first.id) || session.is_landed(exchange);
        run.session.wait_until(PATIENCE, is_replayed).await;
    }
    // What belongs to another stream may follow.
    run.session.fence().await;
    let (own, foreign) = (has(run.session, &first.id), has(run.session, &second.id));
    let again = ids_on(run.session, exchange).iter().any(|id| id == last);
    let replies: Vec<Value> =
        replies_on(run.session, exchange).into_iter().map(Message::into_value).collect();
    let span = (from, run.session.transcript.last());
    let got = format!("HTTP {}, {}", status.unwrap_or_default(), Value::Array(replies));
    let seen = |message, expected| Seen { message, expected, got: got.clone(), span, ..Seen::default() };
    match status {
        Some(405) => {
            let seen =
                seen("a stream with event ids cannot be taken up again by GET", "the rest of the stream");
            say(run, GET, false, &seen);
        }
        Some(200) if own || foreign => {
            say(run, GET, true, &seen("", "the rest of the stream"));
            say(
                run,
                CROSS,
                !foreign,
                &seen("the replay holds what belongs to another stream", "the rest of this stream only"),
            );
            say(
                run,
                STREAM,
                own && !foreign,
                &seen("the event id did not lead to its stream", "the rest of this stream only"),
            );
            let seen = seen("the replay begins with what was received already", "what follows the event");
            say(run, REPLAY, !again, &seen.at_most(Verdict::Warn));
        }
        _ => {}
    }
    run.session.break_off(exchange);
    own
}

/// Closes the connection of a call that is still at work, and asks for its response. False if the call is too quick.
async fn interrupted(run: &mut CaseRun<'_>, tool: &Value, replays: bool) -> bool {
    let tool = at_length(tool);
    let meta = json!({"progressToken": format!("mcp-conform-interrupted-{}", run.session.new_id())});
    let params = json!({"name": tool["name"], "arguments": tool["arguments"], "_meta": meta});
    let begun = run.session.begin("tools/call", Some(params));
    let Some(exchange) = begun.exchange else { return true };
    let speaks = |session: &Session| !event_ids(session, &begun).is_empty() || session.is_landed(exchange);
    run.session.wait_until(PATIENCE, speaks).await;
    let last = event_ids(run.session, &begun).pop();
    let (Some(last), None) = (last, run.session.reply_so_far(&begun.id)) else {
        run.session.await_or_cancel(&begun, run.session.timeout()).await;
        return false;
    };
    run.session.break_off(exchange);
    let Some((again, Some(200))) = resume(run, &last).await else {
        unseen_both(run, "the stream cannot be taken up again");
        return true;
    };
    let is_done = |session: &Session| session.reply_so_far(&begun.id).is_some() || session.is_landed(again);
    run.session.wait_until(run.session.timeout(), is_done).await;
    let reply = run.session.reply_so_far(&begun.id);
    // What came after the break shows that the stream goes on.
    let goes_on = replays || !ids_on(run.session, again).is_empty();
    let is_over = run.session.is_landed(again);
    match &reply {
        // The call may be done, and its response lost: this server keeps none.
        None if !goes_on => unseen_both(run, "the server does not replay what came while nobody listened"),
        None if !is_over => unseen_both(run, "the call takes longer than it was waited for"),
        _ => {
            let got = reply.as_ref().map_or_else(|| "no response".to_owned(), Value::to_string);
            let span = (begun.from, run.session.transcript.last());
            let message = "a call whose connection was lost was given up";
            let seen = Seen { message, expected: "its response, later", got, span, ..Seen::default() };
            DISCONNECT.iter().for_each(|id| say(run, id, reply.is_some(), &seen));
        }
    }
    if reply.is_none() {
        run.session.cancel(&begun).await;
    }
    run.session.break_off(again);
    true
}

fn unseen_both(run: &mut CaseRun<'_>, why: &str) {
    DISCONNECT.iter().for_each(|id| unseen(run, id, why));
}
