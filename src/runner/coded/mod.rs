//! Coded cases: what a script cannot say. The YAML head of a case names the function here and what it judges.

mod advertised_versions;
mod authorization;
mod batches;
mod bind;
mod cancellation_races;
mod changes;
mod client;
mod client_icons;
mod client_identity;
mod clients;
mod completion_references;
mod farewell;
mod file_traversal;
mod first_call;
mod handles;
mod hang_up;
mod http;
mod http_sse;
mod http_streams;
mod internal_error;
mod list_stability;
mod listen;
mod log_levels;
mod log_sessions;
mod malformed;
mod origin;
mod pagination_walk;
mod param_headers;
mod prompt_arguments;
mod resource_templates;
mod resumption;
mod session_end;
mod slow_tool;
mod tasks;
mod terminate_listening;
mod tool_call_without_arguments;
mod tool_headers;
mod tool_list_again;
mod tool_names;
mod tool_results;
mod tool_schemas;
mod unresolved_refs;
pub(super) mod walk;
mod web_resources;

pub use authorization::derived;
use serde_json::{Value, json};

use super::interpret::CaseRun;
use super::note::Violation;
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::method;
use crate::session::Outcome;

/// How many tools are called where any would do.
const SOME: usize = 6;

/// Runs a coded case.
pub async fn run(name: &str, run: &mut CaseRun<'_>) {
    match name {
        "advertised_versions" => advertised_versions::run(run).await,
        "auth_answers" => authorization::answers::run(run).await,
        "auth_authorize" => authorization::authorize::run(run).await,
        "auth_challenge" => authorization::challenge::run(run).await,
        "auth_client_documents" => authorization::client_documents::run(run).await,
        "auth_handles" => authorization::handles::run(run).await,
        "auth_identity" => authorization::identity::run(run).await,
        "auth_issuer" => authorization::issuer::run(run).await,
        "auth_metadata" => authorization::metadata::run(run).await,
        "auth_proxy" => authorization::proxy::run(run).await,
        "auth_refresh" => authorization::refresh::run(run).await,
        "auth_register" => authorization::register::run(run).await,
        "auth_remembered" => authorization::remembered::run(run).await,
        "auth_requests" => authorization::requests::run(run).await,
        "auth_scopes" => authorization::scopes::run(run).await,
        "auth_state" => authorization::state::run(run).await,
        "auth_task_extension" => authorization::tasks::extension(run).await,
        "auth_tasks" => authorization::tasks::run(run).await,
        "auth_tasks_anonymous" => authorization::tasks::anonymous(run).await,
        "auth_tokens" => authorization::tokens::run(run).await,
        "auth_users" => authorization::users::run(run).await,
        "batches" => batches::run(run).await,
        "bind" => bind::run(run).await,
        "cancellation_races" => cancellation_races::run(run).await,
        "changes" => changes::run(run).await,
        "client_icons" => client_icons::run(run).await,
        "client_identity" => client_identity::run(run).await,
        "client_requests" => client::server_requests(run).await,
        "client_silence" => client::silence(run).await,
        "clients" => clients::run(run).await,
        "completion_references" => completion_references::run(run).await,
        "farewell" => farewell::run(run).await,
        "file_traversal" => file_traversal::run(run).await,
        "first_call" => first_call::run(run).await,
        "fixture_inputs" => client::fixture_inputs(run).await,
        "handles" => handles::run(run).await,
        "hang_up" => hang_up::run(run).await,
        "http_sse" => http_sse::run(run).await,
        "http_streams" => http_streams::run(run).await,
        "input_required" => client::input_required(run).await,
        "input_once" => client::once(run).await,
        "internal_error" => internal_error::run(run).await,
        "list_stability" => list_stability::run(run).await,
        "listen" => listen::run(run).await,
        "log_levels" => log_levels::run(run).await,
        "log_sessions" => log_sessions::run(run).await,
        "malformed" => malformed::run(run).await,
        "origin" => origin::run(run).await,
        "pagination_walk" => pagination_walk::run(run).await,
        "param_headers" => param_headers::run(run).await,
        "prompt_arguments" => prompt_arguments::run(run).await,
        "resource_templates" => resource_templates::run(run).await,
        "resumption" => resumption::run(run).await,
        "root_files" => client::root_files(run).await,
        "session_end" => session_end::run(run).await,
        "slow_tool" => slow_tool::run(run).await,
        "task_cancel" => tasks::cancel::run(run).await,
        "task_extension_cancel" => tasks::extension_cancel::run(run).await,
        "task_extension_input" => tasks::extension_input::run(run).await,
        "task_extension_lifecycle" => tasks::extension_lifecycle::run(run).await,
        "task_extension_listen" => tasks::extension_listen::run(run).await,
        "task_extension_unadvertised" => tasks::unadvertised::run(run).await,
        "task_lifecycle" => tasks::lifecycle::run(run).await,
        "task_older_session" => tasks::older_session::run(run).await,
        "task_older_tasks" => tasks::older_tasks::run(run).await,
        "task_requestor" => tasks::requestor::run(run).await,
        "task_support" => tasks::support::run(run).await,
        "task_undeclared" => tasks::undeclared::run(run).await,
        "terminate_listening" => terminate_listening::run(run).await,
        "tool_call_without_arguments" => tool_call_without_arguments::run(run).await,
        "tool_headers" => tool_headers::run(run),
        "tool_list_again" => tool_list_again::run(run).await,
        "tool_names" => tool_names::run(run).await,
        "tool_results" => tool_results::run(run).await,
        "tool_schemas" => tool_schemas::run(run).await,
        "unresolved_refs" => unresolved_refs::run(run).await,
        "web_resources" => web_resources::run(run).await,
        _ => {
            for requirement in run.judges() {
                run.note(requirement, Verdict::Error, format!("there is no coded case `{name}`"));
            }
        }
    }
}

/// What a coded case saw.
struct Seen {
    /// What it is if the requirement is not met.
    message: String,
    expected: String,
    got: String,
    /// The first entry of the transcript that shows it.
    from: u64,
    /// The verdict, where it is milder than that of the level.
    at_most: Option<Verdict>,
}

/// Notes whether a requirement is met; nothing outside its revisions.
fn hold(run: &mut CaseRun<'_>, id: &str, is_met: bool, seen: Seen) {
    let Some(requirement) = run.judged(id) else { return };
    let Seen { message, expected, got, from, at_most } = seen;
    match is_met {
        true => run.note(requirement, Verdict::Pass, expected),
        false => {
            let span = (from, run.session.transcript.last());
            run.violation(requirement, Violation { message, expected, got, span, at_most });
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
        (None, None) if outcome.is_turned_away() => Called::Refused,
        (None, None) if outcome.status.is_some_and(|status| (400..500).contains(&status)) => Called::Refused,
        (None, None) => Called::Silent,
    }
}

/// Whether the server says that a limit was reached: that is about how often it was asked, and not about what.
fn is_limited(outcome: &Outcome) -> bool {
    const WORDS: [&str; 4] = ["limit", "too many", "throttl", "quota"];
    let said = outcome.error().or(outcome.result()).map(|said| said.to_string().to_lowercase());
    outcome.status == Some(429) || said.is_some_and(|said| WORDS.iter().any(|word| said.contains(word)))
}

/// Calls a tool.
async fn call(run: &mut CaseRun<'_>, name: &Value, arguments: &Value) -> Outcome {
    run.ask("tools/call", json!({"name": name, "arguments": arguments})).await
}

/// The tool with arguments that ask for as much as its schema allows, within reason, so that the call takes its time.
fn at_length(tool: &Value) -> Value {
    const MOST: u64 = 1000;
    let mut tool = tool.clone();
    let properties = tool["inputSchema"]["properties"].as_object().cloned().unwrap_or_default();
    for (name, schema) in properties.iter().filter(|(_, schema)| schema["type"] == "integer") {
        let given = &mut tool["arguments"][name];
        if let (Some(most), true) = (schema["maximum"].as_u64().filter(|most| *most <= MOST), given.is_u64())
        {
            *given = most.into();
        }
    }
    tool
}

/// Calls some of the tools that may be called, for what the server tells on the way.
async fn called_quietly(run: &mut CaseRun<'_>) {
    if run.session.revision.is_handshake() && method::declares(&run.session.server.capabilities, "logging") {
        run.ask("logging/setLevel", json!({"level": "debug"})).await;
    }
    for tool in run.around.survey.things(List::CallableTools).iter().take(SOME) {
        call_watched(run, &tool["name"], &tool["arguments"]).await;
    }
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
