//! Every protocol version that a server advertises can be used.

use serde_json::{Value, json};

use super::Seen;
use crate::runner::interpret::CaseRun;
use crate::session::{HttpCall, Outcome, client_info};

const WORKS: &str = "versioning.advertised-versions-work";
/// Versions before this one are agreed on by `initialize`.
const FIRST_STATELESS: &str = "2026-07-28";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let all: Vec<String> = run.around.survey.server()["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let spoken = run.session.revision.as_str();
    let (mut older, newer): (Vec<&String>, Vec<&String>) = all
        .iter()
        .filter(|version| *version != spoken)
        .partition(|version| version.as_str() < FIRST_STATELESS);
    older.sort();
    if !run.session.is_http() {
        // The first message may settle what a process speaks: there is one try.
        older.truncate(1);
    }
    for version in older {
        let outcome = initialize(run, version).await;
        let answer = outcome.result().map(|result| result["protocolVersion"].clone());
        let is_met = answer.as_ref().is_some_and(|answer| answer == version);
        // Over HTTP a refusal may be that of a gateway.
        if outcome.reply.is_some() {
            tell(run, version, is_met, &outcome);
        }
    }
    for version in newer {
        let meta = json!({"io.modelcontextprotocol/protocolVersion": version});
        let meta = crate::session::Meta::Changed(meta.as_object().cloned().unwrap_or_default());
        let patience = run.session.timeout();
        let outcome = run.session.request_with("server/discover", None, &meta, patience).await;
        if outcome.reply.is_some() {
            tell(run, version, outcome.result().is_some(), &outcome);
        }
    }
    run.rest_unseen("the server advertises no version besides the one that is judged");
}

async fn initialize(run: &mut CaseRun<'_>, version: &str) -> Outcome {
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client_info()});
    let id = run.session.new_id().to_value();
    let message = json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": params});
    if !run.session.is_http() {
        return run.session.message(&message, true).await;
    }
    let without = |name: &str| (name.to_owned(), None);
    let headers = vec![without("MCP-Protocol-Version"), without("Mcp-Method")];
    let call = HttpCall { method: "POST".into(), headers, message: Some(message), ..HttpCall::default() };
    run.session.http(&call).await
}

fn tell(run: &mut CaseRun<'_>, version: &str, is_met: bool, outcome: &Outcome) {
    let seen = Seen {
        message: format!("the server advertises {version}, but does not speak it"),
        expected: format!("a result in {version}"),
        got: outcome.to_value().to_string(),
        from: outcome.span.0,
        at_most: None,
    };
    super::hold(run, WORKS, is_met, seen);
}
