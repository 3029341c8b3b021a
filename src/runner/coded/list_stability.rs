//! Lists depend neither on the connection nor on requests before (2026-07-28).

use std::collections::BTreeSet;

use serde_json::json;

use super::walk::{Walk, difference, key};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

/// The lists, with the family of the requirements about them.
const LISTS: [(&str, &str, &str); 3] = [
    ("tools", "tools/list", "tools"),
    ("prompts", "prompts/list", "prompts"),
    ("resources", "resources/list", "resources"),
];
/// Prompts that are got and resources that are read.
const MOST: usize = 5;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let judged = |family: &str| run.judged(&format!("{family}.list.not-per-connection")).is_some();
    let Some((family, method, member)) = LISTS.into_iter().find(|(family, ..)| judged(family)) else {
        return;
    };
    let survey = Walk::of_pages(run.around.survey.pages(), method, member).set(key(member));
    if survey.is_empty() {
        return run.rest_unseen("the list is empty");
    }
    let first = names(run, method, member).await;
    let requests = requests(run, family);
    if !requests.is_empty() {
        run.session.together(&requests).await;
    }
    let (second, third) = (names(run, method, member).await, names(run, method, member).await);
    // Over HTTP our own calls on other connections may have changed the one server that all of them share.
    let is_shared = run.session.is_http() && run.around.survey.has_changing_tools();
    let moved = first != second || second != third || is_shared;
    // A list may change over time: a difference is never more than a warning.
    let id = format!("{family}.list.not-per-connection");
    compare(run, &id, "two connections were offered different things", (&survey, &first), !moved);
    if !requests.is_empty() {
        let steady = second == third && survey == first && !is_shared;
        let id = format!("{family}.list.no-request-side-effects");
        compare(run, &id, "the list changed after other requests", (&first, &second), steady);
    }
    run.rest_unseen("the list changed on its own, or nothing may be called");
}

/// Requests that must not change the list: calls of read-only tools, and what only reads.
fn requests(run: &CaseRun<'_>, family: &str) -> Vec<(String, Option<serde_json::Value>)> {
    let survey = run.around.survey;
    // A tool that is not read-only may well change what there is.
    let tools = survey.things(List::CallableTools).into_iter();
    let mut requests: Vec<_> = tools
        .filter(|tool| tool["annotations"]["readOnlyHint"] == true)
        .map(|tool| ("tools/call", call_of(&tool)))
        .collect();
    if family == "prompts" {
        let prompts = survey.things(List::Prompts).into_iter().take(MOST);
        requests.extend(prompts.map(|prompt| {
            ("prompts/get", json!({"name": prompt["name"], "arguments": prompt["arguments"]}))
        }));
    }
    if family == "resources" {
        let resources = survey.things(List::Resources).into_iter().take(MOST);
        requests.extend(resources.map(|resource| ("resources/read", json!({"uri": resource["uri"]}))));
    }
    requests.into_iter().map(|(method, params)| (method.to_owned(), Some(params))).collect()
}

async fn names(run: &mut CaseRun<'_>, method: &str, member: &str) -> BTreeSet<String> {
    Walk::take(run.session, method, member).await.set(key(member))
}

fn compare(
    run: &mut CaseRun<'_>,
    id: &str,
    problem: &str,
    (before, after): (&BTreeSet<String>, &BTreeSet<String>),
    steady: bool,
) {
    let Some(requirement) = run.judged(id) else { return };
    if before == after {
        return run.note(requirement, Verdict::Pass, "the same both times");
    }
    if steady {
        let violation = Violation {
            message: problem.to_owned(),
            expected: "the same both times".into(),
            got: difference(before, after),
            span: (1, run.session.transcript.last()),
            at_most: Some(Verdict::Warn),
        };
        run.violation(requirement, violation);
    }
}
