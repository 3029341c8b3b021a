//! Messages that nobody can read, or that are no requests: whatever comes of them, the server lives on.

use bytes::Bytes;

use super::Seen;
use crate::catalogue::Verdict;
use crate::protocol::code;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const SURVIVES: &str = "base.errors.survives-malformed-input";
const PARSE: &str = "base.errors.parse-error";
const INVALID: &str = "base.errors.invalid-request";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for (what, id, text) in probes(run) {
        let outcome = run.session.raw(&[Bytes::from(text)], true, false).await;
        if let Some(why) = &outcome.died {
            let seen = Seen {
                message: format!("the server did not survive {what}"),
                expected: "the next request is answered".into(),
                got: why.clone(),
                from: outcome.span.0,
                at_most: None,
            };
            super::hold(run, SURVIVES, false, seen);
            return run.rest_unseen("the server did not survive the messages before");
        }
        if let Some(id) = id {
            answer(run, id, what, &outcome);
        }
    }
    if let Some(requirement) = run.judged(SURVIVES) {
        run.note(requirement, Verdict::Pass, "the server goes on after each of them");
    }
}

/// What is sent: in words, the requirement that an answer is held against, and the text. One oddity each.
fn probes(run: &CaseRun<'_>) -> Vec<(&'static str, Option<&'static str>, String)> {
    let (method, meta) = match run.session.revision.is_stateless() {
        true => {
            let meta = crate::session::client_meta(run.session.revision, &serde_json::json!({}));
            ("server/discover", format!(r#","params":{{"_meta":{}}}"#, serde_json::Value::Object(meta)))
        }
        false => ("ping", String::new()),
    };
    let parse = Some(PARSE);
    let invalid = Some(INVALID);
    let mut probes = vec![
        (
            "a truncated message",
            parse,
            format!(r#"{{"jsonrpc":"2.0","id":"mcp-conform-1","method":"{method}""#),
        ),
        ("text that is no JSON", parse, "mcp-conform says hello".to_owned()),
        ("a number", invalid, "42".to_owned()),
        ("an empty object", invalid, "{}".to_owned()),
        (
            "a request without jsonrpc",
            invalid,
            format!(r#"{{"id":"mcp-conform-2","method":"{method}"{meta}}}"#),
        ),
        (
            "a request of JSON-RPC 1.0",
            invalid,
            format!(r#"{{"jsonrpc":"1.0","id":"mcp-conform-3","method":"{method}"{meta}}}"#),
        ),
        ("a message with an id only", invalid, r#"{"jsonrpc":"2.0","id":"mcp-conform-4"}"#.to_owned()),
        (
            "a method that is a number",
            invalid,
            format!(r#"{{"jsonrpc":"2.0","id":"mcp-conform-5","method":7{meta}}}"#),
        ),
        (
            "params that are a list",
            invalid,
            format!(r#"{{"jsonrpc":"2.0","id":"mcp-conform-6","method":"{method}","params":[]}}"#),
        ),
        (
            "a request with the id null",
            invalid,
            format!(r#"{{"jsonrpc":"2.0","id":null,"method":"{method}"{meta}}}"#),
        ),
        (
            "a request whose id is an object",
            None,
            format!(r#"{{"jsonrpc":"2.0","id":{{}},"method":"{method}"{meta}}}"#),
        ),
        (
            "a notification that nobody knows",
            None,
            r#"{"jsonrpc":"2.0","method":"notifications/mcp-conform"}"#.to_owned(),
        ),
        (
            "a notification whose params are a list",
            None,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}"#.to_owned(),
        ),
        (
            "deep nesting",
            None,
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/mcp-conform","params":{{"x":{}{}}}}}"#,
                "[".repeat(1000),
                "]".repeat(1000)
            ),
        ),
        (
            "a megabyte",
            None,
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/mcp-conform","params":{{"x":"{}"}}}}"#,
                "x".repeat(1 << 20)
            ),
        ),
    ];
    if run.session.revision.is_handshake() {
        // In the stateless era no client may send a reply.
        let reply = r#"{"jsonrpc":"2.0","id":"mcp-conform-none","result":{}}"#;
        probes.push(("a reply that nobody asked for", None, reply.to_owned()));
    }
    probes
}

/// Silence is legal, and so is any refusal; a code that means something else is not right.
fn answer(run: &mut CaseRun<'_>, id: &str, what: &str, outcome: &Outcome) {
    let right = if id == PARSE { code::PARSE_ERROR } else { code::INVALID_REQUEST };
    // Over HTTP the status is the refusal. Parameters of the wrong type are wrong parameters as well.
    let is_refused = outcome.status.is_some_and(|status| (400..500).contains(&status));
    let is_also = |code: i64| code == code::INVALID_PARAMS && what.starts_with("params");
    let is_right = match (outcome.code(), outcome.result()) {
        (Some(code), _) => code == right || is_refused || is_also(code),
        (None, Some(_)) => false,
        (None, None) => true,
    };
    let seen = Seen {
        message: format!("{what} was answered with something else than error {right}"),
        expected: format!("error {right}, or no answer"),
        got: outcome.to_value().to_string(),
        from: outcome.span.0,
        // That a broken request must be refused is said nowhere in MCP.
        at_most: Some(Verdict::Warn),
    };
    super::hold(run, id, is_right, seen);
}
