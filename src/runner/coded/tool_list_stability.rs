//! The list of tools depends neither on the connection nor on requests before (2026-07-28).

use std::collections::BTreeSet;

use serde_json::json;

use super::walk::{Walk, difference};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::{CaseRun, Violation};

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let survey = Walk::of_pages(run.around.survey.pages(), "tools/list", "tools").set("name");
    // A tool that is not read-only may well change what there is.
    let is_read_only = |tool: &serde_json::Value| tool["annotations"]["readOnlyHint"] == true;
    let callable: Vec<_> =
        run.around.survey.things(List::CallableTools).into_iter().filter(is_read_only).collect();
    if survey.is_empty() {
        return run.rest_unseen("the server lists no tools");
    }
    let first = names(run).await;
    let calls: Vec<_> = callable
        .iter()
        .map(|tool| {
            ("tools/call".to_owned(), Some(json!({"name": tool["name"], "arguments": tool["arguments"]})))
        })
        .collect();
    if !calls.is_empty() {
        run.session.together(&calls).await;
    }
    let (second, third) = (names(run).await, names(run).await);
    let moved = first != second || second != third;
    // A list may change over time: a difference is never more than a warning.
    compare(run, "tools.list.not-per-connection", &survey, &first, !moved);
    if !calls.is_empty() {
        compare(
            run,
            "tools.list.no-request-side-effects",
            &first,
            &second,
            second == third && survey == first,
        );
    }
    run.rest_unseen("the list changed on its own, or no tool may be called");
}

async fn names(run: &mut CaseRun<'_>) -> BTreeSet<String> {
    Walk::take(run.session, "tools/list", "tools").await.set("name")
}

fn compare(
    run: &mut CaseRun<'_>,
    id: &str,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
    steady: bool,
) {
    let Some(requirement) = run.judged(id) else { return };
    if before == after {
        return run.note(requirement, Verdict::Pass, "the same tools both times");
    }
    if steady {
        let violation = Violation {
            message: match id {
                "tools.list.not-per-connection" => "two connections were offered different tools".into(),
                _ => "the list of tools changed after tools were called".into(),
            },
            expected: "the same tools both times".into(),
            got: difference(before, after),
            span: (1, run.session.transcript.last()),
            at_most: Some(Verdict::Warn),
        };
        run.violation(requirement, violation);
    }
}
