//! A commented profile for a server, written by looking at it.

use serde_json::Value;

use super::text;
use crate::runner::{Offer, Policy};

/// What is said above everything else.
const HEAD: &str = "\
# What mcp-conform is told about this server: `mcp-conform stdio --profile mcp-conform.toml -- <command>`.
# Lines that begin with `# ` and a key are suggestions: take the mark away.
# All tables and keys: docs/profile.md in the repository of mcp-conform.

# Any option, by its name on the command line, which goes before what is said here.
[options]
# revision = \"all\"                # every revision that the server accepts; default: the newest of each era
# strict = true                   # a violated SHOULD fails the run, too
# tools = \"none\"                  # none, read-only (default), all, or a pattern
# skip = [\"stdio/*\"]              # requirements and cases that are not judged
# timeout = \"20s\"                 # how long a reply may take
# startup-timeout = \"2m\"          # how long the server may take to start
# env = { API_KEY = \"${API_KEY}\" }
# junit = \"mcp.xml\"
# snapshot = \"mcp-snapshots\"

# Findings that are accepted for now, with a reason each (or in a file of their own: --baseline, --write-baseline).
# [[accepted]]
# requirement = \"tools.call.unknown-tool-error\"
# reason = \"mended in the next release\"
# expires = \"2027-01-31\"
";

const TAIL: &str = "
# What only you can know shows more. In [tools.NAME]: slow, gives_up, handle, remembers, identity, reads, once; in [prompts.NAME]: fails.
# [resources]
# outside = \"file:///etc/hostname\"  # a harmless file that the server does not offer
# failing = \"db://dropped-table\"    # a resource whose handler fails
# fetch = true                      # listed https resources may be fetched from here

# Several servers in one report: `mcp-conform config mcp-conform.toml`.
# [servers.local]
# command = [\"node\", \"dist/index.js\"]
# [servers.web]                                  # once for each combination of the matrix
# command = [\"node\", \"dist/http.js\", \"--port\", \"{port}\", \"--mode\", \"{mode}\"]
# url = \"http://127.0.0.1:{port}/mcp\"            # {port} is a free port
# matrix = { mode = [\"plain\", \"cached\"] }
# options = { revision = [\"2025-11-25\"] }
";

/// The profile as TOML. Texts of the server are data: they can end neither a comment nor a value.
pub fn suggest(offer: &Offer, policy: &Policy) -> String {
    let list = |key: &str| offer.surface[key].as_array().cloned().unwrap_or_default();
    let tools = list("tools");
    let tools: String = tools.iter().filter_map(|tool| of_tool(tool, &tools, policy)).collect();
    let prompts: String = list("prompts").iter().filter_map(|prompt| of_prompt(prompt, policy)).collect();
    let section =
        |title: &str, body: String| if body.is_empty() { body } else { format!("\n{title}\n{body}") };
    let tools = section(
        "# Tools: which may be called, and with what. Without arguments, they are made up from the schema.",
        tools,
    );
    let prompts = section("# Prompts: what they are asked for with.", prompts);
    format!("{HEAD}{tools}{prompts}{TAIL}")
}

fn of_tool(tool: &Value, offered: &[Value], policy: &Policy) -> Option<String> {
    let entry = tool_entry(tool, policy)?;
    let (head, rest) = entry.split_once('\n')?;
    let mark = if policy.may_call(tool, offered) { "" } else { "# " };
    let rest: String = rest.lines().map(|line| format!("# {line}\n")).collect();
    Some(format!("\n{}{mark}{head}\n{rest}", about(tool)))
}

/// The entry that allows a tool, with arguments that fit its schema.
pub fn tool_entry(tool: &Value, policy: &Policy) -> Option<String> {
    let name = tool["name"].as_str()?;
    let arguments = policy.arguments(tool).map_or_else(|| "{}".to_owned(), |arguments| inline(&arguments));
    let why = match tool["annotations"]["readOnlyHint"] == true {
        true => "it says that it is read-only",
        false => "it does not say that it is read-only: allow it if a call does no harm",
    };
    Some(format!("[tools.{}]\nallow = true  # {why}\narguments = {arguments}\n", key(name)))
}

fn of_prompt(prompt: &Value, policy: &Policy) -> Option<String> {
    let name = prompt["name"].as_str()?;
    if prompt["arguments"].as_array().is_none_or(Vec::is_empty) {
        return None;
    }
    let arguments = inline(&policy.prompt_arguments(prompt));
    Some(format!("\n{}[prompts.{}]\n# arguments = {arguments}\n", about(prompt), key(name)))
}

/// The first line of the description, as a comment.
fn about(thing: &Value) -> String {
    let said = ["description", "title"].iter().find_map(|key| thing[*key].as_str());
    let line = said.and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
    line.map(|line| format!("# {}\n", text::brief(line.trim(), 100))).unwrap_or_default()
}

fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A basic string: what JSON escapes, TOML understands; what is invisible is escaped, too.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if text::is_unsafe(c) => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    };
    // What is a mark to a CI job is none to TOML when it is escaped.
    format!("\"{}\"", text::disarm_marks(&text.chars().map(escape).collect::<String>()))
}

/// A value on one line. TOML knows no null: such members are left out.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, field)| !field.is_null());
            let fields: Vec<String> =
                given.map(|(name, field)| format!("{} = {}", key(name), inline(field))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_toml_again() {
        let value = json!({"a b": "x\"\\\n\u{1b}\u{202e}é", "list": [1, 2.5, true, {"deep": []}], "none": null, "o": {}});
        let read: toml::Value = toml::from_str(&format!("v = {}", inline(&value))).unwrap();
        let read = serde_json::to_value(&read["v"]).unwrap();
        assert_eq!(read["a b"], value["a b"]);
        assert_eq!(read["list"], value["list"]);
        assert!(read.get("none").is_none());
    }
}
