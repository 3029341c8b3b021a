//! Listing the tools again: the same order, and a notification when they change.

use std::collections::BTreeMap;
use std::time::Duration;

use super::walk::{Walk, difference};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Session;

const WALKS: usize = 4;
/// How long a change may take to be told.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let survey = Walk::of_pages(run.around.survey.pages(), "tools/list", "tools");
    order(run, &survey).await;
    notified(run, &survey).await;
    run.rest_unseen("the list of tools did not change, or holds fewer than two tools");
}

async fn order(run: &mut CaseRun<'_>, survey: &Walk) {
    let Some(requirement) = run.judged("tools.list.deterministic-order") else { return };
    if survey.keys("name").len() < 2 {
        return;
    }
    let mut orders: BTreeMap<Vec<String>, Vec<Vec<String>>> = BTreeMap::new();
    let mut keep = |walk: &Walk| {
        orders.entry(walk.set("name").into_iter().collect()).or_default().push(walk.keys("name"))
    };
    keep(survey);
    let from = run.session.transcript.last() + 1;
    for _ in 0..WALKS {
        keep(&Walk::take(run.session, "tools/list", "tools").await);
    }
    // A list may change; only walks over the same tools are compared.
    let Some(same) = orders.into_values().max_by_key(Vec::len).filter(|walks| walks.len() > 1) else {
        return;
    };
    match same.iter().find(|order| **order != same[0]) {
        None => run.note(requirement, Verdict::Pass, format!("{} walks gave the same order", same.len())),
        Some(other) => run.violation(
            requirement,
            Violation {
                message: "the same tools came in different orders".into(),
                expected: same[0].join(", "),
                got: other.join(", "),
                span: (from, run.session.transcript.last()),
                at_most: None,
            },
        ),
    }
}

async fn notified(run: &mut CaseRun<'_>, survey: &Walk) {
    let Some(requirement) = run.judged("tools.list-changed.notified") else { return };
    let declared = run.around.survey.server().pointer("/capabilities/tools/listChanged");
    if declared.is_none_or(|flag| flag != true) || !run.session.listens() {
        return;
    }
    let is_told = |session: &Session| {
        let method = Some("notifications/tools/list_changed");
        session.transcript.received().any(|(_, message)| message.method() == method)
    };
    for last in [false, true] {
        let now = Walk::take(run.session, "tools/list", "tools").await;
        let (before, after) = (survey.set("name"), now.set("name"));
        if before == after {
            return;
        }
        if run.session.wait_until(PATIENCE, is_told).await {
            return run.note(requirement, Verdict::Pass, "the list changed and the client was told");
        }
        if last {
            let violation = Violation {
                message:
                    "the list of tools changed and the client was not told, though listChanged is declared"
                        .into(),
                expected: "notifications/tools/list_changed".into(),
                got: difference(&before, &after),
                span: now.span,
                at_most: None,
            };
            run.violation(requirement, violation);
        }
    }
}
