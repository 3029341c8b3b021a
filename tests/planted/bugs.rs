//! The bugs, shallow to deep.

use mcp_conform::fuzz::Kind;
use serde_json::{Value, json};

use super::{Deed, Line, Planted, State};

const fn bug(
    name: &'static str,
    kind: Kind,
    minimum: usize,
    act: fn(&mut State, Line<'_>) -> Deed,
) -> Planted {
    Planted { name, kind, minimum, deep: false, act }
}

const fn deep(
    name: &'static str,
    kind: Kind,
    minimum: usize,
    act: fn(&mut State, Line<'_>) -> Deed,
) -> Planted {
    Planted { name, kind, minimum, deep: true, act }
}

/// A bug in reading the bytes of a line.
fn on_bytes(line: &Line<'_>, is_bad: impl Fn(&[u8]) -> bool, deed: Deed) -> Deed {
    match line {
        Line::In(bytes, _) if is_bad(bytes) => deed,
        _ => Deed::Pass,
    }
}

/// A bug in reading a message.
fn on_message(line: &Line<'_>, is_bad: impl Fn(&Value) -> bool, deed: Deed) -> Deed {
    match line {
        Line::In(_, Some(message)) if is_bad(message) => deed,
        _ => Deed::Pass,
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn method(message: &Value) -> &str {
    message["method"].as_str().unwrap_or_default()
}

fn is_request(message: &Value) -> bool {
    message["method"].is_string() && (message["id"].is_string() || message["id"].is_i64())
}

fn depth(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'[').count()
}

/// A chain of errors in a certain order: each step shows another code, anything else begins anew, the last one kills.
fn chain(state: &mut State, line: Line<'_>, steps: &[&str]) -> Deed {
    match line {
        Line::In(_, Some(message)) if is_request(message) => {
            state.kept[message["id"].to_string()] = message["method"].clone();
            Deed::Pass
        }
        Line::Out(reply) if reply.get("error").is_some() && !reply["id"].is_null() => {
            let asked = state.kept[reply["id"].to_string()].as_str().unwrap_or_default().to_owned();
            if asked != steps[state.step] {
                state.step = 0;
                return Deed::Pass;
            }
            state.step += 1;
            if state.step == steps.len() {
                return Deed::Die;
            }
            let mut other = reply.clone();
            other["error"]["code"] = json!(-31000 - i64::try_from(state.step).unwrap_or(0));
            Deed::Instead(other)
        }
        _ => Deed::Pass,
    }
}

pub const BUGS: &[Planted] = &[
    bug("a byte that is not UTF-8", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| std::str::from_utf8(bytes).is_err(), Deed::Die)
    }),
    bug("a NUL byte", Kind::Crash, 1, |_, line| on_bytes(&line, |bytes| bytes.contains(&0), Deed::Die)),
    bug("a byte order mark", Kind::Hang, 1, |_, line| {
        on_bytes(&line, |bytes| bytes.starts_with(b"\xef\xbb\xbf"), Deed::Deafen)
    }),
    bug("a carriage return", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| bytes.contains(&b'\r'), Deed::Die)
    }),
    bug("an empty line", Kind::Crash, 1, |_, line| on_bytes(&line, <[u8]>::is_empty, Deed::Die)),
    bug("a line of spaces", Kind::Hang, 1, |_, line| {
        on_bytes(&line, |bytes| !bytes.is_empty() && bytes.iter().all(|byte| *byte == b' '), Deed::Deafen)
    }),
    bug("a broken line swallows the next", Kind::Desync, 2, |state, line| match line {
        Line::In(..) if std::mem::take(&mut state.step) == 1 => Deed::Drop,
        Line::In(bytes, None) if bytes.starts_with(b"{") => {
            state.step = 1;
            Deed::Pass
        }
        _ => Deed::Pass,
    }),
    bug("two messages on a line", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| has(bytes, b"}{"), Deed::Die)
    }),
    bug("a lone surrogate", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| has(bytes, b"\\ud800"), Deed::Die)
    }),
    bug("a trailing comma", Kind::Hang, 1, |_, line| {
        on_bytes(&line, |bytes| bytes.ends_with(b",}"), Deed::Deafen)
    }),
    bug("a comment", Kind::Crash, 1, |_, line| on_bytes(&line, |bytes| has(bytes, b"/*"), Deed::Die)),
    bug("nested a thousand levels deep", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| depth(bytes) > 1000, Deed::Die)
    }),
    bug("a line of 100,000 letters", Kind::Hang, 1, |_, line| {
        on_bytes(&line, |bytes| bytes.len() > 100_000, Deed::Deafen)
    }),
    bug("a number of 400 digits", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| has(bytes, &[b'9'; 300]), Deed::Die)
    }),
    bug("a repeated key", Kind::Crash, 1, |_, line| {
        on_bytes(
            &line,
            |bytes| has(bytes, b",\"method\":\"ping\"}") && has(&bytes[..bytes.len() - 17], b"\"method\""),
            Deed::Die,
        )
    }),
    bug("single quotes", Kind::Crash, 1, |_, line| {
        on_bytes(&line, |bytes| bytes.starts_with(b"{'"), Deed::Die)
    }),
    bug("an id that is an object", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["id"].is_object(), Deed::Die)
    }),
    bug("an id that is true", Kind::Hang, 1, |_, line| on_message(&line, |m| m["id"] == true, Deed::Deafen)),
    bug("an id that is a fraction", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["id"].is_f64(), Deed::Die)
    }),
    bug("a long id", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["id"].as_str().is_some_and(|id| id.len() > 5000), Deed::Die)
    }),
    bug("an id beyond 2^53 comes back rounded", Kind::WrongId, 1, |_, line| match line {
        Line::Out(reply) if reply["id"].as_u64().is_some_and(|id| id > 1 << 53) => {
            let mut rounded = reply.clone();
            rounded["id"] = json!(9_007_199_254_740_992_u64);
            Deed::Instead(rounded)
        }
        _ => Deed::Pass,
    }),
    bug("a method that is a number", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["method"].is_number(), Deed::Die)
    }),
    bug("params that are null", Kind::Hang, 1, |_, line| {
        on_message(&line, |m| m.get("params").is_some_and(Value::is_null), Deed::Deafen)
    }),
    bug("params that are an array", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["params"].is_array(), Deed::Die)
    }),
    bug("an empty batch", Kind::Crash, 1, |_, line| on_message(&line, |m| *m == json!([]), Deed::Die)),
    bug("a response that nobody asked for", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m.get("result").is_some() && m.get("method").is_none(), Deed::Die)
    }),
    bug("a notification is answered", Kind::WrongId, 1, |_, line| {
        let answer = json!({"jsonrpc": "2.0", "id": 10_000_001, "result": {}});
        on_message(
            &line,
            |m| method(m) == "notifications/progress" && m.get("id").is_none(),
            Deed::Reply(answer),
        )
    }),
    bug("no version in, no version out", Kind::InvalidReply, 1, |_, line| match line {
        Line::Out(reply) if reply["error"]["code"] == -32600 => {
            let mut other = reply.clone();
            other.as_object_mut().map(|members| members.remove("jsonrpc"));
            Deed::Instead(other)
        }
        _ => Deed::Pass,
    }),
    bug("a request that is named a notification", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| method(m).starts_with("notifications/") && m["id"].is_i64(), Deed::Die)
    }),
    bug("a cursor that is no text", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["params"].get("cursor").is_some_and(|cursor| !cursor.is_string()), Deed::Die)
    }),
    bug("metadata that is no object", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["params"].get("_meta").is_some_and(|meta| !meta.is_object()), Deed::Die)
    }),
    bug("a progress token that is an object", Kind::Hang, 1, |_, line| {
        on_message(&line, |m| m["params"]["_meta"]["progressToken"].is_object(), Deed::Deafen)
    }),
    bug("a missing argument is made up", Kind::AcceptedInvalid, 1, |_, line| match line {
        Line::In(_, Some(m)) if m["params"]["name"] == "echo" && m["params"]["arguments"] == json!({}) => {
            let mut other = m.clone();
            other["params"]["arguments"] = json!({"text": "x"});
            Deed::Instead(other)
        }
        _ => Deed::Pass,
    }),
    bug("a file is read for anybody", Kind::Disclosure, 1, |_, line| {
        let path = |m: &Value| m["params"]["uri"].as_str()?.strip_prefix("file://").map(str::to_owned);
        match line {
            Line::In(_, Some(m)) if method(m) == "resources/read" => {
                let text = path(m).and_then(|path| std::fs::read_to_string(path).ok());
                text.map_or(Deed::Pass, |text| {
                    let contents = json!([{"uri": m["params"]["uri"], "text": text}]);
                    Deed::Reply(json!({"jsonrpc": "2.0", "id": m["id"], "result": {"contents": contents}}))
                })
            }
            _ => Deed::Pass,
        }
    }),
    bug("a second initialize", Kind::Crash, 1, |state, line| match line {
        Line::In(_, Some(m)) if method(m) == "initialize" => {
            state.count += 1;
            if state.count > 1 { Deed::Die } else { Deed::Pass }
        }
        _ => Deed::Pass,
    }),
    bug("a cancellation of nothing", Kind::Crash, 1, |_, line| {
        on_message(&line, |m| m["params"]["requestId"] == "mcp-conform-none", Deed::Die)
    }),
    bug("two cancellations in a row", Kind::Hang, 2, |state, line| match line {
        Line::In(_, Some(m)) if method(m) == "notifications/cancelled" => {
            state.count += 1;
            if state.count == 2 { Deed::Deafen } else { Deed::Pass }
        }
        Line::In(..) => {
            state.count = 0;
            Deed::Pass
        }
        Line::Out(_) => Deed::Pass,
    }),
    bug("an id that is used again in flight", Kind::Crash, 2, |state, line| match line {
        Line::In(_, Some(m)) if is_request(m) => {
            let is_open = state.ids.contains(&m["id"]);
            state.ids.push(m["id"].clone());
            if is_open { Deed::Die } else { Deed::Pass }
        }
        Line::Out(reply) => {
            state.ids.retain(|id| *id != reply["id"]);
            Deed::Pass
        }
        Line::In(..) => Deed::Pass,
    }),
    bug("the reply after an error has the id before", Kind::WrongId, 2, |state, line| match line {
        Line::Out(reply) if reply["error"]["code"] == -32700 => {
            state.step = 1;
            Deed::Pass
        }
        Line::Out(reply) if state.step == 1 && reply.get("result").is_some() => {
            state.step = 0;
            let mut other = reply.clone();
            other["id"] = json!(20_000_002);
            Deed::Instead(other)
        }
        _ => Deed::Pass,
    }),
    bug("the tenth list is never answered", Kind::NoReply, 10, |state, line| match line {
        Line::In(_, Some(m)) if method(m) == "prompts/list" && is_request(m) => {
            state.count += 1;
            if state.count == 10 { Deed::Drop } else { Deed::Pass }
        }
        _ => Deed::Pass,
    }),
    bug("eight in flight are one too many", Kind::NoReply, 1, |state, line| match line {
        Line::In(_, Some(m)) if is_request(m) => {
            state.count += 1;
            if state.count == 8 { Deed::Drop } else { Deed::Pass }
        }
        Line::Out(reply) if reply.get("id").is_some() => {
            state.count = 0;
            Deed::Pass
        }
        _ => Deed::Pass,
    }),
    bug("a refused call takes a tool away", Kind::State, 1, |state, line| match line {
        Line::Out(reply) if reply["error"]["code"] == -32602 => {
            state.step = 1;
            Deed::Pass
        }
        Line::Out(reply) if state.step == 1 && reply["result"]["tools"].is_array() => {
            let mut other = reply.clone();
            other["result"]["tools"].as_array_mut().map(Vec::pop);
            Deed::Instead(other)
        }
        _ => Deed::Pass,
    }),
    deep("resource, then prompt", Kind::Crash, 2, |state, line| {
        chain(state, line, &["resources/read", "prompts/get"])
    }),
    deep("prompt, resource, tool", Kind::Crash, 3, |state, line| {
        chain(state, line, &["prompts/get", "resources/read", "tools/call"])
    }),
    deep("completion, level, completion", Kind::Crash, 3, |state, line| {
        chain(state, line, &["completion/complete", "logging/setLevel", "completion/complete"])
    }),
    deep("tool, tool, prompt, tool", Kind::Crash, 4, |state, line| {
        chain(state, line, &["tools/call", "tools/call", "prompts/get", "tools/call"])
    }),
    deep("level, prompt, level, resource", Kind::Crash, 4, |state, line| {
        chain(state, line, &["logging/setLevel", "prompts/get", "logging/setLevel", "resources/read"])
    }),
    deep("subscription, prompt, subscription", Kind::Crash, 3, |state, line| {
        chain(state, line, &["resources/subscribe", "prompts/get", "resources/subscribe"])
    }),
];
