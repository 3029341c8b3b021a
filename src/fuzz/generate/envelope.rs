//! Messages that break JSON-RPC as a whole.

use serde_json::{Value, json};

use super::context::Context;

/// How many there are.
const ODDITIES: usize = 24;

/// One of them, with its name; any number is good.
pub(super) fn oddity(context: &Context, n: usize) -> (String, Value) {
    match n % ODDITIES {
        22.. => wrong_member(context, n / ODDITIES),
        _ => {
            let (name, message) = known(context, n);
            (name.to_owned(), message)
        }
    }
}

/// A request one of whose members is missing or of another type: each member with each type.
fn wrong_member(context: &Context, n: usize) -> (String, Value) {
    const MEMBERS: [&str; 4] = ["jsonrpc", "id", "method", "params"];
    let values = [
        ("null", json!(null)),
        ("true", json!(true)),
        ("a number", json!(7)),
        ("a text", json!("mcp-conform")),
        ("an array", json!([])),
        ("an object", json!({})),
    ];
    let member = MEMBERS[n % MEMBERS.len()];
    let n = n / MEMBERS.len();
    let mut message = context.message(context.request(n / (values.len() + 1)), true);
    match values.get(n % (values.len() + 1)) {
        Some((name, value)) => {
            message[member] = value.clone();
            (format!("made {member} {name}"), message)
        }
        None => {
            message.as_object_mut().and_then(|members| members.shift_remove(member));
            (format!("removed {member}"), message)
        }
    }
}

fn known(context: &Context, n: usize) -> (&'static str, Value) {
    let request = || context.message(context.request(n / ODDITIES), true);
    let with = |name: &str, value: Value| {
        let mut message = request();
        message[name] = value;
        message
    };
    match n % ODDITIES {
        0 => (
            "a response that nobody asked for",
            json!({"jsonrpc": "2.0", "id": "mcp-conform-none", "result": {}}),
        ),
        1 => (
            "an error that nobody asked for",
            json!({"jsonrpc": "2.0", "id": 999_999, "error": {"code": 1, "message": "x"}}),
        ),
        2 => ("an empty object", json!({})),
        3 => ("an empty batch", json!([])),
        4 => ("a batch", json!([request(), request()])),
        5 => ("a batch of scalars", json!([1, null, "x"])),
        6 => ("an id that is null", with("id", Value::Null)),
        7 => ("an id that is a fraction", with("id", json!(1.5))),
        8 => ("an id that is an object", with("id", json!({}))),
        9 => ("an id that is an empty text", with("id", json!(""))),
        10 => ("a very long id", with("id", json!("i".repeat(10_000)))),
        11 => ("an id beyond 2^53", with("id", json!(9_007_199_254_740_993_u64))),
        12 => ("an id that is true", with("id", json!(true))),
        13 => ("an id that is an array", with("id", json!([1]))),
        14 => ("a negative id", with("id", json!(-7))),
        15 => ("a request with a result", with("result", json!({}))),
        16 => ("a request with an error", with("error", json!({"code": 1, "message": "x"}))),
        17 => ("a request that is named a notification", with("method", json!("notifications/initialized"))),
        18 => {
            ("a notification that is named a request", context.message(context.request(n / ODDITIES), false))
        }
        19 => ("the id of a response as an object", json!({"jsonrpc": "2.0", "id": {}, "result": {}})),
        20 => ("a nested batch", json!([[request()]])),
        // Where there is no handshake, this would switch a server of both eras to the older one.
        _ if context.revision.is_handshake() => ("a second initialize", initialize(context)),
        _ => ("an unknown method", with("method", json!("mcp-conform/fuzz"))),
    }
}

/// A legal `initialize`.
pub(super) fn initialize(context: &Context) -> Value {
    let client = crate::session::client_info();
    json!({"jsonrpc": "2.0", "id": "${id}", "method": "initialize",
        "params": {"protocolVersion": context.revision, "capabilities": {}, "clientInfo": client}})
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::protocol::Revision;

    #[test]
    fn each_member_is_left_out_and_of_each_type() {
        let context = Context::generic(Revision::V2025_11_25);
        let names: HashSet<String> = (0..4000).map(|n| oddity(&context, n).0).collect();
        for member in ["jsonrpc", "id", "method", "params"] {
            let wanted = ["null", "true", "a number", "a text", "an array", "an object"];
            let made = wanted.map(|kind| format!("made {member} {kind}"));
            let missing: Vec<_> = made
                .into_iter()
                .chain([format!("removed {member}")])
                .filter(|name| !names.contains(name))
                .collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }
}
