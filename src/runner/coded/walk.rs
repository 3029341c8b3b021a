//! Walking a list page by page.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::session::Session;

const MAX_PAGES: usize = 50;

/// One walk through a list.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The things on each page.
    pub pages: Vec<Vec<Value>>,
    /// The cursor that each page gave out; the last is `None` if the walk came to the end.
    pub cursors: Vec<Option<Value>>,
    /// Whether a page was refused or could not be read.
    pub is_broken: bool,
    /// First and last entry of the transcript.
    pub span: (u64, u64),
}

impl Walk {
    /// Follows the cursors until there is none, or one comes again.
    pub(super) async fn take(session: &mut Session, method: &str, member: &str) -> Self {
        let mut walk = Self { span: (session.transcript.last() + 1, 0), ..Self::default() };
        let mut cursor = None;
        while walk.pages.len() < MAX_PAGES {
            let outcome =
                session.request(method, cursor.map(|cursor: Value| json!({"cursor": cursor}))).await;
            let Some(result) = outcome.result() else {
                walk.is_broken = true;
                break;
            };
            walk.add(result, member);
            cursor = walk.cursors.last().cloned().flatten();
            if !cursor.as_ref().is_some_and(Value::is_string) || walk.repeats() {
                break;
            }
        }
        walk.span.1 = session.transcript.last();
        walk
    }

    /// The walk that the survey took.
    pub(super) fn of_pages(pages: &[Value], method: &str, member: &str) -> Self {
        let mut walk = Self::default();
        for page in pages.iter().filter(|page| page["method"] == method) {
            walk.add(&page["result"], member);
        }
        walk
    }

    fn add(&mut self, result: &Value, member: &str) {
        self.pages.push(result[member].as_array().cloned().unwrap_or_default());
        self.cursors.push(result.get("nextCursor").cloned());
    }

    /// Whether the last cursor was given out before.
    pub(super) fn repeats(&self) -> bool {
        let Some((Some(last), earlier)) = self.cursors.split_last() else { return false };
        earlier.iter().flatten().any(|cursor| cursor == last)
    }

    /// Whether the end was reached.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.cursors.last(), Some(None)) && !self.is_broken
    }

    /// The keys of all things, in order.
    pub(super) fn keys(&self, key: &str) -> Vec<String> {
        self.pages.iter().flat_map(|page| keys(page, key)).collect()
    }

    /// The keys of all things, as a set.
    pub(super) fn set(&self, key: &str) -> BTreeSet<String> {
        self.keys(key).into_iter().collect()
    }
}

/// The keys of the things on a page; things without one are left out.
pub(super) fn keys(page: &[Value], key: &str) -> Vec<String> {
    page.iter().filter_map(|thing| thing[key].as_str()).map(str::to_owned).collect()
}

/// Whether a thing is on a list now; of one without a key that cannot be told.
pub(in crate::runner) async fn lists(
    session: &mut Session,
    method: &str,
    member: &str,
    thing: &Value,
) -> bool {
    let key = key(member);
    let keys = Walk::take(session, method, member).await.set(key);
    thing[key].as_str().is_none_or(|name| keys.contains(name))
}

/// What tells the things of a list apart.
pub(super) fn key(member: &str) -> &'static str {
    match member {
        "resources" => "uri",
        "resourceTemplates" => "uriTemplate",
        _ => "name",
    }
}

/// What came and what went, in words.
pub(super) fn difference(before: &BTreeSet<String>, after: &BTreeSet<String>) -> String {
    let words = |names: Vec<&String>, verb: &str| match names.is_empty() {
        true => String::new(),
        false => format!("{verb}: {}; ", names.into_iter().cloned().collect::<Vec<_>>().join(", ")),
    };
    let came = words(after.difference(before).collect(), "came");
    let went = words(before.difference(after).collect(), "went");
    format!("{came}{went}").trim_end_matches("; ").to_owned()
}
