//! Several actions that belong together: cancellations, ids used twice, churn, early messages, ends in the middle.

use serde_json::{Value, json};

use super::context::Context;
use super::envelope::{initialize, oddity};
use crate::fuzz::script::{Action, Call, Which};

/// A sequence with its name. `n` chooses what it is about; any number is good.
pub(super) type Sequence = fn(&Context, usize) -> (&'static str, Vec<Action>);

/// Sequences on one connection.
pub(super) const SEQUENCES: [Sequence; 14] = [
    |context, n| ("a running request is cancelled", vec![legal(context, n), Action::Cancel(Which::Last)]),
    |context, n| {
        (
            "an answered request is cancelled",
            vec![legal(context, n), Action::Await, Action::Cancel(Which::Last)],
        )
    },
    |context, n| ("an unknown request is cancelled", vec![Action::Cancel(Which::Unknown), legal(context, n)]),
    |context, n| {
        let again = with_last(whole(context, n + 1));
        (
            "two requests in flight have the same id",
            vec![Action::Message(whole(context, n)), Action::Message(again)],
        )
    },
    |context, n| {
        let again = with_last(whole(context, n));
        (
            "an id is used again",
            vec![Action::Message(whole(context, n)), Action::Await, Action::Message(again)],
        )
    },
    |context, n| {
        let twice = vec![Action::Cancel(Which::Last), Action::Cancel(Which::Last)];
        ("a request is cancelled twice", [vec![legal(context, n)], twice].concat())
    },
    |context, n| {
        let calls = (0..8).map(|i| call(context, n + i * (n % 3))).collect();
        ("8 requests in one write", vec![Action::Together(calls)])
    },
    |context, n| {
        let bad = Action::Text(whole(context, n).to_string().chars().take(20 + n % 30).collect());
        ("a broken line between requests", vec![legal(context, n), bad, legal(context, n + 1)])
    },
    |context, n| {
        let bad = |i| Action::Message(oddity(context, n / 7 + i).1);
        ("three refusals in a row", vec![bad(0), Action::Await, bad(1), Action::Await, bad(2)])
    },
    churn,
    second_handshake,
    |context, n| {
        let page = |cursor: Value| {
            let mut message = whole(context, context.list(n));
            message["params"]["cursor"] = cursor;
            Action::Message(message)
        };
        let cursors = [json!("mcp-conform"), json!(""), json!(n), json!("MQ=="), json!("x".repeat(5000))];
        ("an invented cursor", vec![page(cursors[n % cursors.len()].clone())])
    },
    |context, n| {
        let mut message = whole(context, n);
        let token = [json!("t"), json!(n), json!(1.5), json!({}), json!(true), Value::Null][n % 6].clone();
        message["params"]["_meta"]["progressToken"] = token;
        ("a progress token", vec![Action::Message(message)])
    },
    |context, n| ("one request many times", vec![legal(context, n); 3 + n / 16 % 10]),
];

/// Sequences that need a connection of their own: a launch each.
pub(super) const COSTLY: [Sequence; 7] = [
    |context, n| {
        ("the input ends after a request", vec![Action::Together(vec![call(context, n)]), Action::CloseInput])
    },
    |context, n| {
        let line: String = whole(context, n).to_string().chars().take(10 + n % 60).collect();
        ("the input ends in the middle of a line", vec![Action::Unfinished(line)])
    },
    |context, n| {
        (
            "a new connection",
            vec![legal(context, n), Action::Reconnect { handshake: true }, legal(context, n)],
        )
    },
    early,
    |context, n| {
        let bad = Action::Message(oddity(context, n).1);
        ("a malformed message before anything else", before_handshake(context, vec![bad], n))
    },
    |context, n| {
        let bad = Action::Text("{".to_owned());
        ("a broken line before anything else", before_handshake(context, vec![bad], n))
    },
    |context, n| {
        let again = vec![Action::Handshake; 2];
        ("two handshakes", before_handshake(context, again, n))
    },
];

/// Requests and notifications before the handshake.
fn early(context: &Context, n: usize) -> (&'static str, Vec<Action>) {
    let notify = Action::Message(context.message(context.notification(n), false));
    (
        "messages before the handshake",
        before_handshake(context, vec![Action::Message(whole(context, n)), notify], n),
    )
}

fn before_handshake(context: &Context, actions: Vec<Action>, n: usize) -> Vec<Action> {
    let begin = vec![Action::Reconnect { handshake: false }];
    [begin, actions, vec![Action::Handshake, legal(context, n)]].concat()
}

/// Subscribing and unsubscribing more often than makes sense.
fn churn(context: &Context, n: usize) -> (&'static str, Vec<Action>) {
    let uri = context.uri(n);
    let action = |method: &str| Action::Request {
        method: method.to_owned(),
        params: json!({"uri": uri}),
        forbidden: false,
    };
    let (on, off) = (action("resources/subscribe"), action("resources/unsubscribe"));
    match context.subscribes {
        true => {
            let order = [
                vec![&on, &on, &off, &off, &off],
                vec![&off, &on, &off, &on],
                vec![&on, &off, &on, &off, &off],
            ];
            ("subscriptions come and go", order[n % 3].iter().map(|action| (*action).clone()).collect())
        }
        false => ("a request", vec![legal(context, n)]),
    }
}

fn second_handshake(context: &Context, n: usize) -> (&'static str, Vec<Action>) {
    match context.revision.is_handshake() {
        true => (
            "a second handshake",
            vec![Action::Message(initialize(context)), Action::Await, legal(context, n)],
        ),
        // Where there is none, this would switch a server of both eras to the older one.
        false => ("a request", vec![legal(context, n)]),
    }
}

fn call(context: &Context, n: usize) -> Call {
    let base = context.request(n);
    Call { method: base.method.clone(), params: base.params.clone() }
}

fn legal(context: &Context, n: usize) -> Action {
    let Call { method, params } = call(context, n);
    Action::Request { method, params, forbidden: false }
}

fn whole(context: &Context, n: usize) -> Value {
    context.message(context.request(n), true)
}

fn with_last(mut message: Value) -> Value {
    message["id"] = json!("${last}");
    message
}
