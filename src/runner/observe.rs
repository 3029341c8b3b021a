//! What would make visible what a run did not see: entries of a profile, ready to paste.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use super::check::Check;
use super::event::Event;
use super::plan::Plan;
use super::run::run;
use crate::catalogue::Verdict;
use crate::protocol::Revision;

const NO_FIXTURE: &str = "the server does not offer what is judged here of the fixture of the official conformance suite (docs/official-suite.md)";

/// A check that was not observed, with what would help.
#[derive(Debug, Clone, Serialize)]
pub struct Unseen {
    /// The requirement.
    pub requirement: String,
    /// The case or rule.
    pub check: String,
    /// The revision.
    pub revision: Revision,
    /// What would make it visible.
    pub hint: String,
    /// Whether more tools that may be called could show it.
    pub needs_tool: bool,
}

/// What a run saw and did not see.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// What was not observed.
    pub unseen: Vec<Unseen>,
    /// Tools that the server lists and that may not be called, each once.
    pub forbidden: Vec<Value>,
    /// Why nothing was judged.
    pub problem: Option<String>,
}

/// Judges the server and tells what was not to be seen.
pub async fn observe(plan: &Plan) -> Sight {
    let (events, mut incoming) = unbounded_channel();
    let judging = async {
        let (finished, _) = run(plan, &events).await;
        drop(events);
        finished
    };
    let hearing = async {
        let (mut sight, mut revision, mut known) =
            (Sight::default(), Revision::NEWEST_STATELESS, BTreeSet::new());
        while let Some(event) = incoming.recv().await {
            match event {
                Event::RunStarted(run) => revision = run.revision,
                Event::Surface(surface) => {
                    let tools = surface.value["tools"].as_array().cloned().unwrap_or_default();
                    let forbidden = tools.iter().filter(|tool| !plan.policy.may_call(tool, &tools)).cloned();
                    sight.forbidden.extend(forbidden.filter(|tool| known.insert(tool["name"].to_string())));
                }
                Event::Checked(check) => sight.unseen.extend(unseen(&check, revision)),
                Event::Started(_)
                | Event::Beside(_)
                | Event::Progress(_)
                | Event::RunFinished(_)
                | Event::Snapshot(_)
                | Event::Fuzzed(_)
                | Event::Finished(_) => {}
            }
        }
        sight
    };
    let (finished, sight) = tokio::join!(judging, hearing);
    Sight { problem: finished.problem, ..sight }
}

fn unseen(check: &Check, revision: Revision) -> Option<Unseen> {
    // Hints say so in these words: something is missing that a call brings about.
    const BY_CALLS: [&str; 3] =
        ["may be called", "the server has to send", "the list of tools did not change"];
    // One thing to know, not one for each name.
    let is_fixture = check.id.starts_with("fixture/") && check.message.contains(" is named `");
    let hint = if is_fixture { NO_FIXTURE } else { &check.message };
    (check.verdict == Verdict::NotObserved).then(|| Unseen {
        requirement: check.requirement.clone(),
        check: check.id.clone(),
        revision,
        hint: hint.to_owned(),
        needs_tool: BY_CALLS.iter().any(|words| hint.contains(words)),
    })
}
