//! What is new about how a server behaved: the guidance of a campaign.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::oracle::plain;
use super::player::Played;
use super::script::{Action, Script};
use crate::protocol::Message;

/// Behaviours of one kind that are told apart; the rest is no news.
const MOST: usize = 1 << 20;

/// How new a behaviour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A known reply to a known message, after another reply than before.
    Order,
    /// A known reply to another message.
    Pair,
    /// A reply like none before.
    Reply,
}

/// Every behaviour that was seen.
#[derive(Debug, Default)]
pub(super) struct Novelty {
    replies: HashSet<u64>,
    pairs: HashSet<u64>,
    orders: HashSet<u64>,
}

impl Novelty {
    /// How new it is what a script, as it was played, showed: the kind of a reply, to which message it came, and after
    /// which reply.
    pub(super) fn rank(&mut self, script: &Script, played: &[Played]) -> Option<Rank> {
        let mut before = 0;
        let mut rank = None;
        for played in played {
            let Some(action) = script.actions.get(played.at.1) else { continue };
            let reply = of_reply(played.reply.as_ref());
            let pair = hash(&(action.kind(), family(action), reply));
            let found = [
                (is_new(&mut self.orders, hash(&(before, pair))), Rank::Order),
                (is_new(&mut self.pairs, pair), Rank::Pair),
                (is_new(&mut self.replies, reply), Rank::Reply),
            ];
            rank = rank.max(found.into_iter().filter(|(is_new, _)| *is_new).map(|(_, rank)| rank).max());
            before = reply;
        }
        rank
    }

    /// How many behaviours were seen.
    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }
}

fn is_new(seen: &mut HashSet<u64>, behaviour: u64) -> bool {
    seen.len() < MOST && seen.insert(behaviour)
}

/// A value in 8 bytes.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The method, as far as it is one of MCP: invented ones are all alike.
fn family(action: &Action) -> Option<&str> {
    let method = action.method()?;
    let is_known = crate::protocol::method::METHODS.iter().any(|known| known.name == method);
    Some(if is_known || matches!(action, Action::Http(_)) { method } else { "other" })
}

/// The kind of a reply: none; an error by its code and the form of its text; a result by its shape.
fn of_reply(reply: Option<&Message>) -> u64 {
    let Some(reply) = reply else { return 0 };
    match (reply.get("error"), reply.get("result")) {
        (Some(error), _) => {
            let text: String =
                plain(error["message"].as_str().unwrap_or_default()).chars().take(60).collect();
            hash(&("error", error["code"].as_i64(), text))
        }
        (None, Some(result)) => {
            let text = match &result["isError"] {
                Value::Bool(true) => plain(result["content"][0]["text"].as_str().unwrap_or_default()),
                _ => String::new(),
            };
            hash(&("result", shape(result), text.chars().take(40).collect::<String>()))
        }
        (None, None) => 1,
    }
}

/// The members of a result and how many things there are in each, roughly.
fn shape(result: &Value) -> Vec<(String, u32)> {
    let size = |value: &Value| match value {
        Value::Array(items) => 16 + items.len().min(4096).next_power_of_two().ilog2(),
        Value::Object(_) => 1,
        Value::String(_) => 2,
        Value::Number(_) => 3,
        Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Null => 6,
    };
    result.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), size(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_code_after_another_reply_is_new() {
        let script = Script::of(vec![Action::Message(json!({"method": "tools/list"}))]);
        let played = |reply: Value| vec![Played::at_entry(1, Message::from_value(reply))];
        let mut novelty = Novelty::default();
        let error =
            |code: i64, text: &str| played(json!({"id": 1, "error": {"code": code, "message": text}}));
        assert_eq!(novelty.rank(&script, &error(-32602, "no tool 1")), Some(Rank::Reply));
        assert_eq!(novelty.rank(&script, &error(-32602, "no tool 2")), None);
        assert_eq!(novelty.rank(&script, &error(-32603, "no tool 2")), Some(Rank::Reply));
        assert_eq!(
            novelty.rank(&script, &played(json!({"id": 1, "result": {"tools": []}}))),
            Some(Rank::Reply)
        );
        let other = Script::of(vec![Action::Message(json!({"method": "prompts/list"}))]);
        assert_eq!(novelty.rank(&other, &error(-32602, "no tool 1")), Some(Rank::Pair));
        let tools = |n: usize| played(json!({"id": 1, "result": {"tools": vec![json!({}); n]}}));
        assert_eq!(novelty.rank(&script, &tools(5)), Some(Rank::Reply), "more of them");
        assert_eq!(novelty.rank(&script, &tools(6)), None, "about as many");
        let both = [error(-32602, "no tool 1"), error(-32603, "no tool 1")].concat();
        assert_eq!(novelty.rank(&script, &both), Some(Rank::Order));
    }
}
