//! The tasks extension declared in a session of 2025-11-25, where it means nothing.

use serde_json::json;

use super::{Called, called, extension, judge, shows};
use crate::runner::coded::call;
use crate::runner::interpret::CaseRun;

const PROBES: usize = 12;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let params = json!({
        "protocolVersion": run.session.revision,
        "capabilities": {"extensions": {extension::NAME: {}}},
        "clientInfo": {"name": "mcp-conform-extension", "version": "1.0"},
    });
    run.ask("initialize", params).await;
    run.session.notify("notifications/initialized", None).await;
    for tool in extension::tools(run).into_iter().take(PROBES) {
        let outcome = call(run, &tool["name"], &tool["arguments"]).await;
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
