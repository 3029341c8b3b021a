//! Attacks by what an HTTP server does with a connection.

use std::iter;
use std::thread::sleep;
use std::time::Duration;

use crate::attack::Deed::Sends;
use crate::attack::{Act, Asked, Attack, Stream, attack, on, with};

pub const ATTACKS: &[Attack] = &[
    attack(
        "an endless event stream of comments",
        Sends(|asked| on(asked, "tools/list", || events(":\n\n"))),
        &[1],
    ),
    attack(
        "an endless event stream of notifications",
        Sends(|asked| on(asked, "tools/list", || events(NOTIFICATION))),
        &[1],
    ),
    attack(
        "an endless event stream of requests to us",
        Sends(|asked| on(asked, "tools/list", || events(PING))),
        &[1],
    ),
    attack(
        "an endless event",
        Sends(|asked| on(asked, "tools/list", || events("data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"))),
        &[1],
    ),
    attack("an endless empty event", Sends(|asked| on(asked, "tools/list", || events("data\n"))), &[1]),
    attack(
        "an endless line of an event stream",
        Sends(|asked| on(asked, "tools/list", || events("data: xxxxxxxxxxxxxxxx"))),
        // On a quick machine it is cut off as a flood before the reply is late.
        &[1, 4],
    ),
    attack(
        "an endless stream for GET",
        Sends(|asked| if asked.verb == "GET" { events(NOTIFICATION) } else { Act::Well }),
        &[1],
    ),
    attack(
        "streams that end at once and ask to come back at once",
        Sends(|asked| on(asked, "tools/list", || Act::Events(once("retry: 0\nid: 1\n\n")))),
        &[1],
    ),
    attack("a gzip bomb", Sends(|asked| on(asked, "tools/list", bomb)), &[1]),
    attack(
        "a body shorter than it says",
        Sends(|asked| on(asked, "tools/list", || head("Content-Length: 1000", "{}"))),
        &[1],
    ),
    attack(
        "a body longer than it says",
        Sends(|asked| on(asked, "tools/list", || head("Content-Length: 2", "{}{}{}{}"))),
        &[1],
    ),
    attack(
        "a body of an exabyte, it says",
        Sends(|asked| on(asked, "tools/list", || head("Content-Length: 1152921504606846976", "{}"))),
        &[1],
    ),
    attack(
        "a body of less than nothing, it says",
        Sends(|asked| on(asked, "tools/list", || head("Content-Length: -1", "{}"))),
        &[1],
    ),
    attack(
        "two lengths",
        Sends(|asked| on(asked, "tools/list", || head("Content-Length: 2\r\nContent-Length: 7", "{}"))),
        &[1],
    ),
    attack(
        "a length and chunks",
        Sends(|asked| {
            on(asked, "tools/list", || head("Content-Length: 2\r\nTransfer-Encoding: chunked", "5\r\n{}"))
        }),
        &[1],
    ),
    attack(
        "a chunk of an exabyte",
        Sends(|asked| {
            on(asked, "tools/list", || head("Transfer-Encoding: chunked", "fffffffffffffff\r\n{}"))
        }),
        &[1],
    ),
    attack(
        "endless chunk extensions",
        Sends(|asked| {
            on(asked, "tools/list", || {
                flood(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1",
                    ";x=xxxxxxxxxxxxxxx",
                )
            })
        }),
        &[1],
    ),
    attack(
        "endless headers",
        Sends(|asked| {
            on(asked, "tools/list", || flood("HTTP/1.1 200 OK\r\n", "X-Y: zzzzzzzzzzzzzzzzzzzzzzzzz\r\n"))
        }),
        &[1],
    ),
    attack(
        "an endless status line",
        Sends(|asked| on(asked, "tools/list", || flood("HTTP/1.1 200 ", "OK"))),
        &[1],
    ),
    attack(
        "endless interim responses",
        Sends(|asked| on(asked, "tools/list", || flood("", "HTTP/1.1 100 Continue\r\n\r\n"))),
        &[1],
    ),
    attack("another protocol", Sends(|_| Act::raw("SSH-2.0-OpenSSH_9.6\r\n")), &[3]),
    attack("a close without a word", Sends(|_| Act::Close), &[3]),
    attack("a close instead of a list", Sends(|asked| on(asked, "tools/list", || Act::Close)), &[0, 1]),
    attack("a session id of 100 kilobytes", Sends(session), &[0, 1]),
    attack(
        "a redirect elsewhere at once",
        Sends(|asked| redirect("307 Temporary Redirect", &format!("{}/mcp", asked.trap))),
        &[3],
    ),
    attack(
        "a redirect elsewhere instead of a list",
        Sends(|asked| {
            on(asked, "tools/list", || redirect("308 Permanent Redirect", &format!("{}/mcp", asked.trap)))
        }),
        &[1],
    ),
    attack("a redirect to itself", Sends(|_| redirect("307 Temporary Redirect", "/mcp")), &[3]),
    attack(
        "a challenge with metadata elsewhere",
        Sends(|asked| challenge(&format!("Bearer resource_metadata=\"{}/x\"", asked.trap))),
        &[3],
    ),
    attack("a challenge without end", Sends(|_| challenge(&"Bearer a=\"b\", ".repeat(10_000))), &[3]),
    attack("the older transport elsewhere", Sends(older_elsewhere), &[3]),
    attack(
        "the older transport without end",
        Sends(|asked| if asked.verb == "GET" { events(NOTIFICATION) } else { refusal() }),
        &[3],
    ),
    attack(
        "a byte of a head at a time",
        Sends(|asked| on(asked, "tools/list", || Act::Raw(slowly("HTTP/1.1 200 OK\r\nX-Y: ")))),
        &[1],
    ),
    with(
        "an endless body for what is malformed",
        Sends(|asked| match asked.method.as_str() {
            "initialize" | "ping" | "tools/list" | "notifications/initialized" => Act::Well,
            _ => Act::endless(vec![b'x'; 65_536]),
        }),
        &[1],
        &["--fuzz-cases", "50"],
    ),
];

const NOTIFICATION: &str = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"x\"}}\n\n";
const PING: &str = "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n";

fn once(text: &str) -> Stream {
    Box::new(iter::once(text.as_bytes().to_vec()))
}

fn endless(text: &str) -> Stream {
    Box::new(iter::repeat(text.repeat(1_000).into_bytes()))
}

fn events(text: &str) -> Act {
    Act::Events(endless(text))
}

fn flood(head: &str, text: &str) -> Act {
    Act::Raw(Box::new(once(head).chain(endless(text))))
}

fn slowly(head: &str) -> Stream {
    let byte = || {
        sleep(Duration::from_millis(20));
        b"x".to_vec()
    };
    Box::new(once(head).chain(iter::repeat_with(byte)))
}

fn head(header: &str, body: &str) -> Act {
    Act::raw(format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{header}\r\n\r\n{body}"))
}

fn redirect(status: &str, location: &str) -> Act {
    Act::raw(format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

fn challenge(challenge: &str) -> Act {
    Act::raw(format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn refusal() -> Act {
    Act::raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
}

fn session(asked: &Asked) -> Act {
    let result = serde_json::json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "serverInfo": {"name": "attacker", "version": "1"},
    });
    let body = String::from_utf8(asked.reply(result)).unwrap_or_default();
    let id = "s".repeat(100_000);
    on(asked, "initialize", || {
        head(&format!("Mcp-Session-Id: {id}\r\nContent-Length: {}", body.len()), &body)
    })
}

/// The event stream of 2024-11-05, whose first event says where to post.
fn older_elsewhere(asked: &Asked) -> Act {
    match asked.verb.as_str() {
        "GET" => {
            let named = format!("event: endpoint\ndata: {}/messages\n\n", asked.trap);
            let comments = iter::repeat_with(|| {
                sleep(Duration::from_millis(50));
                b":\n".to_vec()
            });
            Act::Events(Box::new(once(&named).chain(comments)))
        }
        _ => refusal(),
    }
}

/// A body that becomes a thousand times as long when it is unpacked: one letter, then copies of 258 bytes, in one block
/// of fixed codes (RFC 1951).
fn bomb() -> Act {
    let mut bits = Bits::default();
    bits.push(0b011, 3);
    bits.push_code(0x30 + u32::from(b'['), 8);
    for _ in 0..2_000_000 {
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    bits.push_code(0, 7);
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    body.extend(bits.bytes);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
    );
    Act::raw([head.into_bytes(), body].concat())
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// Adds bits, the lowest first.
    fn push(&mut self, bits: u32, count: u32) {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::try_from((bits >> at) & 1).unwrap_or(0) << (self.used % 8);
            }
            self.used += 1;
        }
    }

    /// Adds a code, the highest bit first.
    fn push_code(&mut self, code: u32, length: u32) {
        (0..length).rev().for_each(|at| self.push(code >> at, 1));
    }
}
