//! Batches, which only 2025-03-26 has.

use serde_json::{Value, json};

use crate::catalogue::Verdict;
use crate::protocol::Id;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::transcript::What;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let ping = |id: &str| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let note = |name: &str| json!({"jsonrpc": "2.0", "method": format!("notifications/mcp-conform-{name}")});
    let unknown = json!({"jsonrpc": "2.0", "id": "mcp-conform-c", "method": "mcp-conform/no-such-method"});

    let pair = send(run, json!([ping("mcp-conform-a"), ping("mcp-conform-b")])).await;
    let both = pair.answers(&["mcp-conform-a", "mcp-conform-b"]);
    expect(run, "http.post.batch-accepted", &pair, "two replies", both);
    if !expect(run, "base.batch.receive", &pair, "two replies", both) {
        return run.rest_unseen("the server takes no batches");
    }
    let three = send(run, json!([ping("mcp-conform-d"), unknown, ping("mcp-conform-e")])).await;
    let all = three.answers(&["mcp-conform-d", "mcp-conform-c", "mcp-conform-e"]);
    let in_array = run.session.is_http() || three.arrays == 1;
    expect(run, "base.batch.response-per-request", &three, "one array with three replies", all && in_array);
    let once = all && three.replies.len() == 3;
    expect(run, "http.post.batch-one-response-per-request", &three, "one reply for each request", once);

    let broken = send(run, json!([1, ping("mcp-conform-k")])).await;
    // To refuse the whole batch is common, and not judged.
    if broken.replies.len() != 1 || broken.answers(&["mcp-conform-k"]) {
        let is_met = broken.answers(&["mcp-conform-k"]);
        expect(
            run,
            "base.batch.invalid-member",
            &broken,
            "a reply to the request beside what is none",
            is_met,
        );
    }

    let mixed = send(run, json!([ping("mcp-conform-f"), note("x")])).await;
    let only = mixed.answers(&["mcp-conform-f"]) && mixed.replies.len() == 1;
    expect(run, "base.batch.no-response-for-notification", &mixed, "one reply", only);

    let silent = send(run, json!([note("x"), note("y")])).await;
    let nothing = silent.replies.is_empty() && silent.arrays == 0;
    expect(run, "base.batch.notification-only-silent", &silent, "nothing", nothing);
    let accepted = nothing && silent.status == Some(202);
    expect(run, "http.post.batch-notifications-202", &silent, "HTTP 202 without a body", accepted);
}

/// What came for a batch.
struct Answer {
    /// Replies that are not those of the fence, with their ids.
    replies: Vec<Value>,
    /// How many arrays came.
    arrays: usize,
    status: Option<u16>,
    span: (u64, u64),
}

impl Answer {
    fn answers(&self, ids: &[&str]) -> bool {
        ids.iter().all(|id| self.replies.iter().any(|reply| reply["id"] == *id))
    }
}

async fn send(run: &mut CaseRun<'_>, batch: Value) -> Answer {
    let from = run.session.transcript.last() + 1;
    let status = run.session.message(&batch, false).await.status;
    // The fence of the first may overtake the replies of a batch that is worked on in parallel.
    run.session.fence().await;
    let span = (from, run.session.transcript.last());
    let (mut replies, mut arrays) = (Vec::new(), 0);
    for seq in span.0..=span.1 {
        let Some(What::Received { json: Ok(value), .. }) =
            run.session.transcript.get(seq).map(|entry| &entry.what)
        else {
            continue;
        };
        arrays += usize::from(value.is_array());
        let messages = value.as_array().cloned().unwrap_or_else(|| vec![Value::clone(value)]);
        let ours = |message: &Value| matches!(Id::from_value(&message["id"]), Id::Text(id) if id.starts_with("mcp-conform-"));
        let stray = |message: &Value| value.is_array() || ours(message) || message["id"].is_null();
        replies
            .extend(messages.into_iter().filter(|message| message.get("method").is_none() && stray(message)));
    }
    Answer { replies, arrays, status, span }
}

fn expect(run: &mut CaseRun<'_>, id: &str, answer: &Answer, expected: &str, is_met: bool) -> bool {
    let Some(requirement) = run.judged(id) else { return is_met };
    match is_met {
        true => run.note(requirement, Verdict::Pass, format!("{expected} came")),
        false => run.violation(
            requirement,
            Violation {
                message: format!("a batch was not answered with {expected}"),
                expected: expected.into(),
                got: Value::Array(answer.replies.clone()).to_string(),
                span: answer.span,
                at_most: None,
            },
        ),
    }
    is_met
}
