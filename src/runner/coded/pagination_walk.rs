//! Following cursors through every list.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::walk::{Walk, key, keys};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let pages = run.around.survey.pages().to_vec();
    for list in run.around.survey.things(List::Lists) {
        let (method, member) = (text(&list["method"]), text(&list["member"]));
        let walk = Walk::of_pages(&pages, &method, &member);
        let is_paged =
            walk.cursors.first().is_some_and(|cursor| cursor.as_ref().is_some_and(Value::is_string));
        if is_paged && run.session.dead().is_none() {
            scopes(run, &method, &pages);
            list_of_pages(run, &method, &member, &walk).await;
        }
    }
    run.rest_unseen("the server has no list with more than one page");
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn list_of_pages(run: &mut CaseRun<'_>, method: &str, member: &str, walk: &Walk) {
    let empty = walk.cursors.iter().position(|cursor| cursor.as_ref().is_some_and(|cursor| cursor == ""));
    if let Some(at) = empty {
        return empty_cursor(run, method, member, walk, at);
    }
    if ends(run, method, member, walk).await {
        resumes(run, method, member, walk).await;
    }
    stable(run, method, member).await;
}

/// All pages of one list have the same cacheScope (2026-07-28).
fn scopes(run: &mut CaseRun<'_>, method: &str, pages: &[Value]) {
    let Some(requirement) = run.judged("caching.scope.same-on-all-pages") else { return };
    let scopes: Vec<&Value> = pages
        .iter()
        .filter(|page| page["method"] == method)
        .map(|page| &page["result"]["cacheScope"])
        .collect();
    match scopes.iter().find(|scope| **scope != scopes[0]) {
        None => run.note(requirement, Verdict::Pass, format!("one cacheScope on all pages of {method}")),
        Some(other) => run.violation(
            requirement,
            Violation {
                message: format!("the pages of {method} have different cacheScopes"),
                expected: format!("{} on each page", scopes[0]),
                got: other.to_string(),
                span: (0, 0),
                at_most: None,
            },
        ),
    }
}

/// An empty text is a cursor like any other.
fn empty_cursor(run: &mut CaseRun<'_>, method: &str, member: &str, walk: &Walk, at: usize) {
    let Some(requirement) = run.judged("pagination.empty-string-cursor") else { return };
    let (first, next) = (walk.pages.first(), walk.pages.get(at + 1));
    let (Some(first), Some(next)) = (first, next) else { return };
    let key = key(member);
    match !first.is_empty() && keys(first, key) == keys(next, key) {
        false => run.note(requirement, Verdict::Pass, format!("{method} went on after an empty cursor")),
        true => run.violation(
            requirement,
            Violation {
                message: format!("{method} began again when it was given its own empty cursor"),
                expected: "the page behind the cursor".into(),
                got: format!("the first page again: {}", keys(next, key).join(", ")),
                span: (0, 0),
                at_most: None,
            },
        ),
    }
}

/// Whether the walk may be judged further.
async fn ends(run: &mut CaseRun<'_>, method: &str, member: &str, walk: &Walk) -> bool {
    let Some(requirement) = run.judged("pagination.absent-means-end") else { return true };
    if walk.is_complete() {
        run.note(requirement, Verdict::Pass, format!("{method} came to its end"));
        return true;
    }
    if walk.repeats() {
        let again = Walk::take(run.session, method, member).await;
        if again.repeats() {
            let cursor = again.cursors.last().cloned().flatten().unwrap_or_default();
            let violation = Violation {
                message: format!("the cursors of {method} go round: one of them came twice in one walk"),
                expected: "a last page without nextCursor".into(),
                got: format!("nextCursor {cursor} again after {} pages", again.pages.len()),
                span: again.span,
                at_most: None,
            };
            run.violation(requirement, violation);
            return false;
        }
    }
    true
}

async fn resumes(run: &mut CaseRun<'_>, method: &str, member: &str, walk: &Walk) {
    let Some(requirement) = run.judged("pagination.cursor-resumes") else { return };
    let Some(found) = overlap(walk, key(member)) else {
        return run.note(requirement, Verdict::Pass, format!("no page of {method} repeats another"));
    };
    if is_ambiguous(walk, key(member), &found.0) {
        return run.note(requirement, Verdict::NotObserved, "several things have the same name");
    }
    let again = Walk::take(run.session, method, member).await;
    match overlap(&again, key(member)) {
        None => run.note(requirement, Verdict::NotObserved, "the list changed while it was walked"),
        Some((name, earlier, later)) => run.violation(
            requirement,
            Violation {
                message: format!("a page of {method} does not go on where the one before ended"),
                expected: "each thing on one page".into(),
                got: format!("`{name}` on page {earlier} and on page {later}"),
                span: again.span,
                at_most: None,
            },
        ),
    }
}

/// A thing on two pages: its key, and the pages from 1.
fn overlap(walk: &Walk, key: &str) -> Option<(String, usize, usize)> {
    let sets: Vec<BTreeSet<String>> =
        walk.pages.iter().map(|page| keys(page, key).into_iter().collect()).collect();
    sets.iter().enumerate().find_map(|(later, set)| {
        let twice =
            |earlier: usize| sets[earlier].intersection(set).next().cloned().map(|name| (name, earlier));
        (0..later).find_map(twice).map(|(name, earlier)| (name, earlier + 1, later + 1))
    })
}

/// Whether two different things have the name.
fn is_ambiguous(walk: &Walk, key: &str, name: &str) -> bool {
    let things: Vec<&Value> = walk.pages.iter().flatten().filter(|thing| thing[key] == name).collect();
    things.windows(2).any(|pair| pair[0] != pair[1])
}

async fn stable(run: &mut CaseRun<'_>, method: &str, member: &str) {
    let Some(requirement) = run.judged("pagination.stable-cursors") else { return };
    let mut unstable = None;
    for _ in 0..2 {
        match twice(run, method, member).await {
            Some(None) => {
                return run.note(requirement, Verdict::Pass, format!("a cursor of {method} worked twice"));
            }
            Some(Some(found)) => unstable = Some(found),
            None => return,
        }
    }
    let Some((got, span)) = unstable else { return };
    run.violation(
        requirement,
        Violation {
            message: format!("a cursor of {method} did not lead to the same page twice"),
            expected: "the same things in the same order".into(),
            got,
            span,
            at_most: None,
        },
    );
}

/// Follows one cursor two times: what differed, if anything did.
async fn twice(run: &mut CaseRun<'_>, method: &str, member: &str) -> Option<Option<(String, (u64, u64))>> {
    let from = run.session.transcript.last() + 1;
    let first = run.session.request(method, None).await;
    let cursor = first.result()?.get("nextCursor").filter(|cursor| cursor.is_string())?.clone();
    let mut pages = Vec::new();
    for _ in 0..2 {
        let outcome = run.session.request(method, Some(json!({"cursor": cursor}))).await;
        let page =
            outcome.result().and_then(|result| result[member].as_array()).map(|page| keys(page, key(member)));
        pages.push(page);
    }
    let shown = |page: &Option<Vec<String>>| {
        page.as_ref().map_or_else(|| "an error".to_owned(), |page| page.join(", "))
    };
    let span = (from, run.session.transcript.last());
    match (&pages[0], &pages[1]) {
        (None, _) => None,
        (once, again) if once == again => Some(None),
        (once, again) => Some(Some((format!("first {}; then {}", shown(once), shown(again)), span))),
    }
}
