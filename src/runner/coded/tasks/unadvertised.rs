//! A server that does not advertise the tasks extension makes no tasks, even for a client that declares it.

use serde_json::{Value, json};

use super::extension::{NAME, create};
use super::{judge, shows};
use crate::case::List;
use crate::runner::interpret::CaseRun;

const PROBES: usize = 2;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = run.around.survey.things(List::CallableTools).into_iter().take(PROBES).collect();
    for tool in &tools {
        let (reply, task) = create(run, tool, &json!({})).await;
        if reply.reply.is_some() {
            judge(run, "tasks-ext.advertised", task.is_none(), || {
                shows(&reply, "the server makes tasks, but does not advertise the extension", NAME)
            });
        }
    }
    run.rest_unseen(List::CallableTools.hint());
}
