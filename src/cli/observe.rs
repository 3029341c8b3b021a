//! `mcp-conform list --observe -- <command>`: which profile entries would show what a run does not see.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::report::{self, text};
use crate::runner::{Plan, Sight, Unseen};

/// As JSON: each check that was not observed, with the entries that would help.
pub fn as_json(sight: &Sight, plan: &Plan) -> Value {
    let entries = entries(sight, plan);
    let row = |unseen: &Unseen| {
        let mut row = serde_json::to_value(unseen).unwrap_or_default();
        row["entries"] = if unseen.needs_tool { entries.clone().into() } else { json!([]) };
        row
    };
    sight.unseen.iter().map(row).collect()
}

/// For a person: what to paste, what it would show, and what no entry shows.
pub fn as_text(sight: &Sight, plan: &Plan) -> String {
    let (by_tool, otherwise): (Vec<&Unseen>, Vec<&Unseen>) =
        sight.unseen.iter().partition(|unseen| unseen.needs_tool && !sight.forbidden.is_empty());
    let mut out = String::new();
    if !by_tool.is_empty() {
        out += "Allow tools whose calls do no harm, in a file for --profile:\n\n";
        out += &entries(sight, plan).join("\n");
        out += "\nThis may show:\n\n";
        out += &grouped(&by_tool);
    }
    let (yours, rest): (Vec<&Unseen>, Vec<&Unseen>) =
        otherwise.into_iter().partition(|unseen| names_an_entry(&unseen.hint));
    if !yours.is_empty() {
        out += "\nEntries that only you can fill in show these (docs/profile.md):\n\n";
        out += &grouped(&yours);
    }
    if !rest.is_empty() {
        out += "\nNo entry shows the rest; it was not seen because:\n\n";
        out += &grouped(&rest);
    }
    if out.is_empty() {
        "Everything that applies was observed.\n".to_owned()
    } else {
        out.trim_start().to_owned()
    }
}

/// Whether a hint tells what to write into the profile.
fn names_an_entry(hint: &str) -> bool {
    ["in the profile", "in mcp-conform.toml"].iter().any(|words| hint.contains(words))
}

fn entries(sight: &Sight, plan: &Plan) -> Vec<String> {
    sight.forbidden.iter().filter_map(|tool| report::tool_entry(tool, &plan.policy)).collect()
}

/// Requirements by what would make them visible.
fn grouped(unseen: &[&Unseen]) -> String {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in unseen {
        let known = groups.entry(&one.hint).or_default();
        if !known.contains(&one.requirement.as_str()) {
            known.push(&one.requirement);
        }
    }
    let shown = groups.iter().map(|(hint, requirements)| {
        let lines = text::wrap(&requirements.join(" "), 100);
        let lines: String = lines.iter().map(|line| format!("      {line}\n")).collect();
        format!("  {}\n{lines}", text::brief(hint, 300))
    });
    shown.collect()
}
