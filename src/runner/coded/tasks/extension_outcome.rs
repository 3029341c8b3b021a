//! What came of a task of the extension, beside what the call gives to a client without the extension.

use serde_json::{Value, json};

use super::extension::{create, is_missing_capability};
use super::{Task, judge, shows, status, until_end, without_meta};
use crate::protocol::code;
use crate::runner::coded::call;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

pub(super) async fn judge_outcome(run: &mut CaseRun<'_>, task: &Task, last: &Outcome) {
    let (name, arguments) = (task.tool["name"].clone(), task.tool["arguments"].clone());
    if status(last) == "cancelled" {
        return;
    }
    if status(last) == "failed" {
        let text = last.result().unwrap_or(&Value::Null)["statusMessage"].as_str().unwrap_or_default();
        judge(run, "tasks-ext.failed-status-message", !text.is_empty(), || {
            shows(last, "a failed task without a word why", "`statusMessage`")
        });
    }
    // The client declares nothing here, right after it declared the extension.
    let plain = call(run, &name, &arguments).await;
    if plain.reply.is_none() {
        return;
    }
    if plain.code() == Some(code::MISSING_CLIENT_CAPABILITY) {
        return capability(run, task, &plain);
    }
    let mut last = last.clone();
    if outcome(&plain) != kept(&last) {
        // A tool that never says the same twice tells nothing, and one may say something else the first time.
        let again = call(run, &name, &arguments).await;
        if outcome(&again) != outcome(&plain) {
            return;
        }
        let Some(later) = later(run, task).await else { return };
        last = later;
    }
    if plain.error().is_some() && status(&last) == "completed" {
        return capability(run, task, &plain);
    }
    tool_error(run, task, &last, &plain);
    judge(run, "tasks-ext.get-exact-outcome", outcome(&plain) == kept(&last), || {
        let message = format!("the task of {name} came to something else than the plain call");
        shows(&last, message, plain.to_value().to_string())
    });
}

/// How another task of the same tool ends.
async fn later(run: &mut CaseRun<'_>, task: &Task) -> Option<Outcome> {
    let again = create(run, &task.tool, &json!({})).await.1?;
    let last = until_end(run, &again.id).await.pop()?;
    matches!(status(&last), "completed" | "failed").then_some(last)
}

/// A call that works with the extension only is refused for its lack.
fn capability(run: &mut CaseRun<'_>, task: &Task, plain: &Outcome) {
    judge(run, "tasks-ext.missing-capability-error", is_missing_capability(plain), || {
        let message = format!("{} does not say that it needs the extension", task.tool["name"]);
        shows(plain, message, "error -32021 with data.requiredCapabilities.extensions")
    });
}

/// A tool that fails has done its work: only errors of the protocol make a failed task.
fn tool_error(run: &mut CaseRun<'_>, task: &Task, last: &Outcome, plain: &Outcome) {
    let name = &task.tool["name"];
    let is_tool_error = plain.result().is_some_and(|result| result["isError"] == true);
    if status(last) == "failed" {
        judge(run, "tasks-ext.failed-only-for-protocol-errors", plain.error().is_some(), || {
            shows(last, format!("the task of {name} failed, but the call has a result"), "status completed")
        });
    }
    if is_tool_error {
        let result = &last.result().unwrap_or(&Value::Null)["result"];
        let is_met = status(last) == "completed" && result["isError"] == true;
        if is_met {
            super::met(run, "tasks-ext.failed-only-for-protocol-errors");
        }
        judge(run, "tasks-ext.tool-error-completed", is_met, || {
            shows(
                last,
                format!("{name} failed, which the task does not show"),
                "completed, with result.isError",
            )
        });
    }
}

/// What the plain call came to.
fn outcome(plain: &Outcome) -> Value {
    bare(plain.result().or(plain.error()).unwrap_or(&Value::Null))
}

/// What the task came to.
fn kept(last: &Outcome) -> Value {
    let shown = last.result().unwrap_or(&Value::Null);
    bare(shown.get("result").or(shown.get("error")).unwrap_or(&Value::Null))
}

/// Without what belongs to the reply and not to the call.
fn bare(value: &Value) -> Value {
    let mut value = without_meta(value);
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("resultType");
    }
    if value == json!({}) { Value::Null } else { value }
}
