//! Tools that tell something on the way: log messages no less severe than asked for, progress under the very token.

use serde_json::{Value, json};

use super::call_watched;
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::method;
use crate::runner::interpret::{CaseRun, Violation};
use crate::session::Outcome;

const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
const MOST: usize = 10;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let logs = method::declares(&run.session.server.capabilities, "logging");
    let (mut logging, mut reporting) = (None, None);
    if logs {
        set_level(run, "debug").await;
    }
    for tool in run.around.survey.things(List::CallableTools).into_iter().take(MOST) {
        let outcome = call_watched(run, &tool["name"], &tool["arguments"]).await;
        let told = told(run, &outcome);
        if logging.is_none() && !told.is_empty() {
            logging = Some((tool.clone(), told));
        }
        if reporting.is_none() && !notes(run, &outcome, "notifications/progress").is_empty() {
            reporting = Some(tool);
        }
        if reporting.is_some() && (logging.is_some() || !logs) {
            break;
        }
    }
    if let Some((tool, told)) = logging {
        levels(run, &tool, &told).await;
        set_level(run, "debug").await;
    }
    if let Some(tool) = reporting {
        tokens(run, &tool).await;
    }
    run.rest_unseen("no tool that may be called sends log messages or reports progress");
}

/// The parameters of the notifications of a method that came during a step.
fn notes(run: &CaseRun<'_>, outcome: &Outcome, method: &str) -> Vec<(u64, Value)> {
    let received = run.session.transcript.received();
    let during = received.filter(|(entry, _)| (outcome.span.0..=outcome.span.1).contains(&entry.seq));
    let wanted = during.filter(|(_, message)| message.method() == Some(method));
    wanted.map(|(entry, message)| (entry.seq, message.params().clone())).collect()
}

/// The severities of the log messages during a step.
fn told(run: &CaseRun<'_>, outcome: &Outcome) -> Vec<(u64, usize)> {
    let all = notes(run, outcome, "notifications/message").into_iter();
    all.filter_map(|(seq, params)| Some((seq, severity(params["level"].as_str()?)?))).collect()
}

fn severity(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

async fn set_level(run: &mut CaseRun<'_>, level: &str) {
    if run.session.revision.is_handshake() {
        run.ask("logging/setLevel", json!({"level": level})).await;
    }
}

async fn call_at(run: &mut CaseRun<'_>, tool: &Value, level: &str) -> Outcome {
    let mut params = json!({"name": tool["name"], "arguments": tool["arguments"]});
    match run.session.revision.is_stateless() {
        true => params["_meta"][LEVEL_KEY] = level.into(),
        false => set_level(run, level).await,
    }
    run.ask("tools/call", params).await
}

/// The same call under a level above what it told, and under that of what it told.
async fn levels(run: &mut CaseRun<'_>, tool: &Value, told_before: &[(u64, usize)]) {
    let Some(top) = told_before.iter().map(|(_, severity)| *severity).max() else { return };
    let above = LEVELS[LEVELS.len() - 1];
    let outcome = call_at(run, tool, above).await;
    let low = told(run, &outcome).into_iter().find(|(_, severity)| *severity < LEVELS.len() - 1);
    for id in ["logging.set-level.suppresses-below", "logging.request.below-level"] {
        let Some(requirement) = run.judged(id) else { continue };
        match low {
            None => run.note(requirement, Verdict::Pass, format!("nothing below {above}")),
            Some((seq, severity)) => run.violation(
                requirement,
                Violation {
                    message: format!("{} logs below the level that was asked for", tool["name"]),
                    expected: format!("messages of the level {above} only"),
                    got: LEVELS[severity].to_owned(),
                    span: (outcome.span.0, seq),
                    at_most: None,
                },
            ),
        }
    }
    let Some(requirement) = run.judged("logging.set-level.sends-at-or-above") else { return };
    let outcome = call_at(run, tool, LEVELS[top]).await;
    match told(run, &outcome).iter().any(|(_, severity)| *severity >= top) {
        true => run.note(requirement, Verdict::Pass, format!("{} is told", LEVELS[top])),
        false => run.violation(
            requirement,
            Violation {
                message: format!(
                    "{} does not log what the level allows, and what it logs at debug",
                    tool["name"]
                ),
                expected: format!("a message of the level {}", LEVELS[top]),
                got: "none".to_owned(),
                span: outcome.span,
                at_most: None,
            },
        ),
    }
}

/// Tokens that are easily mistaken come back as they are.
async fn tokens(run: &mut CaseRun<'_>, tool: &Value) {
    let Some(requirement) = run.judged("progress.token-verbatim") else { return };
    let number = run.session.new_id().to_value();
    let text = run.session.new_id().to_value().to_string();
    for token in [number, text.into(), format!("ü✓ {}", "x".repeat(64)).into()] {
        let params = json!({
            "name": tool["name"], "arguments": tool["arguments"], "_meta": {"progressToken": token},
        });
        let outcome = run.ask("tools/call", params).await;
        for (seq, params) in notes(run, &outcome, "notifications/progress") {
            match params["progressToken"] == token {
                true => run.note(requirement, Verdict::Pass, format!("the token {token} came back")),
                false => run.violation(
                    requirement,
                    Violation {
                        message: "another progress token came back".into(),
                        expected: token.to_string(),
                        got: params["progressToken"].to_string(),
                        span: (outcome.span.0, seq),
                        at_most: None,
                    },
                ),
            }
        }
    }
}
