//! A plain server of any size, over standard input and output.

use std::io::{BufRead, Write, stdin, stdout};

use serde_json::{Value, json};

struct Server {
    tools: usize,
    resources: usize,
    /// Tools on a page.
    page: usize,
    /// Length of a tool's answer, in bytes.
    length: usize,
}

/// Serves until the end of input.
pub fn serve(axis: &str, size: usize) {
    let plain = Server { tools: 5, resources: 5, page: usize::MAX, length: 20 };
    let server = match axis {
        "tools" => Server { tools: size, ..plain },
        "resources" => Server { resources: size, ..plain },
        "pages" => Server { tools: size, page: 1, ..plain },
        "message" => Server { tools: 1, length: size * 1000, ..plain },
        _ => plain,
    };
    for line in stdin().lock().lines().map_while(Result::ok) {
        if let Some(reply) = server.reply(&line) {
            let mut out = stdout().lock();
            writeln!(out, "{reply}").and_then(|()| out.flush()).expect("written");
        }
    }
}

impl Server {
    fn reply(&self, line: &str) -> Option<Value> {
        let error = |id: Value, code: i64| json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}});
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            return Some(error(Value::Null, -32700));
        };
        let id = message.get("id").filter(|id| id.is_string() || id.is_number())?.clone();
        Some(match self.result(message["method"].as_str()?, &message["params"]) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(code) => error(id, code),
        })
    }

    fn result(&self, method: &str, params: &Value) -> Result<Value, i64> {
        Ok(match method {
            "initialize" => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}, "resources": {}},
                "serverInfo": {"name": "growing", "version": "1"},
            }),
            "ping" => json!({}),
            "tools/list" => self.tools(params)?,
            "tools/call" => self.call(params)?,
            "resources/list" => {
                json!({"resources": (0..self.resources).map(resource).collect::<Vec<_>>()})
            }
            "resources/templates/list" => json!({"resourceTemplates": []}),
            "resources/read" => {
                let known = (0..self.resources).map(resource).find(|known| known["uri"] == params["uri"]);
                let known = known.ok_or(-32002)?;
                json!({"contents": [{"uri": known["uri"], "text": "a text"}]})
            }
            _ => return Err(-32601),
        })
    }

    fn tools(&self, params: &Value) -> Result<Value, i64> {
        let start: usize = match &params["cursor"] {
            Value::Null => 0,
            cursor => cursor
                .as_str()
                .and_then(|text| text.parse().ok())
                .filter(|at| *at < self.tools)
                .ok_or(-32602)?,
        };
        let end = start.saturating_add(self.page).min(self.tools);
        let mut page = json!({"tools": (start..end).map(tool).collect::<Vec<_>>()});
        if end < self.tools {
            page["nextCursor"] = end.to_string().into();
        }
        Ok(page)
    }

    fn call(&self, params: &Value) -> Result<Value, i64> {
        let is_known = (0..self.tools).any(|number| params["name"] == tool(number)["name"]);
        let is_right = params["arguments"]["query"].is_string();
        match (is_known, is_right) {
            (false, _) => Err(-32602),
            (true, false) => {
                Ok(json!({"content": [{"type": "text", "text": "query is missing"}], "isError": true}))
            }
            (true, true) => Ok(json!({"content": [{"type": "text", "text": "x".repeat(self.length)}]})),
        }
    }
}

fn tool(number: usize) -> Value {
    json!({
        "name": format!("search-{number}"),
        "description": "Searches for something, and tells what it found in a few words.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "what to search for", "maxLength": 100},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
            },
            "required": ["query"],
        },
        "annotations": {"readOnlyHint": true},
    })
}

fn resource(number: usize) -> Value {
    json!({"uri": format!("memo://{number}"), "name": format!("memo {number}"), "mimeType": "text/plain"})
}
