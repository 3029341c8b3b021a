//! The smallest script with the same bug. Each step is confirmed on a fresh server.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::strategy::ValueTree;
use serde_json::Value;
use tokio::time::Instant;

use super::bench::Bench;
use super::oracle::{Bug, Kind};
use super::script::{Action, Call, Script};

/// How many runs one finding may be shrunk in.
const RUNS: usize = 400;

/// A search for the smallest script with a bug.
pub(super) struct Search<'b> {
    bench: &'b Bench<'b>,
    hasty: Bench<'b>,
    kind: Kind,
    cause: String,
    runs: usize,
    end: Instant,
    stopped: &'b AtomicBool,
    /// The bug as it was shown last.
    pub shown: Option<Bug>,
}

impl<'b> Search<'b> {
    pub(super) async fn begin(
        bench: &'b Bench<'b>,
        bug: &Bug,
        patience: Duration,
        stopped: &'b AtomicBool,
    ) -> Self {
        Self {
            bench,
            hasty: bench.hasty().await,
            kind: bug.kind,
            cause: bug.cause(),
            runs: 0,
            end: Instant::now() + patience,
            stopped,
            shown: None,
        }
    }

    /// Whether the scripts show the bug on a fresh server.
    pub(super) async fn shows(&mut self, scripts: &[&Script]) -> bool {
        let bugs = self.hasty.show(scripts, self.kind).await;
        self.notes(bugs)
    }

    /// Whether the script shows the bug to somebody with all the patience that the user allows.
    pub(super) async fn is_confirmed(&mut self, script: &Script) -> bool {
        let bugs = self.bench.show(&[script], self.kind).await;
        self.notes(bugs)
    }

    fn notes(&mut self, bugs: Vec<Bug>) -> bool {
        self.runs += 1;
        let bug = bugs.into_iter().find(|bug| bug.cause() == self.cause);
        let shows = bug.is_some();
        self.shown = bug.or(self.shown.take());
        shows
    }

    /// Whether it has taken as long, and as many runs, as it may, or nobody waits for it any more.
    pub(super) fn is_over(&self) -> bool {
        self.runs >= RUNS || Instant::now() >= self.end || self.is_stopped()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// The script of one case made small: first as it was generated, then action by action.
    pub(super) async fn smallest(&mut self, tree: &mut dyn ValueTree<Value = Script>) -> Script {
        let mut best = tree.current();
        let mut moved = tree.simplify();
        while moved && self.runs < RUNS / 2 && !self.is_over() {
            let script = tree.current();
            moved = match self.shows(&[&script]).await {
                true => {
                    best = script;
                    tree.simplify()
                }
                false => tree.complicate(),
            };
        }
        self.polish(best).await
    }

    /// The fewest of these scripts that show the bug together, as one script.
    pub(super) async fn fewest(&mut self, scripts: &[&Script]) -> Script {
        let mut kept: Vec<&Script> = self.shortest_prefix(scripts).await;
        let mut size = kept.len().div_ceil(2);
        while size > 0 && !self.is_over() {
            let mut at = 0;
            while at < kept.len() && kept.len() > 1 && !self.is_over() {
                let mut fewer = kept.clone();
                fewer.drain(at..(at + size).min(kept.len()));
                match !fewer.is_empty() && self.shows(&fewer).await {
                    true => kept = fewer,
                    false => at += size,
                }
            }
            size /= 2;
        }
        self.polish(Script::joined(kept)).await
    }

    /// The bug comes with the last of these, and not without it.
    async fn shortest_prefix<'s>(&mut self, scripts: &[&'s Script]) -> Vec<&'s Script> {
        let (mut without, mut with) = (0, scripts.len());
        while with - without > 1 && !self.is_over() {
            let middle = without + (with - without) / 2;
            match self.shows(&scripts[..middle]).await {
                true => with = middle,
                false => without = middle,
            }
        }
        scripts[..with].to_vec()
    }

    /// Makes a script smaller in every way, until none helps.
    async fn polish(&mut self, mut best: Script) -> Script {
        loop {
            let before = best.clone();
            best = self.without_actions(best).await;
            best = self.together(best).await;
            best = self.plainer(best).await;
            if best == before || self.is_over() {
                return best;
            }
        }
    }

    async fn try_instead(&mut self, best: &mut Script, candidate: Script) -> bool {
        let helps = !self.is_over() && candidate != *best && self.shows(&[&candidate]).await;
        if helps {
            *best = candidate;
        }
        helps
    }

    /// Leaves out what the bug does not need: halves, quarters, single actions, the last first.
    async fn without_actions(&mut self, mut best: Script) -> Script {
        let mut size = best.actions.len().div_ceil(2);
        while size > 0 {
            let mut end = best.actions.len();
            while end > 0 && best.actions.len() > 1 {
                let begin = end.saturating_sub(size);
                if end - begin < best.actions.len() {
                    let fewer = best.with(begin..end, Vec::new());
                    self.try_instead(&mut best, fewer).await;
                }
                end = begin.min(best.actions.len());
            }
            size /= 2;
        }
        best
    }

    /// Requests that follow each other become one write, as few as are needed.
    async fn together(&mut self, mut best: Script) -> Script {
        let is_call = |action: &Action| {
            matches!(action, Action::Request { forbidden: false, .. } | Action::Together(_))
        };
        let Some(from) = best.actions.iter().position(is_call) else { return best };
        let length = best.actions[from..].iter().take_while(|action| is_call(action)).count();
        let mut calls: Vec<Call> = best.actions[from..from + length].iter().flat_map(calls).collect();
        if length > 2 {
            let joined = best.with(from..from + length, vec![Action::Together(calls.clone())]);
            if !self.try_instead(&mut best, joined).await {
                return best;
            }
        } else if !matches!(best.actions[from], Action::Together(_)) || length > 1 {
            return best;
        }
        let mut at = calls.len();
        while at > 0 && calls.len() > 1 {
            at -= 1;
            let mut fewer = calls.clone();
            fewer.remove(at);
            let candidate = best.with(from..from + 1, vec![Action::Together(fewer.clone())]);
            if self.try_instead(&mut best, candidate).await {
                calls = fewer;
            }
            if self.is_over() {
                break;
            }
        }
        if let [only] = &calls[..] {
            let Call { method, params } = only.clone();
            let single =
                best.with(from..from + 1, vec![Action::Request { method, params, forbidden: false }]);
            self.try_instead(&mut best, single).await;
        }
        best
    }

    /// Each action in a plainer form.
    async fn plainer(&mut self, mut best: Script) -> Script {
        for index in 0..best.actions.len() {
            let mut again = true;
            while again && !self.is_over() {
                again = false;
                for plainer in self.plainer_forms(&best.actions[index]) {
                    let candidate = best.with(index..index + 1, vec![plainer]);
                    if self.try_instead(&mut best, candidate).await {
                        again = true;
                        break;
                    }
                }
            }
        }
        best
    }

    /// Plainer forms of an action, the plainest first: a request that has nothing to it, which tells that only the number
    /// of messages matters.
    fn plainer_forms(&self, action: &Action) -> Vec<Action> {
        let method = self.bench.revision.fence();
        let is_message = matches!(
            action,
            Action::Request { .. }
                | Action::Message(_)
                | Action::Text(_)
                | Action::Base64(_)
                | Action::Pieces(_)
        );
        let plainest =
            || Action::Request { method: method.to_owned(), params: serde_json::json!({}), forbidden: false };
        let is_plainest = action.method() == Some(method);
        let first = (is_message && !is_plainest).then(plainest);
        let mut forms: Vec<_> = first.into_iter().chain(plainer(action)).collect();
        // Each costs a start of the server.
        forms.dedup();
        forms
    }
}

fn calls(action: &Action) -> Vec<Call> {
    match action {
        Action::Request { method, params, .. } => {
            vec![Call { method: method.clone(), params: params.clone() }]
        }
        Action::Together(calls) => calls.clone(),
        _ => Vec::new(),
    }
}

/// Plainer forms of an action, the plainest first.
fn plainer(action: &Action) -> Vec<Action> {
    match action {
        Action::Text(text) => shorter_texts(text).map(Action::Text).collect(),
        Action::Unfinished(text) => shorter_texts(text).map(Action::Unfinished).collect(),
        Action::Base64(encoded) => {
            let bytes = STANDARD.decode(encoded).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let fewer = shorter(&bytes).into_iter().map(Action::of_bytes);
            std::iter::once(Action::Text(text)).chain(fewer).collect()
        }
        Action::Pieces(pieces) => vec![Action::Text(pieces.concat())],
        Action::Message(message) => lesser(message).into_iter().map(Action::Message).collect(),
        _ => Vec::new(),
    }
}

fn shorter_texts(text: &str) -> impl Iterator<Item = String> {
    let chars: Vec<char> = text.chars().collect();
    shorter(&chars).into_iter().map(|chars| chars.into_iter().collect())
}

/// Halves and ends.
fn shorter<T: Clone>(whole: &[T]) -> Vec<Vec<T>> {
    let mut shorter = Vec::new();
    let mut size = whole.len().div_ceil(2);
    while size > 0 && shorter.len() < 16 {
        shorter.push(whole[..whole.len() - size].to_vec());
        shorter.push(whole[size..].to_vec());
        size /= 2;
    }
    shorter
}

/// The message with less in it: a batch with fewer messages or smaller ones, a message without one of its members, at the
/// top or below `params`.
fn lesser(message: &Value) -> Vec<Value> {
    match message {
        Value::Array(batch) => lesser_batches(batch),
        _ => PLACES.iter().flat_map(|place| without_members(message, place)).collect(),
    }
}

/// Where members are left out.
const PLACES: [&str; 4] = ["", "/params", "/params/arguments", "/params/_meta"];

fn lesser_batches(batch: &[Value]) -> Vec<Value> {
    // Those at the ends are left out by `shorter`.
    let without =
        (1..batch.len().saturating_sub(1)).rev().map(|at| [&batch[..at], &batch[at + 1..]].concat());
    let fewer = shorter(batch).into_iter().chain(without);
    let smaller = batch.iter().enumerate().flat_map(|(at, message)| {
        lesser(message).into_iter().map(move |lesser| {
            let mut batch = batch.to_vec();
            batch[at] = lesser;
            batch
        })
    });
    fewer.chain(smaller).map(Value::Array).collect()
}

fn without_members(message: &Value, place: &str) -> Vec<Value> {
    let members = message.pointer(place).and_then(Value::as_object);
    let names = members.into_iter().flat_map(|members| members.keys());
    let without = names.filter_map(|name| {
        let mut without = message.clone();
        without.pointer_mut(place)?.as_object_mut()?.shift_remove(name)?;
        Some(without)
    });
    without.collect()
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Just;
    use serde_json::json;

    use super::*;
    use crate::fuzz::probe;
    use crate::protocol::Revision;
    use crate::reference::{Settings, parse};
    use crate::runner::in_memory;

    #[tokio::test(start_paused = true)]
    async fn only_what_a_crash_needs_is_left() {
        let mut settings = Settings::default();
        let planted = "- { id: planted, about: Planted., rewrite: [{ on: receive *, where: { malformed: true }, do: [{ exit: 1 }] }] }\n";
        parse("planted", planted).expect("a fault").iter().for_each(|fault| settings.add(fault));
        let target = in_memory(settings);
        let bench = probe::bench(&target, Revision::V2025_11_25);
        let ping = Action::Request { method: "ping".into(), params: json!({}), forbidden: false };
        let script =
            Script::of(vec![ping.clone(), Action::Text("{\"jsonrpc\":".into()), Action::Await, ping]);
        let bugs = bench.show(&[&script], Kind::Crash).await;
        let crash = bugs.iter().find(|bug| bug.kind == Kind::Crash).expect("a crash");
        let never = AtomicBool::new(false);
        let mut search = Search::begin(&bench, crash, Duration::from_secs(60), &never).await;
        let smallest = search.smallest(&mut Just(script)).await;
        assert!(search.is_confirmed(&smallest).await);
        assert!(matches!(&smallest.actions[..], [Action::Text(text)] if text.len() < 2), "{smallest:?}");
    }

    #[test]
    fn members_of_a_message_and_messages_of_a_batch_are_left_out() {
        let message = json!({"id": 1, "params": {"a": 2}});
        assert_eq!(
            lesser(&message),
            [json!({"params": {"a": 2}}), json!({"id": 1}), json!({"id": 1, "params": {}})]
        );
        assert_eq!(
            lesser(&json!([1, 2, 3, 4]))[..4],
            [json!([1, 2]), json!([3, 4]), json!([1, 2, 3]), json!([2, 3, 4])]
        );
        let smaller = lesser(&json!([[7], {"id": 1}]));
        assert_eq!(smaller[..2], [json!([[7]]), json!([{"id": 1}])]);
        let end = smaller.len() - 2;
        assert_eq!(smaller[end..], [json!([[], {"id": 1}]), json!([[7], {}])]);
        assert!(lesser(&json!([])).is_empty() && lesser(&json!({})).is_empty());
    }

    #[test]
    fn bytes_become_text_or_fewer() {
        let forms = plainer(&Action::of_bytes(vec![b'a', b'b', 0xff]));
        let text = |text: &str| Action::Text(text.into());
        let end = Action::of_bytes(vec![0xff]);
        let halves = [text("a"), end, text("ab"), Action::of_bytes(vec![b'b', 0xff])];
        assert_eq!(forms, [vec![text("ab\u{fffd}")], halves.to_vec()].concat());
        assert_eq!(plainer(&text("abcd")), ["ab", "cd", "abc", "bcd"].map(text));
        assert_eq!(plainer(&text("a")), ["", ""].map(text));
        assert_eq!(plainer(&Action::Pieces(vec!["a".into(), "b".into()])), [text("ab")]);
    }
}
