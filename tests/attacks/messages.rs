//! Attacks by what a server says.

use std::iter;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::attack::Deed::{Says, Writes};
use crate::attack::{Act, Asked, Attack, attack, on, with};
use crate::peer::{tool, tools};

/// Where two codes are right, 4 says that the run was cut short, and 1 that an answer took longer than the patience of a few
/// hundred milliseconds, which is a violation.
pub const ATTACKS: &[Attack] = &[
    attack("nothing", Says(|_| Act::Well), &[0]),
    // Too much.
    attack(
        "an endless line instead of a list",
        Says(|asked| on(asked, "tools/list", || Act::endless(vec![b'x'; 65_536]))),
        &[1, 4],
    ),
    attack(
        "an endless line at once",
        Says(|asked| on(asked, "initialize", || Act::endless(vec![b'x'; 65_536]))),
        &[3],
    ),
    attack("endless lines at once", Writes(|_| Act::endless("y\n".repeat(10_000))), &[3]),
    attack("endless empty lines", Writes(|_| Act::endless("\n".repeat(10_000))), &[3]),
    attack("endless NUL bytes", Writes(|_| Act::endless(vec![0; 65_536])), &[3]),
    attack("a gigabyte in one message", Says(|asked| on(asked, "tools/list", || gigabyte(asked))), &[1, 4]),
    attack(
        "messages of a megabyte without end",
        Writes(|asked| {
            on(asked, "tools/list", || {
                Act::endless(format!(
                    "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"{}\"}}}}\n",
                    "x".repeat(1 << 20)
                ))
            })
        }),
        &[1],
    ),
    attack(
        "a flood of notifications",
        Writes(|asked| on(asked, "tools/list", || Act::endless(notification().repeat(100)))),
        &[1],
    ),
    attack(
        "a flood of requests to us",
        Writes(|asked| on(asked, "tools/list", || Act::endless(ping().repeat(100)))),
        &[1],
    ),
    attack(
        "a flood of questions for a list of roots",
        Writes(|asked| on(asked, "tools/list", || Act::endless(roots().repeat(100)))),
        &[1],
    ),
    attack(
        "a flood of replies that nobody asked for",
        Writes(|asked| on(asked, "tools/list", || Act::endless(reply().repeat(100)))),
        &[1],
    ),
    attack(
        "a flood after the last reply",
        Writes(|asked| after(asked, "tools/list", notification().repeat(100))),
        &[1],
    ),
    attack(
        "a batch of 300,000 requests to us",
        Says(|asked| on(asked, "tools/list", || Act::bytes(batch(300_000)))),
        &[1, 4],
    ),
    attack(
        "30 million numbers in one message",
        Says(|asked| on(asked, "tools/list", || numbers(30_000_000))),
        &[1, 4],
    ),
    attack(
        "an object with 200,000 equal keys",
        Says(|asked| on(asked, "tools/list", || equal_keys(asked))),
        &[4],
    ),
    attack("a number of 200,000 digits", Says(|asked| on(asked, "tools/list", || digits(asked))), &[0]),
    attack(
        "a million nested arrays",
        Says(|asked| on(asked, "tools/list", || nested(asked, 1_000_000))),
        &[4],
    ),
    attack(
        "a million nested arrays at once",
        Says(|asked| on(asked, "initialize", || nested(asked, 1_000_000))),
        &[3],
    ),
    attack("500 nested arrays", Says(|asked| on(asked, "tools/list", || nested(asked, 500))), &[0]),
    // Lists.
    attack(
        "pagination without end",
        Says(|asked| {
            page(asked, |asked| {
                json!(format!("{}x", asked.message["params"]["cursor"].as_str().unwrap_or_default()))
            })
        }),
        &[0],
    ),
    attack(
        "pagination in a circle",
        Says(|asked| {
            page(
                asked,
                |asked| if asked.message["params"]["cursor"] == "a" { json!("b") } else { json!("a") },
            )
        }),
        &[0],
    ),
    attack("a cursor of 3 megabytes", Says(|asked| page(asked, |_| json!("c".repeat(3 << 20)))), &[1, 4]),
    attack("100,000 tools", Says(|asked| on(asked, "tools/list", || many_tools(asked))), &[1, 4]),
    attack(
        "a tool of 10 megabytes",
        Says(|asked| {
            on(asked, "tools/list", || {
                Act::Result(tools(json!([tool(&"n".repeat(10 << 20), json!({"type": "object"}))])))
            })
        }),
        &[1, 4],
    ),
    attack("a server with a name of 100 kilobytes", Says(|asked| name(asked, &"n\n".repeat(50_000))), &[0]),
    // Texts.
    attack(
        "characters that XML forbids",
        Says(|asked| name(asked, "\u{0}\u{1}\u{b}\u{fffe}\u{ffff}]]>&<x>")),
        &[0],
    ),
    attack(
        "escapes for terminals",
        Says(|asked| {
            name(asked, "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\n::error::fooled\n##[error]fooled")
        }),
        &[0],
    ),
    with(
        "tools named like paths",
        Says(|asked| {
            on(asked, "tools/list", || {
                Act::Result(tools(
                    ["../../etc/x", "/etc/x", "..", "a/../../b", "con", "\u{0}", "~root"]
                        .iter()
                        .map(|name| tool(name, json!({"type": "object"})))
                        .collect(),
                ))
            })
        }),
        &[0],
        &["--snapshot", "snapshot", "--transcript", "wire"],
    ),
    with(
        "a server named like a path",
        Says(|asked| name(asked, "../../../../etc/x")),
        &[0],
        &["--snapshot", "snapshot", "--transcript", "wire"],
    ),
    attack(
        "half of a character",
        Says(|asked| {
            on(asked, "tools/list", || {
                Act::bytes(
                    [
                        &b"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"\xc3"[..],
                        b"\"}]}}\n",
                    ]
                    .concat(),
                )
            })
        }),
        &[1],
    ),
    attack(
        "half of a surrogate pair",
        Says(|asked| {
            on(asked, "tools/list", || {
                Act::bytes("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"\\ud800\"}]}}\n")
            })
        }),
        &[1],
    ),
    attack(
        "replies to requests that were never made",
        Writes(|asked| {
            if asked.is_request() {
                Act::bytes(
                    (0..5_000)
                        .map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n"))
                        .collect::<String>(),
                )
            } else {
                Act::Nothing
            }
        }),
        &[1, 3, 4],
    ),
    // Time.
    attack(
        "silence after the handshake",
        Says(|asked| if asked.method == "initialize" { Act::Well } else { Act::Nothing }),
        &[1],
    ),
    attack("silence from the beginning", Says(|_| Act::Nothing), &[3]),
    attack(
        "a byte at a time",
        Says(|asked| {
            on(asked, "tools/list", || {
                Act::Bytes(Box::new(iter::repeat_with(|| {
                    sleep(Duration::from_millis(20));
                    b" ".to_vec()
                })))
            })
        }),
        &[1],
    ),
    // With the fuzzer.
    with(
        "an endless line for what is malformed",
        Writes(|asked| if is_well(asked) { Act::Well } else { Act::endless(vec![b'x'; 65_536]) }),
        &[1],
        FUZZED,
    ),
    with(
        "a flood for what is malformed",
        Writes(|asked| if is_well(asked) { Act::Well } else { Act::endless(notification().repeat(100)) }),
        &[1],
        FUZZED,
    ),
    with(
        "an end for what is malformed",
        Writes(|asked| if is_well(asked) { Act::Well } else { Act::Exit }),
        &[1],
        FUZZED,
    ),
    with(
        "silence for what is malformed",
        Says(|asked| if is_well(asked) { Act::Well } else { Act::Nothing }),
        &[1],
        FUZZED,
    ),
    with(
        "100,000 tools for the fuzzer",
        Writes(|asked| on(asked, "tools/list", || many_tools(asked))),
        &[4],
        FUZZED,
    ),
];

const FUZZED: &[&str] = &["--fuzz-cases", "50"];

fn is_well(asked: &Asked) -> bool {
    let known = ["initialize", "ping", "tools/list", "notifications/initialized", "logging/setLevel"];
    known.contains(&asked.method.as_str())
        && (asked.message["params"].is_object() || asked.message.get("params").is_none())
}

fn notification() -> String {
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"x\"}}\n".to_owned()
}

fn reply() -> String {
    "{\"jsonrpc\":\"2.0\",\"id\":77777,\"result\":{}}\n".to_owned()
}

fn ping() -> String {
    "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n".to_owned()
}

fn roots() -> String {
    "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}\n".to_owned()
}

fn after(asked: &Asked, method: &str, flood: String) -> Act {
    on(asked, method, || {
        let mut reply = asked.reply(tools(json!([])));
        reply.push(b'\n');
        Act::Bytes(Box::new(iter::once(reply).chain(iter::repeat(flood.into_bytes()))))
    })
}

fn batch(length: usize) -> String {
    format!("[{}]\n", vec![ping().trim_end(); length].join(","))
}

fn gigabyte(asked: &Asked) -> Act {
    let head =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"tools\":[],\"x\":\"", asked.message["id"]);
    let body = iter::repeat_n(vec![b'x'; 1 << 20], 1 << 10);
    Act::Bytes(Box::new(iter::once(head.into_bytes()).chain(body).chain(iter::once(b"\"}}\n".to_vec()))))
}

fn numbers(count: usize) -> Act {
    let body = iter::repeat_n("1,".repeat(1_000).into_bytes(), count / 1_000);
    Act::Bytes(Box::new(iter::once(b"[".to_vec()).chain(body).chain(iter::once(b"1]\n".to_vec()))))
}

fn around(asked: &Asked, inner: &str) -> Act {
    Act::bytes(format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"tools\":[],\"x\":{inner}}}}}\n",
        asked.message["id"]
    ))
}

fn equal_keys(asked: &Asked) -> Act {
    around(asked, &format!("{{{}}}", vec!["\"a\":1"; 200_000].join(",")))
}

fn digits(asked: &Asked) -> Act {
    around(asked, &"9".repeat(200_000))
}

fn nested(asked: &Asked, depth: usize) -> Act {
    around(asked, &format!("{}{}", "[".repeat(depth), "]".repeat(depth)))
}

fn many_tools(asked: &Asked) -> Act {
    let tool = |n| {
        format!(
            "{{\"name\":\"t{n}\",\"inputSchema\":{{\"type\":\"object\"}},\"annotations\":{{\"readOnlyHint\":true}}}}"
        )
    };
    let tools = (0..100_000).map(tool).collect::<Vec<_>>().join(",");
    Act::bytes(format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"tools\":[{tools}]}}}}\n",
        asked.message["id"]
    ))
}

fn page(asked: &Asked, next: fn(&Asked) -> Value) -> Act {
    on(asked, "tools/list", || {
        Act::Result(json!({"tools": [tool("echo", json!({"type": "object"}))], "nextCursor": next(asked)}))
    })
}

fn name(asked: &Asked, name: &str) -> Act {
    if !asked.message["params"]["protocolVersion"].is_string() {
        return Act::Well;
    }
    on(asked, "initialize", || {
        Act::Result(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": name, "version": name},
            "instructions": name,
        }))
    })
}
