//! HTTP requests that differ from what the era demands.

use std::collections::BTreeMap;

use super::context::Context;
use crate::fuzz::script::{Action, Http};

/// Headers with values that do not fit; no value = the header is left out.
const HEADERS: [(&str, Option<&str>); 22] = [
    ("Content-Type", Some("text/plain")),
    ("Content-Type", Some("application/json; charset=utf-16")),
    ("Content-Type", None),
    ("Accept", Some("application/json")),
    ("Accept", Some("text/event-stream")),
    ("Accept", Some("text/html")),
    ("Accept", None),
    ("MCP-Protocol-Version", Some("1900-01-01")),
    ("MCP-Protocol-Version", Some("")),
    ("MCP-Protocol-Version", None),
    ("Mcp-Session-Id", Some("mcp-conform-none")),
    ("Mcp-Session-Id", Some("../../etc/passwd")),
    ("Mcp-Method", Some("tools/mcp-conform")),
    ("Mcp-Method", None),
    ("Mcp-Name", Some("mcp-conform")),
    ("Mcp-Name", Some("=?base64?%%%?=")),
    ("Origin", Some("null")),
    ("Content-Encoding", Some("gzip")),
    ("Expect", Some("100-continue")),
    ("Last-Event-ID", Some("mcp-conform-none")),
    ("X-Forwarded-Host", Some("127.0.0.1")),
    ("Accept-Encoding", Some("gzip, br")),
];

const METHODS: [&str; 8] = ["GET", "PUT", "PATCH", "OPTIONS", "HEAD", "FUZZ", "TRACE", "DELETE"];

/// One of them, with its name; any number is good.
pub(super) fn request(context: &Context, n: usize) -> (String, Action) {
    let body = context.message(context.request(n / 64), true).to_string();
    let post = Http { method: "POST".to_owned(), body: Some(body.clone()), ..Http::default() };
    let (name, http) = match n % 16 {
        0..=7 => {
            let (name, value) = HEADERS[n / 16 % HEADERS.len()];
            let headers = BTreeMap::from([(name.to_owned(), value.map(str::to_owned))]);
            let what = match value {
                Some(value) => format!("the header {name}: {value}"),
                None => format!("no header {name}"),
            };
            (what, Http { headers, ..post })
        }
        8 | 9 => {
            // Ending the session is the last thing that can be done in it.
            let method = METHODS[n / 16 % (METHODS.len() - usize::from(!n.is_multiple_of(5)))];
            (format!("the HTTP method {method}"), Http { method: method.to_owned(), ..Http::default() })
        }
        10 => {
            let headers = BTreeMap::from([("X-Long".to_owned(), Some("x".repeat(20_000)))]);
            ("a header of 20,000 letters".to_owned(), Http { headers, ..post })
        }
        11 => ("an empty body".to_owned(), Http { body: Some(String::new()), ..post }),
        12 => ("a body that breaks off".to_owned(), Http { cut: true, ..post }),
        13 => ("a response that is not read".to_owned(), Http { abort: true, ..post }),
        14 => {
            let half = body.chars().take(body.len() / 2).collect();
            ("half a body".to_owned(), Http { body: Some(half), ..post })
        }
        _ => {
            let headers = BTreeMap::from([("Last-Event-ID".to_owned(), Some(n.to_string()))]);
            let get = Http { method: "GET".to_owned(), headers, ..Http::default() };
            ("a stream that is resumed from nowhere".to_owned(), get)
        }
    };
    (name, Action::Http(http))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::protocol::Revision;

    #[test]
    fn every_header_and_every_method_has_its_turn() {
        let context = Context::generic(Revision::V2025_11_25);
        let requests: Vec<Http> = (0..4000)
            .filter_map(|n| match request(&context, n).1 {
                Action::Http(http) => Some(http),
                _ => None,
            })
            .collect();
        for (name, value) in HEADERS {
            let is_it = |http: &Http| http.headers.get(name) == Some(&value.map(str::to_owned));
            assert!(requests.iter().any(is_it), "{name}: {value:?}");
        }
        let methods: HashSet<&str> = requests.iter().map(|http| http.method.as_str()).collect();
        assert!(METHODS.iter().all(|method| methods.contains(method)), "{methods:?}");
    }
}
