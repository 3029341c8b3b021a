//! The tasks extension declared on requests in a session of 2025-11-25, where it means nothing.

use serde_json::json;

use super::{Called, called, extension, judge, shows};
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;

const PROBES: usize = 3;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    for tool in extension::tools(run).into_iter().take(PROBES) {
        let params = call_of(&tool);
        let params = extension::declaring(run, params, &json!({}));
        let outcome = run.ask("tools/call", params).await;
        if !matches!(called(&outcome), Called::Done | Called::Unfinished) {
            continue;
        }
        let result = outcome.result().cloned().unwrap_or_default();
        let is_task =
            result["resultType"] == "task" || result["taskId"].is_string() && result["status"].is_string();
        judge(run, "tasks-ext.not-under-2025-11-25", !is_task, || {
            let message =
                format!("{} gives a task of the extension, which came with 2026-07-28", tool["name"]);
            shows(&outcome, message, "the result of the call")
        });
    }
    run.rest_unseen(extension::HINT);
}
