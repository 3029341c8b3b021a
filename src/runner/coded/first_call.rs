//! Tools are called on a connection that never listed them (2026-07-28).

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::walk::lists;
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Outcome;

const ID: &str = "base.stateless.no-connection-affinity";
/// What servers say of something that they never heard of.
static UNKNOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(unknown|not found|no such|not initialized|session)\b").expect("a pattern")
});

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(requirement) = run.judged(ID) else { return };
    let mut refused = None;
    for tool in run.around.survey.things(List::CallableTools) {
        let from = run.session.transcript.last() + 1;
        let params = call_of(&tool);
        let outcome = run.session.request("tools/call", Some(params)).await;
        match outcome.result() {
            Some(result) if result["isError"] != true => {
                run.note(requirement, Verdict::Pass, "the tool was served")
            }
            Some(_) => {}
            None if is_unknown(&outcome) => refused = refused.or(Some((tool, outcome, from))),
            None => {}
        }
    }
    if let Some((tool, outcome, from)) = refused
        // Over HTTP another call may have taken the tool away in between.
        && lists(run.session, "tools/list", "tools", &tool).await
    {
        let violation = Violation {
            message: format!(
                "the tool {} is unknown here, though another connection was offered it",
                tool["name"]
            ),
            expected: "the same tools on every connection".into(),
            got: outcome.error().map(Value::to_string).unwrap_or_default(),
            span: (from, run.session.transcript.last()),
            at_most: Some(Verdict::Warn),
        };
        return run.violation(requirement, violation);
    }
    run.rest_unseen("every tool that may be called fails or is refused for another reason");
}

fn is_unknown(outcome: &Outcome) -> bool {
    outcome.error().and_then(|error| error["message"].as_str()).is_some_and(|text| UNKNOWN.is_match(text))
}
