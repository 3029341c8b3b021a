//! Whether a refused message changed what the server offers.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::Bench;
use super::oracle::{Bug, Kind};
use super::player::{Flight, Played, Player};
use super::script::{Action, Script};
use crate::protocol::Message;
use crate::protocol::method::{self, LISTS};
use crate::session::Session;

/// How long the news of a change may take.
const LATE: Duration = Duration::from_secs(1);

/// What a server offers, as its lists say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer(Vec<Value>);

impl Offer {
    /// Asks for the first page of every list that the server declares.
    pub(super) async fn ask(session: &mut Session) -> Self {
        let mut lists = Vec::new();
        for (name, member) in declared(session) {
            let outcome = session.request(name, None).await;
            lists.push(json!({ member: outcome.result().map(|result| result[member].clone()) }));
        }
        Self(lists)
    }
}

/// What asks so, as a script: it is a part of what was said on a connection.
pub(super) fn question(session: &Session) -> Script {
    let ask = |(method, _): (&str, _)| Action::Request {
        method: method.to_owned(),
        params: json!({}),
        forbidden: false,
    };
    Script::of(declared(session).into_iter().map(ask).collect())
}

/// The lists that the server declares, with the member that holds each.
fn declared(session: &Session) -> Vec<(&'static str, &'static str)> {
    let is_declared = |(name, _): &&(&str, &str)| {
        let capability = method::find(name, session.revision).and_then(|method| method.capability);
        capability.is_some_and(|path| method::declares(&session.server.capabilities, path))
    };
    LISTS.iter().filter(is_declared).copied().collect()
}

/// What scripts change, although the server refused them; nothing on servers whose lists change by themselves.
pub(super) async fn show(bench: &Bench<'_>, scripts: &[&Script]) -> Vec<Bug> {
    // Legal requests may change whatever they like, and another connection may offer something else.
    let is_fit = |script: &&Script| !script.is_costly() && script.actions.iter().all(may_only_be_refused);
    if !scripts.iter().all(is_fit) {
        return Vec::new();
    }
    let (Some(changed), Some(steady)) = (changes(bench, scripts).await, changes(bench, &[]).await) else {
        return Vec::new();
    };
    match changed && !steady {
        true => vec![bug()],
        false => Vec::new(),
    }
}

/// A bug that says so.
pub(super) fn bug() -> Bug {
    let what = "messages that the server refused changed what it lists, and it told nobody";
    Bug::new(Kind::State, "", what.to_owned(), u64::MAX)
}

pub(super) fn may_only_be_refused(action: &Action) -> bool {
    match action {
        Action::Request { method, forbidden, .. } => *forbidden || !method.starts_with("tools/call"),
        Action::Together(calls) => calls.iter().all(|call| call.method != "tools/call"),
        _ => true,
    }
}

/// Whether the offer is another one after the scripts, on one connection.
async fn changes(bench: &Bench<'_>, scripts: &[&Script]) -> Option<bool> {
    let mut session = bench.open().await.ok()?;
    let before = Offer::ask(&mut session).await;
    let mut player = Player::on(bench, session);
    for (place, script) in scripts.iter().enumerate() {
        player.play(script, place).await;
    }
    let flight = player.land().await;
    if !player.is_alive() {
        return None;
    }
    let after = Offer::ask(&mut player.session).await;
    if before != after && player.session.wait_for(LATE, is_news).await {
        return Some(false);
    }
    let is_legal = |(place, index): (usize, usize)| {
        let action = scripts.get(place).and_then(|script| script.actions.get(index));
        matches!(action, Some(Action::Request { forbidden: false, .. } | Action::Together(_)))
    };
    let was_refused = |played: &Played| is_legal(played.at) || played.reply.as_ref().is_none_or(is_refusal);
    let refused = flight.played.iter().all(was_refused);
    Some(before != after && refused && !is_told(&flight))
}

pub(super) fn is_refusal(reply: &Message) -> bool {
    reply.get("error").is_some() || reply.get("result").is_some_and(|result| result["isError"] == true)
}

/// Whether the server told that a list changed, after it had been asked what it offers.
pub(super) fn is_told(flight: &Flight) -> bool {
    let last = flight.transcripts.len().saturating_sub(1);
    let is_new = |at: usize, seq: u64| at < last || seq > flight.prelude;
    let mut received =
        flight.transcripts.iter().enumerate().flat_map(|(at, transcript)| {
            transcript.received().filter(move |(entry, _)| is_new(at, entry.seq))
        });
    received.any(|(_, message)| is_news(&message))
}

fn is_news(message: &Message) -> bool {
    message.method().is_some_and(|name| name.ends_with("/list_changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_news_of_a_changed_list_is_news() {
        let is_news = |message: Value| is_news(&Message::from_value(message).expect("a message"));
        assert!(is_news(json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})));
        assert!(!is_news(json!({"jsonrpc": "2.0", "method": "notifications/resources/updated"})));
        assert!(!is_news(json!({"jsonrpc": "2.0", "id": 1, "result": {}})));
    }
}
