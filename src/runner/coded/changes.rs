//! Something changes: those who asked for it are told, and nobody else is.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Seen, listen,
    walk::{Walk, difference, key},
};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::{Message, method};
use crate::runner::interpret::CaseRun;
use crate::session::Begun;
use crate::session::transcript::What;

/// How long a change may take to be told, and an end to be known.
const PATIENCE: Duration = Duration::from_millis(100);
const END: Duration = Duration::from_millis(250);
const UPDATED: &str = "notifications/resources/updated";
const LISTS: [(&str, &str, &str); 3] = [
    ("tools", "tools/list", "notifications/tools/list_changed"),
    ("prompts", "prompts/list", "notifications/prompts/list_changed"),
    ("resources", "resources/list", "notifications/resources/list_changed"),
];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let uris = uris(run);
    let candidates: Vec<Value> = run
        .around
        .survey
        .things(List::CallableTools)
        .into_iter()
        .filter(|tool| tool["annotations"]["readOnlyHint"] != true)
        .collect();
    let watch = watch(run, &uris).await;
    for tool in candidates.iter().take(5) {
        let before = State::take(run, &uris).await;
        let from = run.session.transcript.last() + 1;
        super::call(run, &tool["name"], &tool["arguments"]).await;
        let after = State::take(run, &uris).await;
        if before != after && can_be_told(run) {
            run.session.wait_for(PATIENCE, |_| false).await;
            lists(run, &watch, &before, &after, from);
            resources(run, &watch, &before, &after, from);
            afterwards(run, watch, tool, &uris).await;
            break;
        }
    }
    run.rest_unseen(
        "no tool that may be called changed a list or a resource; `[tools.NAME] allow = true` in the profile allows one",
    );
}

/// Whether the server has a way to speak by itself.
fn can_be_told(run: &CaseRun<'_>) -> bool {
    let is_stream = |what: &What| match what {
        What::Response { status: 200, headers, .. } => headers
            .iter()
            .any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream")),
        _ => false,
    };
    !run.session.is_http() || run.session.transcript.entries.iter().any(|entry| is_stream(&entry.what))
}

fn declares(run: &CaseRun<'_>, capability: &str) -> bool {
    method::declares(&run.session.server.capabilities, capability)
}

fn uris(run: &CaseRun<'_>) -> Vec<String> {
    let resources = run.around.survey.things(List::Resources);
    let uris = resources.iter().filter_map(|resource| resource["uri"].as_str()).take(3);
    uris.filter(|_| declares(run, "resources.subscribe")).map(str::to_owned).collect()
}

/// Two subscriptions (2026-07-28) that ask for everything, or none.
async fn watch(run: &mut CaseRun<'_>, uris: &[String]) -> Vec<Begun> {
    if run.session.revision.is_stateless() {
        let mut filter = listen::filter(run);
        if !uris.is_empty() {
            filter["resourceSubscriptions"] = json!(uris);
        }
        return vec![listen::begin(run, &filter).await, listen::begin(run, &filter).await];
    }
    for uri in uris {
        run.ask("resources/subscribe", json!({"uri": uri})).await;
    }
    Vec::new()
}

async fn act(run: &mut CaseRun<'_>, tool: &Value) {
    super::call(run, &tool["name"], &tool["arguments"]).await;
    run.session.wait_for(PATIENCE, |_| false).await;
}

/// What can change: the names of each list, and the contents of some resources, where they are the same twice in a row.
#[derive(Debug, PartialEq)]
struct State {
    names: Vec<BTreeSet<String>>,
    contents: Vec<Option<Value>>,
}

impl State {
    async fn take(run: &mut CaseRun<'_>, uris: &[String]) -> Self {
        let mut state = Self { names: Vec::new(), contents: Vec::new() };
        for (member, list, _) in LISTS {
            let names = match declares(run, member) {
                true => Walk::take(run.session, list, member).await.set(key(member)),
                false => BTreeSet::new(),
            };
            state.names.push(names);
        }
        for uri in uris {
            let mut read = Vec::new();
            for _ in 0..2 {
                let outcome = run.ask("resources/read", json!({"uri": uri})).await;
                read.push(outcome.result().map(|result| result["contents"].clone()));
            }
            let is_steady = read[0] == read[1];
            state.contents.push(read.swap_remove(0).filter(|_| is_steady));
        }
        state
    }
}

/// Whether such a notification came since an entry, over this subscription if one is given.
fn told(
    run: &CaseRun<'_>,
    from: u64,
    subscription: Option<&Begun>,
    is_it: impl Fn(&Message) -> bool,
) -> bool {
    let since = run.session.transcript.received().filter(|(entry, _)| entry.seq >= from);
    let mut wanted = since.filter(|(_, message)| is_it(message));
    wanted.any(|(_, message)| {
        subscription.is_none_or(|begun| message.subscription().as_ref() == Some(&begun.id))
    })
}

fn lists(run: &mut CaseRun<'_>, watch: &[Begun], before: &State, after: &State, from: u64) {
    for (index, (family, list, notification)) in LISTS.iter().enumerate() {
        let (old, new) = (&before.names[index], &after.names[index]);
        if old != new && declares(run, &format!("{family}.listChanged")) {
            let suffix = if watch.is_empty() { "notified" } else { "notified-on-listen" };
            let ids = (format!("{family}.list-changed.{suffix}"), "subscriptions.list-changed-delivered");
            let what = format!("{list} changed ({})", difference(old, new));
            let is_it = |message: &Message| message.method() == Some(notification);
            tell(run, watch, (&ids.0, ids.1), &what, notification, from, is_it);
        }
    }
}

fn resources(run: &mut CaseRun<'_>, watch: &[Begun], before: &State, after: &State, from: u64) {
    for (index, uri) in uris(run).iter().enumerate() {
        let (Some(old), Some(new)) = (&before.contents[index], &after.contents[index]) else { continue };
        if old != new {
            let id = match watch.is_empty() {
                true => "resources.updated.notified-legacy",
                false => "resources.updated.notified-on-listen",
            };
            let ids = (id, "subscriptions.resource-updated-delivered");
            let is_it = |message: &Message| {
                let told = message.params()["uri"].as_str().unwrap_or_default();
                message.method() == Some(UPDATED) && told.starts_with(uri.as_str())
            };
            tell(run, watch, ids, &format!("the content of {uri} changed"), UPDATED, from, is_it);
        }
    }
}

/// Holds the first requirement against what any subscription was told, the second against what each was told.
fn tell(
    run: &mut CaseRun<'_>,
    watch: &[Begun],
    ids: (&str, &str),
    what: &str,
    notification: &str,
    from: u64,
    is_it: impl Fn(&Message) -> bool,
) {
    let seen = |message: String| Seen {
        message,
        expected: format!("`{notification}`"),
        got: "nothing".into(),
        from,
        at_most: None,
    };
    let each: Vec<bool> = watch.iter().map(|begun| told(run, from, Some(begun), &is_it)).collect();
    let any = match watch.is_empty() {
        true => told(run, from, None, &is_it),
        false => each.contains(&true),
    };
    super::hold(run, ids.0, any, seen(format!("{what}, and nobody was told")));
    if any && !watch.is_empty() {
        let all = each.iter().all(|told| *told);
        super::hold(run, ids.1, all, seen(format!("{what}, and only one of two subscriptions was told")));
    }
}

/// The same change again, when one subscription was cancelled, and when none is left.
async fn afterwards(run: &mut CaseRun<'_>, watch: Vec<Begun>, tool: &Value, uris: &[String]) {
    for begun in &watch {
        run.session.cancel(begun).await;
        run.session.wait_for(END, |_| false).await;
        act(run, tool).await;
    }
    let updates = told(run, 0, None, |message| message.method() == Some(UPDATED));
    if !watch.is_empty() || !updates {
        return;
    }
    for uri in uris {
        run.ask("resources/unsubscribe", json!({"uri": uri})).await;
    }
    run.session.wait_for(END, |_| false).await;
    let from = run.session.transcript.last() + 1;
    act(run, tool).await;
    let still = told(run, from, None, |message| message.method() == Some(UPDATED));
    let seen = Seen {
        message: "updates went on after `resources/unsubscribe`".into(),
        expected: "no more updates".into(),
        got: UPDATED.into(),
        from,
        at_most: Some(Verdict::Warn),
    };
    super::hold(run, "resources.updated.stops-after-unsubscribe", !still, seen);
}
