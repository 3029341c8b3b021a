//! The report as SARIF 2.1.0, for code scanning. A finding is about the server, not about a line of its code: it points at
//! the command that starts the server, and has no region.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::diagnostic::{Block, Bounds, Gravity, Value as Said};
use super::{Report, findings, json as json_report, words};
use crate::catalogue::{Verdict, fingerprint, requirement};

/// Writes the log; with `strict`, a warning is an error.
pub fn write(report: &Report, strict: bool, out: &mut dyn Write) -> io::Result<()> {
    json_report::safe(&log(report, strict), out)
}

fn log(report: &Report, strict: bool) -> Value {
    let found = findings::blocks(report, Bounds { lines: 20, line: 1_000, fuzz_frames: 0 });
    let (broken, found): (Vec<Block>, Vec<Block>) =
        found.into_iter().partition(|block| block.verdict == Verdict::Error);
    let rules = rules(&found, strict);
    let place = place(report);
    let results: Vec<Value> = found.iter().map(|block| result(block, &rules, &place, strict)).collect();
    let problems = Block::of_problem(report);
    let notes: Vec<Value> = problems.iter().chain(&broken).map(note).collect();
    let mut invocation = json!({
        "executionSuccessful": notes.is_empty(),
        "exitCode": report.exit.code(),
        "exitCodeDescription": report.meaning(),
        "toolExecutionNotifications": notes,
    });
    // An instant that was never told is none.
    if !report.started.is_empty() {
        invocation["startTimeUtc"] = report.started.clone().into();
    }
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": report.tool.name,
                "version": report.tool.version,
                "semanticVersion": report.tool.version,
                "informationUri": "https://modelcontextprotocol.io/specification",
                "rules": rules.values().collect::<Vec<_>>(),
                "properties": {"catalogue": report.tool.catalogue},
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation],
            "results": results,
        }],
    })
}

type Rules = BTreeMap<String, Value>;

fn rules(found: &[Block], strict: bool) -> Rules {
    found.iter().map(|block| (block.rule.clone(), rule(block, strict))).collect()
}

/// What a rule says, from the catalogue.
fn rule(block: &Block, strict: bool) -> Value {
    let known = requirement(&block.rule);
    let short = match known {
        Some(requirement) => requirement.statement.clone(),
        None if block.rule == "snapshot/changed" => {
            "What the server offers is as it was committed".to_owned()
        }
        None => "A server stands whatever it is sent".to_owned(),
    };
    let help = known.map_or_else(
        || short.clone(),
        |requirement| {
            let parts = [
                ("Right", &requirement.pass),
                ("Wrong", &requirement.violation),
                ("Beware", &requirement.caution),
            ];
            let parts = parts
                .into_iter()
                .filter_map(|(label, text)| Some(format!("\n\n{label}: {}", text.as_ref()?)));
            format!("{}{}", requirement.statement, parts.collect::<String>())
        },
    );
    let mut rule = json!({
        "id": block.rule,
        "shortDescription": {"text": inert(&short)},
        "help": {"text": inert(&help)},
        "defaultConfiguration": {"level": level(block, strict)},
        "properties": {"tags": ["mcp", "conformance"]},
    });
    if let Some(url) = links(block).next() {
        rule["helpUri"] = url.into();
    }
    rule
}

fn links(block: &Block) -> impl Iterator<Item = &str> {
    block.rows.iter().filter_map(|row| match &row.value {
        Said::Link(url) => Some(url.as_str()),
        Said::Lines(_) | Said::Wire(_) | Said::Command(_) | Said::Diff(_) => None,
    })
}

fn result(block: &Block, rules: &Rules, place: &Value, strict: bool) -> Value {
    let index = rules.keys().position(|rule| *rule == block.rule);
    let location = match block.rule.as_str() {
        "snapshot/changed" => json!({"physicalLocation": {"artifactLocation": {"uri": uri(&block.title)}}}),
        _ => place.clone(),
    };
    let identity = format!("{} {}", block.title, block.tags);
    json!({
        "ruleId": block.rule,
        "ruleIndex": index,
        "level": level(block, strict),
        "message": {"text": inert(&message(block))},
        "locations": [location],
        "partialFingerprints": {"mcpConform/v1": fingerprint(identity.bytes())},
        "properties": properties(block),
    })
}

fn message(block: &Block) -> String {
    let rows = ["expected", "got", "also in"].into_iter();
    let rows = rows.filter_map(|label| Some(format!("{label}: {}", block.row(label)?)));
    let message: Vec<String> = block.message.iter().cloned().chain(rows).collect();
    match message.is_empty() {
        true => format!("{} {}", block.word, block.title),
        false => message.join("\n"),
    }
}

/// What else there is to say, each row under its label.
fn properties(block: &Block) -> Value {
    let mut properties = json!({"check": block.title, "context": block.tags});
    for row in block.rows.iter().filter(|row| !row.label.is_empty()) {
        properties[row.label] = block.row(row.label).into();
    }
    properties
}

fn level(block: &Block, strict: bool) -> &'static str {
    match block.gravity(strict) {
        Gravity::Failure => "error",
        Gravity::Warning => "warning",
        Gravity::Advice => "note",
    }
}

fn note(block: &Block) -> Value {
    let text = format!("{} {}: {}", block.word, block.title, block.message.join("\n"));
    json!({"level": "error", "message": {"text": inert(&text)}})
}

/// Where findings point: at the file of the command that starts the server, or at the address.
fn place(report: &Report) -> Value {
    let command = &report.target.command;
    let file = command.iter().find_map(|word| relative(word)).or_else(|| command.first().cloned());
    let uri = match (file, &report.target.url) {
        (Some(file), _) => uri(&file),
        (None, Some(url)) => address(url),
        (None, None) => "mcp-conform".to_owned(),
    };
    json!({
        "physicalLocation": {"artifactLocation": {"uri": uri}},
        "logicalLocations": [{"fullyQualifiedName": words::target(report), "kind": "resource"}],
    })
}

/// A word of the command that names a file below the working folder, as a path from there.
fn relative(word: &str) -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    let path = Path::new(word);
    let path = path.strip_prefix(&folder).unwrap_or(path);
    let path = path.strip_prefix(".").unwrap_or(path);
    (path.is_relative() && path.is_file()).then(|| path.to_string_lossy().replace('\\', "/"))
}

fn address(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| uri(url), String::from)
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    path.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Viewers read `[text](target)` in a message as a link, and `{0}` as a placeholder.
fn inert(text: &str) -> String {
    let mut out = text.replace("](", "]\\u0028");
    for digit in '0'..='9' {
        out = out.replace(&format!("{{{digit}"), &format!("\\u007b{digit}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_no_links_and_no_placeholders() {
        assert_eq!(inert("[a](http://b) {0} {\"x\":[1]}"), "[a]\\u0028http://b) \\u007b0} {\"x\":[1]}");
    }

    #[test]
    fn files_below_the_working_folder_are_found_in_the_command() {
        assert_eq!(relative("./Cargo.toml"), Some("Cargo.toml".to_owned()));
        assert_eq!((relative("--stdio"), relative("/bin/sh")), (None, None));
        assert_eq!(uri("a b/ü#.js"), "a%20b/%C3%BC%23.js");
    }
}
