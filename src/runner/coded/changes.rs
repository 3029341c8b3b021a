//! Something changes: those who asked for it are told, and nobody else is.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Seen, listen,
    listen::grant::{URIS, grants},
    walk::{Walk, difference, key},
};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::{Message, method, spelled};
use crate::runner::interpret::CaseRun;
use crate::session::transcript::What;
use crate::session::{Begun, Session};

/// Tools that are tried.
const MOST: usize = 10;
/// How long a change may take to be told.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long what must not be told is listened for, and how long an end may take to be known.
const QUIET: Duration = Duration::from_millis(100);
const END: Duration = Duration::from_millis(250);
const UPDATED: &str = "notifications/resources/updated";
const LISTS: [(&str, &str, &str, &str); 3] = [
    ("tools", "tools/list", "notifications/tools/list_changed", "toolsListChanged"),
    ("prompts", "prompts/list", "notifications/prompts/list_changed", "promptsListChanged"),
    ("resources", "resources/list", "notifications/resources/list_changed", "resourcesListChanged"),
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
    let Some(watch) = watch(run, &uris).await else {
        return run.rest_unseen("`subscriptions/listen` was not acknowledged");
    };
    // What changes while the state is taken is told then: over HTTP others may call tools at the same time.
    let mut from = run.session.transcript.last() + 1;
    let mut before = State::take(run, &uris).await;
    for tool in candidates.iter().take(MOST) {
        super::call(run, &tool["name"], &tool["arguments"]).await;
        let next = run.session.transcript.last() + 1;
        let after = State::take(run, &uris).await;
        if before != after && can_be_told(run) {
            let mut owed = lists(run, &before, &after);
            owed.extend(resources(run, &before, &after));
            owed.retain(|news| watch.iter().any(|watch| news.is_granted(watch)));
            let are_told = |session: &Session| owed.iter().all(|news| news.is_told(session, &watch, from));
            run.session.wait_until(PATIENCE, are_told).await;
            owed.iter().for_each(|news| judge(run, &watch, news, from));
            afterwards(run, &watch, tool, &uris).await;
            break;
        }
        (from, before) = (next, after);
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

/// Who is to be told.
struct Watch {
    /// The subscription (2026-07-28); before, the whole connection.
    begun: Option<Begun>,
    /// What the server agreed to tell.
    granted: Value,
}

/// Two subscriptions (2026-07-28) that ask for everything, or the connection; `None` if the first was not acknowledged.
async fn watch(run: &mut CaseRun<'_>, uris: &[String]) -> Option<Vec<Watch>> {
    let mut filter = listen::filter(run);
    if run.session.revision.is_stateless() {
        if !uris.is_empty() {
            filter[URIS] = json!(uris);
        }
        let first = subscribed(run, &filter).await?;
        return Some([Some(first), subscribed(run, &filter).await].into_iter().flatten().collect());
    }
    let mut taken = Vec::new();
    for uri in uris {
        let outcome = run.ask("resources/subscribe", json!({"uri": uri})).await;
        taken.extend(outcome.result().map(|_| uri));
    }
    filter[URIS] = json!(taken);
    Some(vec![Watch { begun: None, granted: filter }])
}

async fn subscribed(run: &mut CaseRun<'_>, filter: &Value) -> Option<Watch> {
    let begun = listen::begin(run, filter).await;
    let (ack, _) = listen::acknowledgement(run.session, &begun)?;
    Some(Watch { begun: Some(begun), granted: ack.params()["notifications"].clone() })
}

async fn act(run: &mut CaseRun<'_>, tool: &Value) {
    super::call(run, &tool["name"], &tool["arguments"]).await;
    run.session.wait_for(QUIET, |_| false).await;
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
        for (member, list, ..) in LISTS {
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

/// What a change makes the server tell.
struct News {
    /// Held against what any subscription was told, and against what each was told.
    ids: (String, &'static str),
    what: String,
    notification: &'static str,
    /// What the server grants who tells of it.
    flag: &'static str,
    uri: Option<String>,
}

impl News {
    fn is(&self, message: &Message) -> bool {
        let told = spelled(message.params()["uri"].as_str().unwrap_or_default());
        message.method() == Some(self.notification)
            && self.uri.as_ref().is_none_or(|uri| told.starts_with(&spelled(uri)))
    }

    fn is_granted(&self, watch: &Watch) -> bool {
        grants(&watch.granted, self.flag, self.uri.as_deref())
    }

    /// Who is owed it and was told.
    fn told(&self, session: &Session, watch: &[Watch], from: u64) -> Vec<bool> {
        let owed = watch.iter().filter(|watch| self.is_granted(watch));
        owed.map(|watch| told(session, from, watch.begun.as_ref(), |message| self.is(message))).collect()
    }

    fn is_told(&self, session: &Session, watch: &[Watch], from: u64) -> bool {
        !self.told(session, watch, from).contains(&false)
    }
}

/// Whether such a notification came since an entry, over this subscription if one is given.
fn told(
    session: &Session,
    from: u64,
    subscription: Option<&Begun>,
    is_it: impl Fn(&Message) -> bool,
) -> bool {
    let since = session.transcript.received().filter(|(entry, _)| entry.seq >= from);
    let mut wanted = since.filter(|(_, message)| is_it(message));
    wanted.any(|(_, message)| {
        subscription.is_none_or(|begun| message.subscription().as_ref() == Some(&begun.id))
    })
}

fn lists(run: &CaseRun<'_>, before: &State, after: &State) -> Vec<News> {
    let suffix = if run.session.revision.is_stateless() { "notified-on-listen" } else { "notified" };
    let mut owed = Vec::new();
    for (index, (family, list, notification, flag)) in LISTS.iter().enumerate() {
        let (old, new) = (&before.names[index], &after.names[index]);
        if old != new {
            owed.push(News {
                ids: (format!("{family}.list-changed.{suffix}"), "subscriptions.list-changed-delivered"),
                what: format!("{list} changed ({})", difference(old, new)),
                notification,
                flag,
                uri: None,
            });
        }
    }
    owed
}

fn resources(run: &CaseRun<'_>, before: &State, after: &State) -> Vec<News> {
    let suffix = if run.session.revision.is_stateless() { "notified-on-listen" } else { "notified-legacy" };
    let mut owed = Vec::new();
    for (index, uri) in uris(run).into_iter().enumerate() {
        let (Some(old), Some(new)) = (&before.contents[index], &after.contents[index]) else { continue };
        if old != new {
            owed.push(News {
                ids: (format!("resources.updated.{suffix}"), "subscriptions.resource-updated-delivered"),
                what: format!("the content of {uri} changed"),
                notification: UPDATED,
                flag: URIS,
                uri: Some(uri),
            });
        }
    }
    owed
}

fn judge(run: &mut CaseRun<'_>, watch: &[Watch], news: &News, from: u64) {
    let seen = |message: String| Seen {
        message,
        expected: format!("`{}`", news.notification),
        got: "nothing".into(),
        from,
        at_most: None,
    };
    let told = news.told(run.session, watch, from);
    let any = told.contains(&true);
    let what = &news.what;
    super::hold(run, &news.ids.0, any, seen(format!("{what}, and nobody was told")));
    if any && told.len() > 1 {
        let all = !told.contains(&false);
        super::hold(
            run,
            news.ids.1,
            all,
            seen(format!("{what}, and only one of two subscriptions was told")),
        );
    }
}

/// The same change again, when one subscription was cancelled, and when none is left.
async fn afterwards(run: &mut CaseRun<'_>, watch: &[Watch], tool: &Value, uris: &[String]) {
    let subscriptions: Vec<&Begun> = watch.iter().filter_map(|watch| watch.begun.as_ref()).collect();
    for begun in &subscriptions {
        run.session.cancel(begun).await;
        run.session.wait_for(END, |_| false).await;
        act(run, tool).await;
    }
    let updates = told(run.session, 0, None, |message| message.method() == Some(UPDATED));
    if !subscriptions.is_empty() || !updates {
        return;
    }
    for uri in uris {
        run.ask("resources/unsubscribe", json!({"uri": uri})).await;
    }
    run.session.wait_for(END, |_| false).await;
    let from = run.session.transcript.last() + 1;
    act(run, tool).await;
    let still = told(run.session, from, None, |message| message.method() == Some(UPDATED));
    let seen = Seen {
        message: "updates went on after `resources/unsubscribe`".into(),
        expected: "no more updates".into(),
        got: UPDATED.into(),
        from,
        at_most: Some(Verdict::Warn),
    };
    super::hold(run, "resources.updated.stops-after-unsubscribe", !still, seen);
}
