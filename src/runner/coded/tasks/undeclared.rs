//! The member `task` where tasks were not declared: it is ignored.

use serde_json::{Value, json};

use super::{Called, called, judge, shows};
use crate::case::List;
use crate::runner::coded::call;
use crate::runner::interpret::CaseRun;

const PROBES: usize = 2;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = run.around.survey.things(List::CallableTools).into_iter().take(PROBES).collect();
    for tool in &tools {
        probe(run, tool).await;
    }
    run.rest_unseen(List::CallableTools.hint());
}

async fn probe(run: &mut CaseRun<'_>, tool: &Value) {
    let (name, arguments) = (&tool["name"], &tool["arguments"]);
    if called(&call(run, name, arguments).await) != Called::Done {
        return;
    }
    let params = json!({"name": name, "arguments": arguments, "task": {"ttl": super::TTL}});
    let outcome = run.ask("tools/call", params).await;
    let is_met = called(&outcome) == Called::Done;
    // A tool that is moody refuses the plain call as well.
    if outcome.reply.is_none() || !is_met && called(&call(run, name, arguments).await) != Called::Done {
        return;
    }
    judge(run, "tasks.undeclared-type-processed-normally", is_met, || {
        shows(
            &outcome,
            format!("{name} behaves otherwise when `task` is there"),
            "the result, as without `task`",
        )
    });
}
