//! `smithery.yaml`: the command is made by a JavaScript function from the configuration; node runs it.

use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Config, Entry};
use crate::catalogue::yaml;
use crate::sample;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "startCommand")]
    start: Option<Start>,
    runtime: Option<String>,
}

#[derive(Deserialize)]
struct Start {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "configSchema", default)]
    schema: Value,
    #[serde(rename = "exampleConfig", default)]
    example: Value,
    #[serde(rename = "commandFunction")]
    function: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Map<String, Value>,
}

/// Reads a file. The error reads after the name of the file.
pub fn parse(text: &str) -> Result<Config, String> {
    let file: File = yaml(text).map_err(|error| format!(": not a smithery.yaml: {error}"))?;
    let (function, start) = match file.start {
        Some(Start { function: Some(function), kind, schema, example })
            if kind.as_deref() != Some("http") =>
        {
            (function, (schema, example))
        }
        Some(_) => return Err(built("the server listens in a container")),
        None if file.runtime.is_some() => return Err(built("Smithery builds the server")),
        None => return Err(": it has no `startCommand`".to_owned()),
    };
    let made = make(&function, &settings(&start.0, start.1)?)?;
    let env = made.env.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((name, text)),
        other => Some((name, other.to_string())),
    });
    let command = std::iter::once(made.command).chain(made.args).collect();
    let name = "smithery".to_owned();
    let entry = Entry { origin: name.clone(), name, command, env: env.collect(), ..Entry::default() };
    Ok(Config { servers: vec![entry], inputs: Vec::new() })
}

fn built(why: &str) -> String {
    format!(
        ": {why}, so the file names no command; start it yourself: `mcp-conform http 'http://127.0.0.1:{{port}}/mcp' -- <command>`"
    )
}

/// The configuration that the function gets: the example, else what the schema demands.
fn settings(schema: &Value, example: Value) -> Result<Value, String> {
    if example.is_object() {
        return Ok(example);
    }
    if !schema.is_object() {
        return Ok(Value::Object(Map::new()));
    }
    sample::valid(schema).ok_or_else(|| {
        ": no configuration could be made up from `configSchema`; give one in `exampleConfig`".to_owned()
    })
}

/// Runs the function in node.
fn make(function: &str, config: &Value) -> Result<Made, String> {
    let script = format!("process.stdout.write(JSON.stringify(({function})({config})))");
    let output = Command::new("node").args(["-e", &script]).stdin(Stdio::null()).output().map_err(|error| {
        format!(": `commandFunction` is JavaScript, and node cannot be run ({error}); say `mcp-conform stdio -- <command>`")
    })?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let line = errors.lines().find(|line| line.contains("Error")).unwrap_or("it failed");
        return Err(format!(": `commandFunction`: {line}"));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!(": `commandFunction` must return {{ command, args, env }}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_smithery_builds_are_explained() {
        let wrong = |text: &str| parse(text).unwrap_err();
        assert!(wrong("runtime: typescript\n").contains("mcp-conform http"));
        assert!(wrong("startCommand:\n  type: http\n").contains("container"));
        assert!(wrong("build: {}\n").contains("startCommand"));
    }
}
