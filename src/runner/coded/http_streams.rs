//! The event streams of requests: they end after the response, and closing one cancels its request only.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Seen, say, unseen};
use super::{SOME, at_length};
use crate::case::List;
use crate::protocol::Message;
use crate::runner::interpret::CaseRun;
use crate::session::{Begun, Session};

const CLOSES: &str = "http.sse.close-after-response";
const OTHERS: &str = "http.cancel.other-streams-unaffected";
const FURTHER: &str = "http.cancel.no-further-messages";
/// How long the end of a stream may take after the response.
const GRACE: Duration = Duration::from_secs(2);
/// How long the first sign of life of a call is awaited.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let tools = run.around.survey.things(List::CallableTools);
    for (index, tool) in tools.iter().take(SOME).enumerate() {
        let begun = begin(run, tool, &format!("mcp-conform-stream-{index}"));
        let is_answered = run.session.is_answered(&begun, run.session.timeout()).await;
        if is_answered && is_stream(run, &begun) {
            closes(run, &begun).await;
        }
    }
    if run.session.revision.is_stateless() {
        for (index, tool) in tools.iter().take(SOME).enumerate() {
            if cancelled(run, tool, index).await {
                break;
            }
        }
    }
    run.rest_unseen(
        "no tool that may be called is answered with an event stream, or takes long enough to be cancelled",
    );
}

fn begin(run: &mut CaseRun<'_>, tool: &Value, token: &str) -> Begun {
    let meta = json!({"progressToken": token});
    let params = json!({"name": tool["name"], "arguments": tool["arguments"], "_meta": meta});
    run.session.begin("tools/call", Some(params))
}

fn is_stream(run: &CaseRun<'_>, begun: &Begun) -> bool {
    begun.exchange.is_some_and(|exchange| run.session.is_stream(exchange))
}

async fn closes(run: &mut CaseRun<'_>, begun: &Begun) {
    let Some(exchange) = begun.exchange else { return };
    let is_over = run.session.wait_until(GRACE, |session| session.is_landed(exchange)).await;
    let seen = Seen {
        message: "the stream stays open after the response",
        expected: "the end of the stream",
        got: if is_over { "the end of the stream" } else { "an open stream" }.to_owned(),
        span: (begun.from, run.session.transcript.last()),
        ..Seen::default()
    };
    say(run, CLOSES, is_over, &seen);
    if !is_over {
        run.session.break_off(exchange);
    }
}

/// Two calls side by side; one is closed before its response. False if the calls are too quick for that.
async fn cancelled(run: &mut CaseRun<'_>, tool: &Value, index: usize) -> bool {
    let tool = at_length(tool);
    let token = format!("mcp-conform-left-{index}");
    let left = begin(run, &tool, &token);
    let right = begin(run, &tool, &format!("mcp-conform-right-{index}"));
    let Some(closed) = left.exchange else { return true };
    let speaks = |session: &Session| {
        session.reply_so_far(&left.id).is_some()
            || session.transcript.received().any(|(entry, _)| entry.exchange() == Some(closed))
    };
    run.session.wait_until(PATIENCE, speaks).await;
    let patience = run.session.timeout();
    if run.session.reply_so_far(&left.id).is_some() || !is_stream(run, &left) {
        run.session.await_or_cancel(&left, patience).await;
        run.session.await_or_cancel(&right, patience).await;
        return false;
    }
    run.session.break_off(closed);
    let since = run.session.transcript.last();
    let is_over = run.session.is_answered(&right, patience).await;
    run.session.fence().await;
    let span = (left.from, run.session.transcript.last());
    match is_over {
        true => goes_on(run, &right, span),
        false => unseen(run, OTHERS, "the other call takes longer than it was waited for"),
    }
    let is_about = |message: &Message| {
        message.params()["progressToken"] == token.as_str() || message.id().as_ref() == Some(&left.id)
    };
    let received = run.session.transcript.received();
    let late = received.filter(|(entry, _)| entry.seq > since && entry.exchange() != Some(closed));
    let late = late.map(|(_, message)| message).find(is_about);
    let got = late.as_ref().map_or_else(|| "nothing".to_owned(), |message| message.to_string());
    let message = "a message about a cancelled request came on another stream";
    say(
        run,
        FURTHER,
        late.is_none(),
        &Seen { message, expected: "nothing more about it", got, span, ..Seen::default() },
    );
    if !is_over {
        run.session.cancel(&right).await;
    }
    true
}

/// The call that was not closed came to its end.
fn goes_on(run: &mut CaseRun<'_>, right: &Begun, span: (u64, u64)) {
    let reply = run.session.reply_so_far(&right.id);
    let got = reply.as_ref().map_or_else(|| "no response".to_owned(), Value::to_string);
    let message = "closing the stream of one request ended another";
    let expected = "the response to the other request";
    say(run, OTHERS, reply.is_some(), &Seen { message, expected, got, span, ..Seen::default() });
}
