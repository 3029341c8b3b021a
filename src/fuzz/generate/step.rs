//! What a script is made of, before it is made. Numbers choose among what the context offers: any number is good, and
//! smaller is plainer, so that shrinking goes to fewer steps, fewer edits and plainer messages.

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::SBoxedStrategy;

use super::context::Context;
use super::envelope::oddity;
use super::http;
use super::sequence::{COSTLY, SEQUENCES};
use super::structure::Edit;
use super::text::{OPERATORS, TextEdit};
use crate::fuzz::script::{Action, Call, Script};

/// One step.
#[derive(Debug, Clone, Arbitrary)]
pub(super) enum Step {
    /// A legal request.
    Legal(u16),
    /// A call with arguments at the edge of the tool's schema.
    Call(u16),
    /// A message with edits of its structure and then of its text.
    Edited { base: u16, is_request: bool, edits: Vec<Edit>, text: Vec<TextEdit> },
    /// A legal message in pieces.
    Pieces(u16, u16),
    /// A request with a hostile value in the place that names what it is about.
    Hostile(u16, u16),
    /// Several requests in one write.
    Together(Vec<u16>),
    /// Something that is no request at all.
    Oddity(u16),
    /// Several actions that belong together.
    Sequence(u16, u16),
    /// A request that is odd as HTTP; over stdio a legal one.
    Http(u16),
    /// Several actions that need a connection of their own.
    Costly(u16, u16),
}

/// Scripts for a server.
pub(in crate::fuzz) fn scripts(context: Arc<Context>) -> SBoxedStrategy<Script> {
    let steps = prop_oneof![
        14 => vec(step(), 1..2),
        4 => vec(step(), 2..4),
        1 => vec(step(), 4..8),
    ];
    steps.prop_map(move |steps| make(&context, &steps)).sboxed()
}

/// A script that bytes stand for, as a coverage-guided fuzzer invents them.
pub(in crate::fuzz) fn from_bytes(
    context: &Context,
    bytes: &mut Unstructured<'_>,
) -> arbitrary::Result<Script> {
    let count = bytes.int_in_range(1..=8)?;
    let steps = (0..count).map(|_| Step::arbitrary(bytes)).collect::<arbitrary::Result<Vec<_>>>()?;
    // Connections of their own cost too much for a fuzzer that runs thousands of scripts per second.
    let cheap: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Costly(..))).collect();
    Ok(make(context, &cheap))
}

pub(super) fn edit() -> impl Strategy<Value = Edit> + Clone {
    prop_oneof![
        any::<u16>().prop_map(Edit::Remove),
        (any::<u16>(), any::<u16>()).prop_map(|(at, with)| Edit::Replace(at, with)),
        (any::<u16>(), any::<u16>()).prop_map(|(at, with)| Edit::Add(at, with)),
    ]
}

pub(super) fn text_edit() -> impl Strategy<Value = TextEdit> + Clone {
    // Long lines cost most of the time: they come less often.
    let plain = OPERATORS.len() - 1;
    let operator = prop_oneof![120 => 0..plain, 1 => plain..OPERATORS.len()];
    (operator, any::<u16>()).prop_map(|(n, at)| TextEdit { operator: OPERATORS[n], at })
}

/// A step that a server refuses, mostly.
pub(super) fn refusal() -> impl Strategy<Value = Step> {
    (any::<u16>(), any::<u16>()).prop_map(|(base, with)| Step::Hostile(base, with))
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let structure = (any::<u16>(), prop::bool::weighted(0.85), vec(edit(), 1..4))
        .prop_map(|(base, is_request, edits)| Step::Edited { base, is_request, edits, text: Vec::new() });
    let bytes = (any::<u16>(), prop::bool::weighted(0.85), vec(edit(), 0..2), vec(text_edit(), 1..3))
        .prop_map(|(base, is_request, edits, text)| Step::Edited { base, is_request, edits, text });
    let pair = || (any::<u16>(), any::<u16>());
    let cheap = prop_oneof![
        200 => any::<u16>().prop_map(Step::Legal),
        200 => any::<u16>().prop_map(Step::Call),
        450 => structure,
        400 => bytes,
        200 => any::<u16>().prop_map(Step::Oddity),
        100 => refusal(),
    ];
    let rare = prop_oneof![
        120 => pair().prop_map(|(kind, n)| Step::Sequence(kind, n)),
        80 => any::<u16>().prop_map(Step::Http),
        60 => vec(any::<u16>(), 2..9).prop_map(Step::Together),
        4 => pair().prop_map(|(base, at)| Step::Pieces(base, at)),
        4 => pair().prop_map(|(kind, n)| Step::Costly(kind, n)),
    ];
    prop_oneof![1540 => cheap.sboxed(), 280 => rare.sboxed()]
}

/// Makes steps into a script.
pub(super) fn make(context: &Context, steps: &[Step]) -> Script {
    let mut script = Script::default();
    steps.iter().for_each(|step| add(context, step, &mut script));
    script
}

/// Adds what a step stands for.
pub(super) fn add(context: &Context, step: &Step, script: &mut Script) {
    let mut operators = Vec::new();
    let action = match step {
        Step::Sequence(kind, n) => {
            let sequence = SEQUENCES[usize::from(*kind) % SEQUENCES.len()];
            return extend(script, sequence(context, usize::from(*n)));
        }
        Step::Costly(kind, n) => {
            let sequence = COSTLY[usize::from(*kind) % COSTLY.len()];
            return extend(script, sequence(context, usize::from(*n)));
        }
        Step::Http(n) if context.is_http => {
            let (name, action) = http::request(context, usize::from(*n));
            operators.push(name);
            action
        }
        Step::Legal(n) | Step::Http(n) => legal(context, *n),
        Step::Call(n) => call(context, *n, &mut operators),
        Step::Edited { base, is_request, edits, text } => {
            edited(context, (*base, *is_request), edits, text, &mut operators)
        }
        Step::Pieces(n, at) => {
            let line = context.message(context.request(usize::from(*n)), true).to_string();
            let cut =
                (1 + usize::from(*at) % line.len().max(2)..line.len()).find(|at| line.is_char_boundary(*at));
            let (left, right) = line.split_at(cut.unwrap_or(line.len()));
            operators.push("written in two pieces".to_owned());
            Action::Pieces(vec![left.to_owned(), right.to_owned()])
        }
        Step::Hostile(base, with) => hostile(context, usize::from(*base), usize::from(*with), &mut operators),
        Step::Together(all) => {
            operators.push(format!("{} requests in one write", all.len()));
            Action::Together(all.iter().map(|n| plain_call(context, *n)).collect())
        }
        Step::Oddity(n) => {
            let (name, message) = oddity(context, usize::from(*n));
            operators.push(name);
            Action::Message(message)
        }
    };
    script.push(action, operators);
}

fn extend(script: &mut Script, (name, actions): (&str, Vec<Action>)) {
    for action in actions {
        script.push(action, vec![name.to_owned()]);
    }
}

fn plain_call(context: &Context, n: u16) -> Call {
    let base = context.request(usize::from(n));
    Call { method: base.method.clone(), params: base.params.clone() }
}

fn legal(context: &Context, n: u16) -> Action {
    let Call { method, params } = plain_call(context, n);
    Action::Request { method, params, forbidden: false }
}

/// A tool call with arguments at the edge of its schema; a legal request where no tool may be called.
fn call(context: &Context, n: u16, operators: &mut Vec<String>) -> Action {
    let Some(edge) = context.edge(usize::from(n)) else {
        return legal(context, n);
    };
    operators.push(edge.what.clone());
    Action::Request {
        method: edge.call.method.clone(),
        params: edge.call.params.clone(),
        forbidden: edge.forbidden,
    }
}

/// A name, an address, an argument or a cursor that points where it should not.
fn hostile(context: &Context, base: usize, with: usize, operators: &mut Vec<String>) -> Action {
    // What names a thing comes twice as often: servers look it up, each in its own way.
    const PLACES: [(&str, &str); 11] = [
        ("resources/read", "uri"),
        ("resources/read", "uri"),
        ("prompts/get", "name"),
        ("prompts/get", "name"),
        ("tools/call", "name"),
        ("tools/call", "name"),
        ("tools/list", "cursor"),
        ("resources/list", "cursor"),
        ("completion/complete", "ref"),
        ("logging/setLevel", "level"),
        ("resources/subscribe", "uri"),
    ];
    let (method, name) = PLACES[base % PLACES.len()];
    let value = context.hostile.choose(with).clone();
    let mut message = context.whole(method, &context.like(method));
    operators.push(format!(
        "replaced /params/{name} by {}",
        value.to_string().chars().take(30).collect::<String>()
    ));
    message["params"][name] = value;
    Action::Message(message)
}

fn edited(
    context: &Context,
    (base, is_request): (u16, bool),
    edits: &[Edit],
    text: &[TextEdit],
    operators: &mut Vec<String>,
) -> Action {
    let base = match is_request {
        true => context.any_request(usize::from(base)),
        false => context.notification(usize::from(base)),
    };
    let mut message = context.message(base, is_request);
    operators.extend(edits.iter().filter_map(|edit| edit.apply(&mut message, &context.hostile)));
    if text.is_empty() {
        return Action::Message(message);
    }
    let mut line = message.to_string().into_bytes();
    for edit in text {
        edit.apply(&mut line);
        operators.push(edit.operator.name().to_owned());
    }
    Action::of_bytes(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;

    proptest! {
        #[test]
        fn any_bytes_make_a_script(bytes in vec(any::<u8>(), 0..300)) {
            let context = Context::generic(Revision::V2025_11_25);
            if let Ok(script) = from_bytes(&context, &mut Unstructured::new(&bytes)) {
                prop_assert_eq!(script.actions.len(), script.operators.len());
            }
        }

        #[test]
        fn every_step_makes_actions_with_names(steps in vec(step(), 1..5)) {
            for revision in [Revision::V2025_11_25, Revision::V2026_07_28] {
                let script = make(&Context::generic(revision), &steps);
                prop_assert!(script.actions.len() >= steps.len());
                prop_assert_eq!(script.actions.len(), script.operators.len());
            }
        }
    }
}
