//! Coded cases: what a script cannot say. The YAML head of a case names the function here and what it judges.

mod batches;
mod client;
mod completion_references;
mod listen;
mod pagination_walk;
mod tool_call_without_arguments;
mod tool_headers;
mod tool_list_again;
mod tool_list_stability;
mod tool_names;
mod tool_results;
mod tool_schemas;
mod walk;

use serde_json::{Value, json};

use super::interpret::CaseRun;
use crate::catalogue::Verdict;
use crate::protocol::method;
use crate::session::Outcome;

/// Runs a coded case.
pub async fn run(name: &str, run: &mut CaseRun<'_>) {
    match name {
        "batches" => batches::run(run).await,
        "client_requests" => client::server_requests(run).await,
        "completion_references" => completion_references::run(run).await,
        "input_required" => client::input_required(run).await,
        "listen" => listen::run(run).await,
        "pagination_walk" => pagination_walk::run(run).await,
        "tool_call_without_arguments" => tool_call_without_arguments::run(run).await,
        "tool_headers" => tool_headers::run(run),
        "tool_list_again" => tool_list_again::run(run).await,
        "tool_list_stability" => tool_list_stability::run(run).await,
        "tool_names" => tool_names::run(run).await,
        "tool_results" => tool_results::run(run).await,
        "tool_schemas" => tool_schemas::run(run).await,
        _ => {
            for requirement in run.judges() {
                run.note(requirement, Verdict::Error, format!("there is no coded case `{name}`"));
            }
        }
    }
}

/// How a call of a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    /// With a result that is no error.
    Done,
    /// With an error, or a result that is one.
    Refused,
    /// Not yet: the server wants input, or made a task of it.
    Unfinished,
    /// Without a reply.
    Silent,
}

fn called(outcome: &Outcome) -> Called {
    match (outcome.result(), outcome.error()) {
        (Some(result), _) if result["isError"] == true => Called::Refused,
        (Some(result), _) if result.get("task").is_some() => Called::Unfinished,
        (Some(result), _) => match result["resultType"].as_str() {
            Some("input_required" | "task") => Called::Unfinished,
            _ => Called::Done,
        },
        (None, Some(_)) => Called::Refused,
        (None, None) if outcome.status.is_some_and(|status| (400..500).contains(&status)) => Called::Refused,
        (None, None) => Called::Silent,
    }
}

/// Calls a tool.
async fn call(run: &mut CaseRun<'_>, name: &Value, arguments: &Value) -> Outcome {
    run.ask("tools/call", json!({"name": name, "arguments": arguments})).await
}

/// Calls a tool and asks for everything that it may tell on the way: progress, and log messages where they are declared.
async fn call_watched(run: &mut CaseRun<'_>, name: &Value, arguments: &Value) -> Outcome {
    let token = format!("mcp-conform-{}", run.session.new_id());
    let mut params = json!({"name": name, "arguments": arguments, "_meta": {"progressToken": token}});
    let session = &mut run.session;
    if session.revision.is_stateless() && method::declares(&session.server.capabilities, "logging") {
        params["_meta"]["io.modelcontextprotocol/logLevel"] = "debug".into();
    }
    run.ask("tools/call", params).await
}
