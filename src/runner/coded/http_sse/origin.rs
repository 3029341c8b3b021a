//! Neither the stream nor the address is for foreign web pages; the server's own may use them.

use serde_json::json;

use super::stream::{Stream, is_taken};
use crate::catalogue::Verdict;
use crate::runner::coded::http::{Headers, Seen, call, say, unseen};
use crate::runner::coded::origin::{FOREIGN, own_origins};
use crate::runner::interpret::CaseRun;
use crate::session::{Outcome, Session};
use crate::transport::is_loopback;

const VALIDATED: &str = "http.origin.validated-on-sse-open";
const OWN: &str = "http.origin.own-origin-accepted";

pub(super) async fn run(run: &mut CaseRun<'_>, beside: &mut Session, stream: &Stream) {
    let Some(url) = beside.url().cloned() else { return };
    let both = at_both(beside, stream, FOREIGN[0]).await;
    if both[0].status == Some(401) {
        return [VALIDATED, OWN]
            .iter()
            .for_each(|id| unseen(run, id, "the server asks for credentials first"));
    }
    let is_open = is_loopback(&url) && !beside.has_credentials();
    for outcome in both {
        let seen = Seen::of(&outcome, "a request from a foreign web page is served", "a refusal").beside();
        let seen = if is_open { seen } else { seen.at_most(Verdict::Warn) };
        say(run, VALIDATED, outcome.status.is_none_or(|status| status >= 400), &seen);
    }
    own(run, beside, stream, &url).await;
}

/// The server's own pages, and those of this machine, are let in: one name for it is enough.
async fn own(run: &mut CaseRun<'_>, beside: &mut Session, stream: &Stream, url: &url::Url) {
    let mut last = None;
    for origin in own_origins(url) {
        let both = at_both(beside, stream, &origin).await;
        match both.into_iter().find(|outcome| !is_taken(outcome)) {
            None => return say(run, OWN, true, &Seen { expected: "served", ..Seen::default() }),
            refused => last = refused,
        }
    }
    if let Some(outcome) = last {
        let seen = Seen::of(&outcome, "the server's own origin is refused", "served").beside();
        say(run, OWN, false, &seen);
    }
}

/// A GET of the stream, and a POST to the address, from a page of this origin.
async fn at_both(beside: &mut Session, stream: &Stream, origin: &str) -> [Outcome; 2] {
    let headers: Headers<'_> = &[("Origin", Some(origin))];
    let get = beside.http(&call("GET", None, headers)).await;
    let ping = json!({"jsonrpc": "2.0", "id": format!("mcp-conform-from-{origin}"), "method": "ping"});
    [get, stream.ask(beside, ping, headers).await]
}
