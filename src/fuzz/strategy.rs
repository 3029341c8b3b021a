//! Strategies that make scripts. Shrinking goes to fewer steps, fewer edits, and plainer messages.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::context::Context;
use super::script::{Action, Call, Script};
use super::structure::Edit;
use super::text::{OPERATORS, TextEdit};

/// One step before it is made into an action. Numbers choose among what the context offers.
#[derive(Debug, Clone)]
enum Step {
    /// A legal request.
    Legal(usize),
    /// A call that the tool's schema forbids.
    Forbidden(usize),
    /// A message with edits of its structure and then of its text.
    Edited { base: usize, is_request: bool, edits: Vec<Edit>, text: Vec<TextEdit> },
    /// A legal message in pieces.
    Pieces(usize, usize),
    /// Several requests in one write.
    Together(Vec<usize>),
    /// Something that is no request at all.
    Oddity(usize),
    /// The end of the input.
    End,
}

/// Scripts for a server.
pub(super) fn scripts(context: Arc<Context>) -> BoxedStrategy<Script> {
    vec(step(), 1..5).prop_map(move |steps| make(&context, &steps)).boxed()
}

fn step() -> impl Strategy<Value = Step> {
    let edit = prop_oneof![
        any::<usize>().prop_map(Edit::Remove),
        (any::<usize>(), any::<usize>()).prop_map(|(at, with)| Edit::Replace(at, with)),
        (any::<usize>(), any::<usize>()).prop_map(|(at, with)| Edit::Add(at, with)),
    ];
    let text =
        (0..OPERATORS.len(), any::<usize>()).prop_map(|(n, at)| TextEdit { operator: OPERATORS[n], at });
    let structure = (any::<usize>(), prop::bool::weighted(0.85), vec(edit.clone(), 1..4))
        .prop_map(|(base, is_request, edits)| Step::Edited { base, is_request, edits, text: Vec::new() });
    let bytes = (any::<usize>(), prop::bool::weighted(0.85), vec(edit, 0..2), vec(text, 1..3))
        .prop_map(|(base, is_request, edits, text)| Step::Edited { base, is_request, edits, text });
    prop_oneof![
        20 => any::<usize>().prop_map(Step::Legal),
        50 => structure,
        40 => bytes,
        12 => any::<usize>().prop_map(Step::Oddity),
        10 => any::<usize>().prop_map(Step::Forbidden),
        8 => (any::<usize>(), any::<usize>()).prop_map(|(base, at)| Step::Pieces(base, at)),
        8 => vec(any::<usize>(), 2..9).prop_map(Step::Together),
        1 => Just(Step::End),
    ]
}

fn make(context: &Context, steps: &[Step]) -> Script {
    let mut script = Script::default();
    for step in steps {
        let mut operators = Vec::new();
        if let Some(action) = action(context, step, &mut operators) {
            script.push(action, operators);
        }
    }
    script
}

fn action(context: &Context, step: &Step, operators: &mut Vec<String>) -> Option<Action> {
    let request = |n: &usize| &context.requests[n % context.requests.len()];
    Some(match step {
        Step::Legal(n) => {
            let base = request(n);
            Action::Request { method: base.method.clone(), params: base.params.clone(), forbidden: false }
        }
        Step::Forbidden(n) => {
            let base = context.forbidden.get(n % context.forbidden.len().max(1))?;
            operators.push("arguments that the input schema forbids".to_owned());
            Action::Request { method: base.method.clone(), params: base.params.clone(), forbidden: true }
        }
        Step::Edited { base, is_request, edits, text } => {
            let base = match is_request {
                true => request(base),
                false => &context.notifications[base % context.notifications.len()],
            };
            let mut message = context.message(base, *is_request);
            operators.extend(edits.iter().filter_map(|edit| edit.apply(&mut message)));
            if text.is_empty() {
                return Some(Action::Message(message));
            }
            let mut line = message.to_string().into_bytes();
            for edit in text {
                edit.apply(&mut line);
                operators.push(edit.operator.name().to_owned());
            }
            Action::of_bytes(line)
        }
        Step::Pieces(n, at) => {
            let line = context.message(request(n), true).to_string();
            let cut =
                (1..line.len()).filter(|cut| line.is_char_boundary(*cut)).nth(at % line.len().max(2) / 2)?;
            operators.push("written in two pieces".to_owned());
            Action::Pieces(vec![line[..cut].to_owned(), line[cut..].to_owned()])
        }
        Step::Together(all) => {
            operators.push(format!("{} requests in one write", all.len()));
            let call = |n| Call { method: request(n).method.clone(), params: request(n).params.clone() };
            Action::Together(all.iter().map(call).collect())
        }
        Step::Oddity(n) => {
            let (name, message) = oddity(context, *n);
            operators.push(name.to_owned());
            Action::Message(message)
        }
        Step::End => {
            operators.push("end of the input".to_owned());
            Action::CloseInput
        }
    })
}

/// Messages that break the envelope as a whole.
fn oddity(context: &Context, n: usize) -> (&'static str, Value) {
    let request = || context.message(&context.requests[n / 16 % context.requests.len()], true);
    let with_id = |id: Value| {
        let mut message = request();
        message["id"] = id;
        message
    };
    match n % 14 {
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
        6 => ("an id that is null", with_id(Value::Null)),
        7 => ("an id that is a fraction", with_id(json!(1.5))),
        8 => ("an id that is an object", with_id(json!({}))),
        9 => ("an id that is an empty text", with_id(json!(""))),
        10 => ("a very long id", with_id(json!("i".repeat(10_000)))),
        11 => ("an id beyond 2^53", with_id(json!(9_007_199_254_740_993_u64))),
        // Where there is no handshake, this would switch a server of both eras to the older one.
        12 if context.revision.is_handshake() => ("a second initialize", initialize(context)),
        _ => ("a request with a result", {
            let mut message = request();
            message["result"] = json!({});
            message
        }),
    }
}

fn initialize(context: &Context) -> Value {
    let client = crate::session::client_info();
    json!({"jsonrpc": "2.0", "id": "${id}", "method": "initialize",
        "params": {"protocolVersion": context.revision, "capabilities": {}, "clientInfo": client}})
}
