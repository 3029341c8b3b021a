//! Where tasks stand: what was seen of one must fit what was seen of it before.

use std::collections::HashMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Context, Rule, births, is_terminal};
use crate::protocol::Message;
use crate::rule::Findings;

const UNIQUE: &str = "tasks.id-unique";
const CREATED: &str = "tasks.created-at";
const UPDATED: &str = "tasks.last-updated-at";
const TRANSITIONS: &str = "tasks.valid-transitions";
const IMMUTABLE: [&str; 2] = ["tasks.terminal-immutable", "tasks-ext.terminal-immutable"];

pub(super) const RULE: Rule = Rule {
    id: "rule/task-states",
    judges: &[UNIQUE, CREATED, UPDATED, TRANSITIONS, IMMUTABLE[0], IMMUTABLE[1]],
    hint: "a tool has to run as a task: allow one with --tools or a profile",
    run,
};

/// A task as a message shows it.
struct Sighting<'c> {
    /// The message.
    seq: u64,
    /// The request that it answers; `None` for a notification.
    asked: Option<u64>,
    /// The HTTP exchange that carried it.
    stream: Option<u32>,
    task: &'c Value,
}

fn run(context: &Context<'_>, findings: &mut Findings) {
    unique(context, findings);
    let mut by_task: HashMap<&str, Vec<Sighting<'_>>> = HashMap::new();
    for sighting in sightings(context) {
        if let Some(id) = sighting.task["taskId"].as_str() {
            by_task.entry(id).or_default().push(sighting);
        }
    }
    for all in by_task.values() {
        times(all, findings);
        ends(all, findings);
        seen(all, findings);
        told(all, findings);
    }
}

fn sightings<'c>(context: &'c Context<'_>) -> Vec<Sighting<'c>> {
    let mut all = Vec::new();
    for (entry, message) in &context.received {
        let seen = |asked, task| Sighting { seq: entry.seq, asked, stream: entry.exchange(), task };
        match message.method() {
            Some("notifications/tasks/status" | "notifications/tasks") => {
                all.push(seen(None, message.params()))
            }
            Some(_) => {}
            None => {
                let Some(asked) = context.surely_asked(entry, message) else { continue };
                all.extend(
                    shown(context, &asked.method, message).into_iter().map(|t| seen(Some(asked.seq), t)),
                );
            }
        }
    }
    all
}

fn shown<'m>(context: &Context<'_>, method: &str, message: &'m Message) -> Vec<&'m Value> {
    let Some(result) = message.get("result") else { return Vec::new() };
    match method {
        "tools/call" => super::created(message, context.revision()).into_iter().collect(),
        "tasks/list" => result["tasks"].as_array().into_iter().flatten().collect(),
        "tasks/get" | "tasks/cancel" => vec![result],
        _ => Vec::new(),
    }
}

fn unique(context: &Context<'_>, findings: &mut Findings) {
    let mut known = HashMap::new();
    for born in births(context) {
        match known.insert(born.task["taskId"].as_str(), born.entry.seq) {
            None => findings.kept(UNIQUE),
            Some(earlier) => findings.violated(
                UNIQUE,
                "two tasks have the same id",
                "an id of its own for each task",
                born.task["taskId"].to_string(),
                &[earlier, born.entry.seq],
            ),
        }
    }
}

/// `createdAt` stays, `lastUpdatedAt` does not go back.
fn times(all: &[Sighting<'_>], findings: &mut Findings) {
    let Some(first) = all.first() else { return };
    for later in &all[1..] {
        let (was, is) = (&first.task["createdAt"], &later.task["createdAt"]);
        match (moment(was), moment(is)) {
            (Some(a), Some(b)) if a != b => findings.violated(
                CREATED,
                "the task was created at another time than before",
                was.to_string(),
                is.to_string(),
                &[first.seq, later.seq],
            ),
            (Some(_), Some(_)) => findings.kept(CREATED),
            _ => {}
        }
    }
    for (earlier, later) in all.iter().zip(&all[1..]) {
        let (was, is) = (&earlier.task["lastUpdatedAt"], &later.task["lastUpdatedAt"]);
        let (Some(a), Some(b), true) = (moment(was), moment(is), follows(later, earlier)) else { continue };
        match b < a {
            true => findings.violated(
                UPDATED,
                "`lastUpdatedAt` went back",
                format!("{was} or later"),
                is.to_string(),
                &[earlier.seq, later.seq],
            ),
            false => findings.kept(UPDATED),
        }
    }
}

fn moment(stamp: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(stamp.as_str()?, &Rfc3339).ok()
}

/// Whether the later message answers what was asked after the earlier one came: what is under way at the same time may
/// arrive in any order.
fn follows(later: &Sighting<'_>, earlier: &Sighting<'_>) -> bool {
    later.asked.is_some_and(|asked| asked > earlier.seq)
}

/// What has ended stays as it ended.
fn ends(all: &[Sighting<'_>], findings: &mut Findings) {
    let Some(end) = all.iter().find(|seen| is_terminal(&seen.task["status"])) else { return };
    for later in all.iter().filter(|later| follows(later, end)) {
        let same = |member: &str| match (end.task.get(member), later.task.get(member)) {
            (Some(was), Some(is)) => was == is,
            _ => true,
        };
        match ["status", "result", "error"].into_iter().all(same) {
            true => IMMUTABLE.iter().for_each(|id| findings.kept(id)),
            false => IMMUTABLE.iter().for_each(|id| {
                findings.violated(
                    id,
                    "a task that had ended changed",
                    format!("status {}, as it ended", end.task["status"]),
                    later.task.to_string(),
                    &[end.seq, later.seq],
                );
            }),
        }
    }
}

/// Notifications on one stream come in the order in which things happened.
fn told(all: &[Sighting<'_>], findings: &mut Findings) {
    let told: Vec<&Sighting<'_>> = all.iter().filter(|seen| seen.asked.is_none()).collect();
    for (index, later) in told.iter().enumerate() {
        let before = told[..index].iter().rfind(|seen| seen.stream == later.stream);
        let Some(earlier) = before else { continue };
        let (was, is) = (&earlier.task["status"], &later.task["status"]);
        match is_terminal(was) && was != is {
            true => findings.violated(
                TRANSITIONS,
                "a task left a status in which it had ended",
                was.to_string(),
                is.to_string(),
                &[earlier.seq, later.seq],
            ),
            false => findings.kept(TRANSITIONS),
        }
    }
}

/// A step that is allowed.
fn seen(all: &[Sighting<'_>], findings: &mut Findings) {
    let seen: Vec<&Sighting<'_>> = all.iter().filter(|seen| seen.asked.is_some()).collect();
    if seen.iter().zip(seen.iter().skip(1)).any(|(a, b)| a.task["status"] != b.task["status"]) {
        findings.kept(TRANSITIONS);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{received, violated};

    #[test]
    fn what_comes_on_two_streams_has_no_order() {
        let told = |status: &str, stream| {
            let task = json!({"taskId": "t", "status": status});
            let told = json!({"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": task});
            received(&told, stream)
        };
        let judged = |stream| {
            let entries = vec![told("completed", 1), told("working", stream)];
            violated(&RULE, Revision::V2025_11_25, entries)
        };
        assert_eq!(judged(1), [TRANSITIONS]);
        assert!(judged(2).is_empty());
    }
}
