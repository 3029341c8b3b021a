//! Calling a tool without the member `arguments`. (`arguments: null` is another thing, and is not sent.)

use serde_json::{Value, json};

use super::{Called, call, called};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

const PROBES: usize = 3;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let bare = |tool: &Value| {
        tool["arguments"] == json!({}) && tool["inputSchema"]["required"].as_array().is_none_or(Vec::is_empty)
    };
    let candidates: Vec<Value> =
        run.around.survey.things(List::CallableTools).into_iter().filter(bare).take(PROBES).collect();
    for tool in candidates {
        probe(run, &tool["name"]).await;
    }
    run.rest_unseen("no tool that may be called works without arguments");
}

async fn probe(run: &mut CaseRun<'_>, name: &Value) {
    let Some(requirement) = run.judged("tools.call.arguments-optional") else { return };
    if called(&call(run, name, &json!({})).await) != Called::Done {
        return;
    }
    let without = run.ask("tools/call", json!({"name": name})).await;
    if matches!(called(&without), Called::Done | Called::Unfinished) {
        return run.note(requirement, Verdict::Pass, format!("{name} works without `arguments`"));
    }
    // A tool that is moody refuses the control as well.
    if called(&call(run, name, &json!({})).await) == Called::Done {
        let violation = Violation {
            message: format!("{name} is refused when `arguments` is absent, though it needs none"),
            expected: "a result, as with `arguments: {}`".into(),
            got: without.to_value().to_string(),
            span: without.span,
            at_most: None,
        };
        run.violation(requirement, violation);
    }
}
