//! Our wire schemas against the official ones, on the messages of the reference server, on the examples of the
//! specification, and on every mutation of both that removes a member or gives it another type.
//!
//! It needs a checkout of the specification, so it is not run by default:
//! `MCP_SPECIFICATION=<checkout> cargo test --test schemas -- --ignored`.
//! What differs, and why, is committed in `data/schema-differences.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcp_conform::catalogue::{Level, Position, Schemas, Verdict, requirement};
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{Settings, serve_stream};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Where a message stands in our schemas, and what the official schema calls it.
const RESULTS: &[(&str, &str)] = &[
    ("initialize", "InitializeResult"),
    ("server/discover", "DiscoverResult"),
    ("ping", "EmptyResult"),
    ("logging/setLevel", "EmptyResult"),
    ("tools/list", "ListToolsResult"),
    ("tools/call", "CallToolResult"),
    ("resources/list", "ListResourcesResult"),
    ("resources/templates/list", "ListResourceTemplatesResult"),
    ("resources/read", "ReadResourceResult"),
    ("prompts/list", "ListPromptsResult"),
    ("prompts/get", "GetPromptResult"),
    ("completion/complete", "CompleteResult"),
];
const NOTIFICATIONS: &[(&str, &str)] = &[
    ("notifications/progress", "ProgressNotification"),
    ("notifications/message", "LoggingMessageNotification"),
    ("notifications/tools/list_changed", "ToolListChangedNotification"),
    ("notifications/resources/list_changed", "ResourceListChangedNotification"),
    ("notifications/prompts/list_changed", "PromptListChangedNotification"),
    ("notifications/resources/updated", "ResourceUpdatedNotification"),
    ("notifications/subscriptions/acknowledged", "SubscriptionsAcknowledgedNotification"),
];

/// What the reference server is asked, to get one message of every kind.
fn requests() -> Vec<(&'static str, Value)> {
    let tool = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments, "_meta": {"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"}});
    let completion =
        json!({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "style", "value": ""}});
    vec![
        ("server/discover", json!({})),
        ("ping", json!({})),
        ("logging/setLevel", json!({"level": "debug"})),
        ("tools/list", json!({})),
        ("tools/call", tool("media", json!({}))),
        ("tools/call", tool("add", json!({"a": 1, "b": 2}))),
        ("tools/call", tool("slow", json!({"steps": 1}))),
        ("tools/call", tool("log", json!({"level": "info", "text": "x"}))),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "memo://logo"})),
        ("resources/read", json!({"uri": "memo://greeting"})),
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "review", "arguments": {"code": "x"}})),
        ("completion/complete", completion),
        ("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}})),
    ]
}

/// Everything that the reference server says in a revision: results by method, and notifications.
async fn messages(revision: Revision) -> Vec<(Position, String, Value)> {
    let (near, far) = tokio::io::duplex(1 << 20);
    let (input, output) = tokio::io::split(far);
    let settings = Arc::new(Settings::default().only(&[revision]));
    tokio::spawn(async move { serve_stream(settings, input, output, |_| ()).await });
    let (read, mut write) = tokio::io::split(near);
    let mut lines = BufReader::new(read).lines();
    let mut said = Vec::new();
    let meta = mcp_conform::session::client_meta(revision, &json!({}));
    let mut ask = requests();
    if revision.is_handshake() {
        let client = mcp_conform::session::client_info();
        let params = json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": client});
        ask.insert(0, ("initialize", params));
    }
    for (id, (method, mut params)) in ask.into_iter().enumerate() {
        for (key, value) in &meta {
            params["_meta"][key] = value.clone();
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        write.write_all(format!("{message}\n").as_bytes()).await.expect("a pipe");
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(name) = message["method"].as_str() {
                let is_last = name == "notifications/subscriptions/acknowledged";
                said.push((Position::Notification, name.to_owned(), message.clone()));
                if is_last {
                    break;
                }
            } else {
                if let Some(result) = message.get("result") {
                    said.push((Position::Result, method.to_owned(), result.clone()));
                }
                break;
            }
        }
    }
    said
}

/// The examples of the specification that are such a message.
fn examples(root: &Path, revision: Revision) -> Vec<(Position, String, Value)> {
    let folder = root.join("schema").join(revision.as_str()).join("examples");
    let kinds = RESULTS.iter().map(|kind| (Position::Result, kind));
    let mut found = Vec::new();
    for (position, (name, definition)) in
        kinds.chain(NOTIFICATIONS.iter().map(|kind| (Position::Notification, kind)))
    {
        let files = std::fs::read_dir(folder.join(definition)).into_iter().flatten().flatten();
        for file in files {
            let text = std::fs::read_to_string(file.path()).expect("an example");
            found.push((position, (*name).to_owned(), serde_json::from_str(&text).expect("JSON")));
        }
    }
    found
}

/// The instance with each member removed, and with each value replaced by one of every other type.
fn mutations(instance: &Value) -> Vec<(String, Value)> {
    let mut pointers = Vec::new();
    collect(instance, String::new(), &mut pointers);
    let mut made = vec![("as it is".to_owned(), instance.clone())];
    for pointer in pointers {
        let (parent, last) = pointer.rsplit_once('/').expect("not the root");
        let general = generalised(&pointer);
        if let Some(Value::Object(_)) = instance.pointer(parent) {
            let mut changed = instance.clone();
            let name = last.replace("~1", "/").replace("~0", "~");
            if let Some(members) = changed.pointer_mut(parent).and_then(Value::as_object_mut) {
                members.shift_remove(&name);
            }
            made.push((format!("{general} removed"), changed));
        }
        for other in [Value::Null, json!(7), json!(-1.5), json!("x"), json!([]), json!({}), json!(true)] {
            let mut changed = instance.clone();
            if let Some(place) = changed.pointer_mut(&pointer) {
                *place = other.clone();
            }
            made.push((format!("{general} = {other}"), changed));
        }
    }
    made
}

fn collect(value: &Value, at: String, found: &mut Vec<String>) {
    let mut go = |key: String, inner: &Value| {
        let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        found.push(pointer.clone());
        collect(inner, pointer, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| go(key.clone(), inner)),
        Value::Array(elements) => elements.iter().enumerate().for_each(|(n, inner)| go(n.to_string(), inner)),
        _ => {}
    }
}

fn generalised(pointer: &str) -> String {
    let parts = pointer.split('/').map(|part| if part.parse::<u32>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether our schemas let the message pass: what they only warn of counts as passed.
fn ours(revision: Revision, position: Position, name: &str, message: &Value) -> bool {
    Schemas::of(revision).judge(position, name, message).iter().all(|tag| {
        let level = requirement(&tag.requirement).map_or(Level::Must, |requirement| requirement.level);
        let verdict = |violation: &mcp_conform::catalogue::Violation| {
            violation.verdict.unwrap_or_else(|| Verdict::of_violation(level))
        };
        tag.violation.as_ref().is_none_or(|violation| verdict(violation) != Verdict::Fail)
    })
}

fn official(root: &Path, revision: Revision, definition: &str) -> Option<jsonschema::Validator> {
    let file = root.join("schema").join(revision.as_str()).join("schema.json");
    let mut schema: Value =
        serde_json::from_str(&std::fs::read_to_string(file).expect("a schema")).expect("JSON");
    let section = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
    schema[section].get(definition)?;
    schema["$ref"] = format!("#/{section}/{definition}").into();
    Some(jsonschema::validator_for(&schema).expect("a valid schema"))
}

#[tokio::test]
#[ignore = "needs a checkout of the specification"]
async fn ours_and_the_official_schemas_differ_only_where_it_is_explained() {
    let root = PathBuf::from(std::env::var("MCP_SPECIFICATION").expect("MCP_SPECIFICATION names a checkout"));
    let mut differences: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut compared, mut invalid) = (0, 0);
    for revision in Revision::ALL {
        let seeds = messages(revision).await.into_iter().chain(examples(&root, revision));
        for (position, name, seed) in seeds {
            let table = if position == Position::Result { RESULTS } else { NOTIFICATIONS };
            let Some((_, definition)) = table.iter().find(|(known, _)| *known == name) else { continue };
            let Some(theirs) = official(&root, revision, definition) else { continue };
            for (change, instance) in mutations(&seed) {
                let (official, own) =
                    (theirs.is_valid(&instance), ours(revision, position, &name, &instance));
                compared += 1;
                invalid += usize::from(!official);
                if official != own {
                    let who = if own { "only ours accepts" } else { "only the official schema accepts" };
                    differences
                        .entry(format!("{who}: {name} {change}"))
                        .or_default()
                        .insert(revision.to_string());
                }
            }
        }
    }
    let lines: Vec<String> = differences
        .iter()
        .map(|(what, revisions)| {
            format!("{what} ({})", revisions.iter().cloned().collect::<Vec<_>>().join(", "))
        })
        .collect();
    eprintln!("{compared} instances, {invalid} of them invalid, {} kinds of difference", lines.len());
    std::fs::write(std::env::temp_dir().join("schema-differences.txt"), lines.join("\n")).expect("written");
    let explained = include_str!("data/schema-differences.txt");
    let unexplained: Vec<&String> = lines.iter().filter(|line| !is_explained(line, explained)).collect();
    assert!(unexplained.is_empty(), "{} differences without a reason:\n{unexplained:#?}", unexplained.len());
}

/// Whether some line of the file, `REGEX -- reason`, speaks of the difference.
fn is_explained(line: &str, explained: &str) -> bool {
    let rules =
        explained.lines().filter(|rule| !rule.starts_with('#')).filter_map(|rule| rule.split_once(" -- "));
    rules
        .map(|(pattern, _)| regex::Regex::new(pattern).expect("a pattern"))
        .any(|pattern| pattern.is_match(line))
}
