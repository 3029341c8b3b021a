//! `tasks/list`: every task that can be asked for is in it, however many pages it takes.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::lifecycle::Ended;
use super::{Outcome, judge, shows};
use crate::protocol::{code, method};
use crate::runner::interpret::CaseRun;

const MAX_PAGES: usize = 50;

pub(super) async fn run(run: &mut CaseRun<'_>, ended: &[Ended]) {
    if ended.is_empty() || !method::declares(&run.session.server.capabilities, "tasks.list") {
        return;
    }
    let mut listed = HashMap::new();
    let mut cursors: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    let last = loop {
        let params = if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) };
        let outcome = run.ask("tasks/list", params).await;
        if cursors.is_empty() {
            served(run, &outcome);
        }
        let Some(result) = outcome.result() else { return };
        for task in result["tasks"].as_array().into_iter().flatten() {
            listed.insert(task["taskId"].clone(), task["status"].clone());
        }
        cursors.push(cursor);
        cursor = result["nextCursor"].clone();
        if !cursor.is_string() || cursors.contains(&cursor) || cursors.len() >= MAX_PAGES {
            break outcome;
        }
    };
    let missing: Vec<&Ended> =
        ended.iter().filter(|ended| !listed.contains_key(&json!(ended.task.id))).collect();
    let names = || missing.iter().map(|ended| ended.task.id.as_str()).collect::<Vec<_>>().join(", ");
    judge(run, "tasks.list-complete", missing.is_empty(), || {
        shows(&last, format!("tasks that tasks/get knows are not listed: {}", names()), "every task")
    });
    // Those of a status that is listed nowhere may be hidden for that; others were cut off.
    let state = |ended: &&&Ended| ended.last.result().map(|task| task["status"].clone());
    let cut = missing.iter().find(|ended| listed.values().any(|known| Some(known) == state(ended).as_ref()));
    let circles = cursor.is_string() && cursors.contains(&cursor);
    judge(run, "tasks.list-next-cursor", cut.is_none() && !circles, || match circles {
        true => shows(&last, "the pages of tasks/list go round", "a last page without nextCursor"),
        false => {
            shows(&last, "tasks/list ends before every task was listed", "nextCursor while there is more")
        }
    });
}

fn served(run: &mut CaseRun<'_>, outcome: &Outcome) {
    if outcome.reply.is_some() {
        judge(run, "tasks.list-served-when-declared", outcome.code() != Some(code::METHOD_NOT_FOUND), || {
            shows(outcome, "tasks.list is declared, but tasks/list is unknown", "a list of tasks")
        });
    }
}
