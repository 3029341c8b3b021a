//! Two clients ask different things under the same ids, all in the air together.

use serde_json::{Value, json};

use super::PATIENCE;
use super::stream::Stream;
use crate::runner::coded::http::{Seen, say};
use crate::runner::interpret::CaseRun;
use crate::session::Session;

/// What each asks, and the member of the reply.
const QUESTIONS: [(&str, &str); 2] = [("ping", "result"), ("mcp-conform/no-such-method", "error")];

pub(super) async fn run(run: &mut CaseRun<'_>, beside: &mut Session, clients: [&Stream; 2]) {
    let ids = [0, 1, 2].map(|n| Value::from(format!("mcp-conform-same-{n}")));
    for id in &ids {
        for (client, (method, _)) in clients.into_iter().zip(QUESTIONS) {
            let message = json!({"jsonrpc": "2.0", "id": id, "method": method});
            beside.launch_http(&client.post(message, &[]));
        }
    }
    let all = |beside: &Session| {
        ids.iter().all(|id| clients.iter().all(|client| client.reply(beside, id).is_some()))
    };
    beside.wait_until(PATIENCE, all).await;
    for id in &ids {
        for (client, (method, member)) in clients.into_iter().zip(QUESTIONS) {
            let reply = client.reply(beside, id);
            let is_right = reply.as_ref().is_some_and(|reply| reply.get(member).is_some());
            let seen = Seen {
                message: "with two clients at work, one did not get its own answer",
                expected: "the answer to each on the own stream",
                got: reply.map_or_else(|| format!("nothing to `{method}`"), |reply| reply.to_string()),
                ..Seen::default()
            };
            say(run, "http.endpoint.concurrent-clients", is_right, &seen);
        }
    }
}
