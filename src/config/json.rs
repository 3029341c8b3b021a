//! `mcpServers` of `.mcp.json`, Claude Desktop and Cursor; `servers` and `inputs` of VS Code.

use serde_json::{Map, Value};

use super::{Config, Entry, Input, jsonc};

/// Where the servers stand, by program.
const PLACES: [&str; 5] = ["/mcpServers", "/servers", "/mcp/servers", "/context_servers", "/mcp/mcpServers"];
/// What the address is called.
const ADDRESSES: [&str; 3] = ["url", "serverUrl", "httpUrl"];

/// What the transport is called.
const KINDS: [&str; 3] = ["type", "transport", "transportType"];

/// Reads a file. The error reads after the name of the file.
pub fn parse(text: &str) -> Result<Config, String> {
    let file: Value = serde_json::from_str(&jsonc::plain(text))
        .map_err(|error| format!(":{}:{}: not JSON: {error}", error.line(), error.column()))?;
    let servers = PLACES.iter().find_map(|place| file.pointer(place)?.as_object());
    let Some(servers) = servers else {
        return Err(format!(
            ": neither `mcpServers` (.mcp.json, Claude Desktop, Cursor) nor `servers` (VS Code){}",
            found(&file)
        ));
    };
    let servers = servers.iter().map(|(name, entry)| read(name, entry));
    let inputs = file["inputs"].as_array().or_else(|| file.pointer("/mcp/inputs")?.as_array());
    Ok(Config {
        servers: servers.collect::<Result<_, _>>()?,
        inputs: inputs.into_iter().flatten().filter_map(input).collect(),
    })
}

fn found(file: &Value) -> String {
    match file.as_object().filter(|fields| !fields.is_empty()) {
        Some(fields) => {
            let keys: Vec<String> =
                fields.keys().take(8).map(|key| format!("`{}`", key.escape_debug())).collect();
            format!(" is in it, but {}", keys.join(", "))
        }
        None => " is in it".to_owned(),
    }
}

fn read(name: &str, entry: &Value) -> Result<Entry, String> {
    let wrong = |problem: String| format!(": server `{}`: {problem}", name.escape_debug());
    let fields = entry.as_object().ok_or_else(|| wrong("it must be an object".to_owned()))?;
    let entry = fill(name, fields).map_err(wrong)?;
    match (&entry.url, entry.command.is_empty()) {
        (None, true) => Err(wrong("it has neither `command` nor `url`".to_owned())),
        (Some(_), false) => Err(wrong("it has both `command` and `url`".to_owned())),
        _ => Ok(entry),
    }
}

fn fill(name: &str, fields: &Map<String, Value>) -> Result<Entry, String> {
    let mut command = Vec::from_iter(text(fields, "command")?);
    if !command.is_empty() {
        command.extend(texts(fields, "args")?);
    }
    let is = |key: &str| fields.get(key).and_then(Value::as_bool);
    let mut url = None;
    for key in ADDRESSES {
        url = url.or(text(fields, key)?);
    }
    let is_sse = |key: &&str| fields.get(*key).is_some_and(|kind| kind == "sse");
    Ok(Entry {
        name: name.to_owned(),
        origin: name.to_owned(),
        command,
        env: pairs(fields, "env")?,
        env_file: text(fields, "envFile")?,
        cwd: text(fields, "cwd")?,
        url,
        sse: KINDS.iter().any(is_sse),
        headers: pairs(fields, "headers")?,
        disabled: is("disabled") == Some(true) || is("enabled") == Some(false),
    })
}

fn text(fields: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` must be a text")),
    }
}

fn texts(fields: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`{key}` must be a list of texts");
    match fields.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| scalar(item).ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

fn pairs(fields: &Map<String, Value>, key: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("`{key}` must be an object of texts");
    match fields.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(pairs)) => pairs
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| Ok((name.clone(), scalar(value).ok_or_else(wrong)?)))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// Numbers and flags are often written without quotes.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn input(input: &Value) -> Option<Input> {
    let first_option = || input["options"].get(0).filter(|_| input["type"] == "pickString");
    let default = input.get("default").or_else(first_option).and_then(Value::as_str);
    Some(Input {
        id: input["id"].as_str()?.to_owned(),
        about: input["description"].as_str().map(str::to_owned),
        value: default.filter(|text| !text.is_empty()).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_all_editors_are_read() {
        let claude =
            parse(r#"{"mcpServers": {"a": {"command": "npx", "args": ["-y", "x", 3], "env": {"N": 1}}}}"#);
        let entry = &claude.unwrap().servers[0];
        assert_eq!(entry.command, ["npx", "-y", "x", "3"]);
        assert_eq!(entry.env, [("N".to_owned(), "1".to_owned())]);
        let code = parse(
            r#"{"inputs": [{"type": "pickString", "id": "where", "options": ["eu", "us"]}],
                "servers": {"b": {"type": "http", "url": "https://${input:where}.example", "headers": {"X": "y"}}}}"#,
        )
        .unwrap();
        assert_eq!(code.servers[0].url.as_deref(), Some("https://${input:where}.example"));
        assert_eq!(code.inputs[0].value.as_deref(), Some("eu"));
        assert!(
            parse(r#"{"mcpServers": {"c": {"serverUrl": "http://x", "disabled": true}}}"#).unwrap().servers
                [0]
            .disabled
        );
    }

    #[test]
    fn the_transport_of_an_address_is_read() {
        let text = r#"{"mcpServers": {
            "a": {"type": "sse", "url": "http://x/sse"}, "b": {"transportType": "sse", "url": "http://x/sse"},
            "c": {"type": "http", "url": "http://x/mcp"}, "d": {"url": "http://x/sse"}, "e": {"command": "x"}}}"#;
        let servers = parse(text).unwrap().servers;
        assert_eq!(
            servers.iter().map(|entry| entry.sse).collect::<Vec<_>>(),
            [true, true, false, false, false]
        );
    }

    #[test]
    fn mistakes_name_the_server_and_the_key() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert!(wrong("{\n \"mcpServers\" 1}").starts_with(":2:"));
        assert!(wrong(r#"{"mcpServer": {}}"#).contains("but `mcpServer`"));
        assert_eq!(wrong(r#"{"mcpServers": {"a": {}}}"#), ": server `a`: it has neither `command` nor `url`");
        assert!(
            wrong(r#"{"mcpServers": {"a": {"command": "x", "args": "y"}}}"#)
                .contains("`args` must be a list")
        );
        assert!(wrong(r#"{"mcpServers": {"a": {"command": "x", "env": {"K": {}}}}}"#).contains("`env`"));
    }
}
