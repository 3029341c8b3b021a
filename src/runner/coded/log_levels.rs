//! One call under several log levels: what is severe enough is told, the rest is not.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Seen;
use crate::case::List;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::session::{Meta, Session};

/// How long a log message may take to be told.
const PATIENCE: Duration = Duration::from_secs(2);
const TOLD: &str = "logging.set-level.sends-at-or-above";
/// Levels that count as severe.
const SEVERE: [&str; 4] = ["error", "critical", "alert", "emergency"];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for tool in run.around.survey.things(List::CallableTools) {
        let all = levels_at(run, &tool, "debug").await;
        // What takes long is not called again and again.
        if all.is_empty() || run.around.survey.is_slow(&tool["name"]) {
            continue;
        }
        let from = run.session.transcript.last() + 1;
        levels_at(run, &tool, "error").await;
        let is_loud = has_severe(&all);
        if is_loud {
            // What comes over another stream may come late.
            let has_come = |session: &Session| has_severe(&levels_since(session, from));
            let is_told = run.session.wait_until(PATIENCE, has_come).await;
            let seen = Seen {
                message: "a severe log message was told at level debug, but not at level error".into(),
                expected: "at level error the same severe log message".into(),
                got: format!("at level debug {}; then none", all.join(", ")),
                from,
                at_most: None,
            };
            super::hold(run, TOLD, is_told, seen);
        }
        // Whatever comes now is for `rule/log-messages` to judge.
        levels_at(run, &tool, "emergency").await;
        if is_loud {
            break;
        }
    }
    run.rest_unseen(
        "no tool that may be called logs an error; `[tools.NAME] allow = true` in the profile allows one",
    );
}

/// The levels of the log messages that come with one call at that level.
pub(super) async fn levels_at(run: &mut CaseRun<'_>, tool: &Value, level: &str) -> Vec<String> {
    let mut meta = Map::new();
    match run.session.revision.is_stateless() {
        true => drop(meta.insert("io.modelcontextprotocol/logLevel".into(), level.into())),
        false => drop(run.ask("logging/setLevel", json!({"level": level})).await),
    }
    levels_of_call(run, tool, meta).await
}

/// The levels of the log messages that come with one call.
pub(super) async fn levels_of_call(
    run: &mut CaseRun<'_>,
    tool: &Value,
    meta: Map<String, Value>,
) -> Vec<String> {
    let from = run.session.transcript.last() + 1;
    let params = call_of(tool);
    let patience = run.session.timeout();
    run.request("tools/call", Some(params), &Meta::Changed(meta), patience).await;
    // What comes right after the reply came too late, and is to be seen as such.
    run.session.wait_for(Duration::from_millis(5), |_| false).await;
    levels_since(run.session, from)
}

fn has_severe(levels: &[String]) -> bool {
    levels.iter().any(|level| SEVERE.contains(&level.as_str()))
}

fn levels_since(session: &Session, from: u64) -> Vec<String> {
    let since = session.transcript.received().filter(|(entry, _)| entry.seq >= from);
    let logs = since.filter(|(_, message)| message.method() == Some("notifications/message"));
    logs.filter_map(|(_, message)| message.params()["level"].as_str().map(str::to_owned)).collect()
}
