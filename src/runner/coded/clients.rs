//! Several clients at once: sessions of their own, and no answer that goes astray.

use std::time::Duration;

use serde_json::{Value, json};

use super::called_quietly;
use super::http::{Headers, Seen, call, launch, say, unseen};
use crate::runner::interpret::CaseRun;
use crate::session::{HttpCall, Meta, Outcome, Sent};

const SESSION: &str = "mcp-session-id";
/// How many sessions are opened besides the own one.
const MORE: usize = 4;
/// Fewer places than this in which ids differ are too few to be secure, whatever the alphabet.
const FEW: usize = 8;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let mut sessions = Vec::new();
    if run.session.revision.is_handshake() {
        sessions = open(run).await;
        ids(run, &sessions);
    }
    let other = sessions.first().cloned();
    concurrency(run, other.as_deref()).await;
    match &other {
        Some(id) => isolation(run, id).await,
        None => unseen(run, "http.session.isolation", "the server gives no session id"),
    }
    for id in &sessions {
        run.session.http(&call("DELETE", None, &[("Mcp-Session-Id", Some(id))])).await;
    }
}

pub(super) fn initialize(run: &mut CaseRun<'_>, version: Option<&str>) -> HttpCall {
    let (_, message) = run.session.compose("initialize", None, &Meta::Standard);
    call("POST", Some(message), &[("Mcp-Session-Id", None), ("MCP-Protocol-Version", version)])
}

/// Opens more sessions, side by side; returns their ids.
async fn open(run: &mut CaseRun<'_>) -> Vec<String> {
    let patience = run.session.timeout();
    let calls: Vec<HttpCall> = (0..MORE).map(|_| initialize(run, None)).collect();
    let sent: Vec<Sent> = calls.iter().filter_map(|call| launch(run, call)).collect();
    let mut outcomes = Vec::new();
    for sent in sent {
        outcomes.push(run.session.land(sent, patience).await);
    }
    let refused = outcomes.iter().find(|outcome| outcome.result().is_none());
    let missing = match refused {
        None => None,
        Some(_) => {
            let version = run.session.revision.as_str();
            let call = initialize(run, Some(version));
            Some(run.session.http(&call).await.result().is_some())
        }
    };
    let shown = refused.or(outcomes.first());
    if let Some(outcome) = shown {
        let seen =
            Seen::of(outcome, "`initialize` is refused without the version header", "an InitializeResult");
        say(run, "http.version-header.not-needed-on-initialize", missing != Some(true), &seen);
        let seen = Seen::of(outcome, "`initialize` of a further client is refused", "an InitializeResult");
        match run.session.http_session() {
            Some(_) => say(run, "http.session.initialize-needs-no-id", missing != Some(false), &seen),
            None => unseen(run, "http.session.initialize-needs-no-id", "the server gives no session id"),
        }
    }
    outcomes.iter().filter_map(session_id).collect()
}

/// One more session, ready to be used; its id.
pub(super) async fn another(run: &mut CaseRun<'_>) -> Option<String> {
    let opening = initialize(run, None);
    let id = session_id(&run.session.http(&opening).await)?;
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    run.session.http(&call("POST", Some(ready), &[("Mcp-Session-Id", Some(&id))])).await;
    Some(id)
}

pub(super) fn session_id(outcome: &Outcome) -> Option<String> {
    outcome.headers.iter().find(|(name, _)| name == SESSION).map(|(_, id)| id.clone())
}

/// What can be said about ids from a few of them: whether they differ, and whether they are an obvious series.
fn ids(run: &mut CaseRun<'_>, others: &[String]) {
    let Some(own) = run.session.http_session().map(str::to_owned) else {
        return ["id-unique", "id-unpredictable", "id-nondeterministic"]
            .iter()
            .for_each(|name| unseen(run, &format!("http.session.{name}"), "the server gives no session id"));
    };
    let all: Vec<&str> = std::iter::once(own.as_str()).chain(others.iter().map(String::as_str)).collect();
    let mut distinct = all.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let span = (1, run.session.transcript.last());
    let seen = |message, expected| Seen { message, expected, got: all.join(", "), span, ..Seen::default() };
    let is_unique = distinct.len() == all.len();
    say(
        run,
        "http.session.id-unique",
        is_unique,
        &seen("two sessions have the same id", "an id for each session"),
    );
    if !is_unique || all.len() < 3 {
        return;
    }
    let secure = differing(&all) >= FEW;
    say(run, "http.session.id-unpredictable", secure, &seen("the ids can be guessed", "random ids"));
    let series = seen("the ids are a series of numbers", "ids that do not follow from each other");
    say(run, "http.session.id-nondeterministic", !is_series(&all), &series);
}

/// In how many characters ids differ, once what they share at both ends is taken away.
fn differing(ids: &[&str]) -> usize {
    let first = ids[0].as_bytes();
    let same = |at: &dyn Fn(&[u8], usize) -> Option<u8>, index| {
        ids.iter().all(|id| at(id.as_bytes(), index) == at(first, index))
    };
    let head = (0..first.len()).take_while(|i| same(&|id, i| id.get(i).copied(), *i)).count();
    let tail = (0..first.len())
        .take_while(|i| same(&|id, i| id.len().checked_sub(i + 1).map(|i| id[i]), *i))
        .count();
    let longest = ids.iter().map(|id| id.len()).max().unwrap_or_default();
    longest.saturating_sub(head + tail)
}

/// Whether the ids, once what they share is taken away, are numbers that follow each other closely.
fn is_series(ids: &[&str]) -> bool {
    let digits = |id: &str| {
        let end = id.trim_end_matches(|c: char| !c.is_ascii_digit());
        let start = end.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |index| index + 1);
        Some((end[..start].to_owned(), end[start..].parse::<u64>().ok()?))
    };
    let Some(mut parts) = ids.iter().map(|id| digits(id)).collect::<Option<Vec<_>>>() else { return false };
    parts.sort_unstable();
    parts.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[1].1 - pair[0].1 <= 16)
}

/// Two clients ask different things under the same ids, all in the air together.
async fn concurrency(run: &mut CaseRun<'_>, other: Option<&str>) {
    const ID: &str = "http.endpoint.concurrent-clients";
    if run.session.revision.is_handshake() && other.is_none() && run.session.http_session().is_some() {
        return unseen(run, ID, "no second session could be opened");
    }
    let headers: Vec<(&str, Option<&str>)> = other.iter().map(|id| ("Mcp-Session-Id", Some(*id))).collect();
    if other.is_some() {
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        run.session.http(&call("POST", Some(note), &headers)).await;
    }
    let mut sent = Vec::new();
    for n in 0..3 {
        for (method, headers) in [(None, &[][..]), (Some("mcp-conform/no-such-method"), headers.as_slice())] {
            let call = question(run, method, &format!("mcp-conform-same-{n}"), headers);
            sent.extend(launch(run, &call).map(|sent| (method.is_some(), sent)));
        }
    }
    let patience = run.session.timeout();
    for (is_unknown, sent) in sent {
        let outcome = run.session.land(sent, patience).await;
        let is_right = match is_unknown {
            true => outcome.error().is_some(),
            false => outcome.result().is_some(),
        };
        let expected =
            if is_unknown { "the error of the second client" } else { "the result of the first client" };
        let seen = Seen::of(&outcome, "with two clients at work, one did not get its own answer", expected);
        say(run, ID, is_right, &seen);
    }
}

fn question(run: &mut CaseRun<'_>, method: Option<&str>, id: &str, headers: Headers<'_>) -> HttpCall {
    let mut message = super::http::plain(run);
    if let Some(method) = method {
        message["method"] = method.into();
    }
    message["id"] = id.into();
    HttpCall { apart: method.is_some(), ..call("POST", Some(message), headers) }
}

/// While this session is busy, another one listens: what it hears must not be about this one.
async fn isolation(run: &mut CaseRun<'_>, other: &str) {
    const ID: &str = "http.session.isolation";
    let Some(stream) = launch(run, &call("GET", None, &[("Mcp-Session-Id", Some(other))])) else { return };
    let opened = run.session.land(stream, Duration::from_secs(2)).await;
    let (Some(200), Some(exchange)) = (opened.status, stream.exchange) else {
        return unseen(run, ID, "the server opens no GET stream");
    };
    let from = run.session.transcript.last();
    called_quietly(run).await;
    run.session.fence().await;
    let told = |on: bool| -> Vec<(u64, Value)> {
        let received = run.session.transcript.received().filter(|(entry, message)| {
            entry.seq > from
                && (entry.exchange() == Some(exchange)) == on
                && is_private(message.method(), message.is_reply())
        });
        received.map(|(entry, message)| (entry.seq, message.into_value())).collect()
    };
    let (own, leaked) = (told(false), told(true));
    let stray = leaked.iter().find(|(_, message)| own.iter().any(|(_, known)| known == message));
    let span = (from, run.session.transcript.last());
    let got = stray.map_or_else(|| "nothing".to_owned(), |(_, message)| message.to_string());
    let message = "what belongs to one session came on the stream of another";
    say(
        run,
        ID,
        stray.is_none(),
        &Seen { message, expected: "nothing of this session", got, span, ..Seen::default() },
    );
    run.session.drop_exchange(exchange);
}

/// Whether such a message is for one client only. That a list changed is told to all.
fn is_private(method: Option<&str>, is_reply: bool) -> bool {
    is_reply || matches!(method, Some("notifications/progress" | "notifications/message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_and_short_ids_are_told_from_random_ones() {
        assert!(is_series(&["session-1", "session-3", "session-2"]));
        let random = ["1868a90c-77d0", "9f3b1ac2-40be", "0c4d1e55-a3f1"];
        assert!(!is_series(&random));
        assert!(differing(&random) >= FEW);
        assert!(differing(&["session-001", "session-002", "session-003"]) < FEW);
    }
}
