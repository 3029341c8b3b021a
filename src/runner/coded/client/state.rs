//! `requestState` that was changed, made up, or given for something else.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::flow::{Flow, follow, retry, up_to_last};
use super::{End, answered, end, kept, violated, violated_at_most};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Outcome};

const UNTRUSTED: &str = "mrtr.state-untrusted";
const TAMPERED: &str = "mrtr.state-tampered-rejected";
const INTEGRITY: &str = "mrtr.state-integrity";
const BOUND: &str = "mrtr.state-bound-to-request";

/// `is_steady` says that the same answers give the same result.
pub(super) async fn look(run: &mut CaseRun<'_>, flow: &Flow, is_steady: bool) {
    made_up(run, flow).await;
    let (Some(_), true) = (flow.state(), is_steady) else { return };
    let Some(interim) = up_to_last(run, flow).await else { return };
    let genuine = interim["requestState"].as_str().unwrap_or_default().to_owned();
    for changed in changed(&genuine) {
        let outcome = with_state(run, flow, &interim, &changed).await;
        judge(run, flow, TAMPERED, None, &outcome, "a changed state");
    }
    for changed in readable(&genuine) {
        let outcome = with_state(run, flow, &interim, &changed).await;
        judge(run, flow, INTEGRITY, Some(Verdict::Warn), &outcome, "a state with another meaning");
    }
}

/// A changed state is refused, or at least without effect: where it can do no harm it need not be protected.
fn judge(
    run: &mut CaseRun<'_>,
    flow: &Flow,
    id: &str,
    at_most: Option<Verdict>,
    outcome: &Outcome,
    what: &str,
) {
    let name = flow.primitive.name();
    match end(outcome) {
        End::Failed => kept(run, id, format!("`{name}` refuses {what}")),
        End::Asks(_) => kept(run, id, format!("`{name}` begins anew with {what}")),
        End::Done(result) if Some(&result) != flow.result().as_ref() => {
            let problem = format!("`{name}` believes {what}: it gives another result");
            violated_at_most(run, id, at_most, problem, "an error", outcome);
        }
        End::Done(_) | End::Silent => {}
    }
}

async fn with_state(run: &mut CaseRun<'_>, flow: &Flow, interim: &Value, state: &str) -> Outcome {
    let mut added = retry(run, interim, Manner::Willing);
    added["requestState"] = state.into();
    flow.primitive.ask(run, &added).await
}

/// One letter changed in the middle, the end cut off, something appended.
fn changed(state: &str) -> Vec<String> {
    let letters: Vec<char> = state.chars().collect();
    let middle = letters.len() / 2;
    let mut changed = vec![format!("{state}x")];
    if let Some(letter) = letters.get(middle) {
        let mut other = letters.clone();
        other[middle] = if *letter == 'A' { 'B' } else { 'A' };
        changed.push(other.into_iter().collect());
        changed.push(letters[..letters.len().saturating_sub(4)].iter().collect());
    }
    changed
}

/// States that read as JSON, plain or in base64, with each of their values changed in turn.
fn readable(state: &str) -> Vec<String> {
    let plain = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object);
    let url_safe = plain(URL_SAFE_NO_PAD.decode(state.trim_end_matches('=')).unwrap_or_default());
    let standard = plain(STANDARD.decode(state).unwrap_or_default());
    let changed = |value: Value| changed_values(&value).into_iter().map(|value| value.to_string());
    match (plain(state.into()), url_safe, standard) {
        (Some(value), ..) => changed(value).collect(),
        (None, Some(value), _) => changed(value).map(|text| URL_SAFE_NO_PAD.encode(text)).collect(),
        (None, None, Some(value)) => changed(value).map(|text| STANDARD.encode(text)).collect(),
        (None, None, None) => Vec::new(),
    }
}

/// Values changed at once.
const MOST: usize = 8;

fn changed_values(value: &Value) -> Vec<Value> {
    let mut pointers = Vec::new();
    leaves(value, String::new(), &mut pointers);
    let change = |pointer: &String| {
        let mut changed = value.clone();
        let leaf = changed.pointer_mut(pointer)?;
        *leaf = match leaf {
            Value::Bool(flag) => json!(!*flag),
            Value::Number(number) => json!(number.as_f64().unwrap_or(0.0) as i64 + 1),
            Value::String(text) => json!(format!("{text}x")),
            _ => return None,
        };
        Some(changed)
    };
    pointers.iter().take(MOST).filter_map(change).collect()
}

fn leaves(value: &Value, pointer: String, found: &mut Vec<String>) {
    let inner = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| leaves(value, inner(name), found)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(n, value)| leaves(value, inner(&n.to_string()), found));
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(pointer),
        Value::Null => {}
    }
}

/// States that nobody gave out: whatever comes of them, the server goes on.
async fn made_up(run: &mut CaseRun<'_>, flow: &Flow) {
    let mut states = ["null", "e30=", "{\"__proto__\":{\"admin\":true}}", "gANjb3MKc3lzdGVtCg=="]
        .map(str::to_owned)
        .to_vec();
    states.push("A".repeat(50_000));
    for state in states {
        let outcome = flow.primitive.ask(run, &json!({"requestState": state})).await;
        if !answered(run, UNTRUSTED, &outcome, "a made-up `requestState`") {
            return;
        }
    }
    let again = follow(run, &flow.primitive, &Manner::Willing).await;
    if again.result().is_none() && again.last.died.is_none() {
        let problem = format!("`{}` works no more after made-up states", flow.primitive.name());
        violated(run, UNTRUSTED, problem, "what came before them", &again.last);
    }
}

/// A state that was given for one request does not serve another.
pub(super) async fn of_other_requests(run: &mut CaseRun<'_>, flows: &[Flow]) {
    for (index, flow) in flows.iter().enumerate() {
        let others = flows[..index].iter().chain(&flows[index + 1..]);
        let Some(other) = others.rev().find(|other| other.state().is_some()) else { continue };
        if flow.state().is_some() && flow.result().is_some() && run.session.dead().is_none() {
            borrowed(run, flow, other).await;
        }
    }
}

/// Answers a request with the state of another one, where it does not work without a state of its own.
async fn borrowed(run: &mut CaseRun<'_>, flow: &Flow, other: &Flow) {
    let (Some(interim), Some(foreign)) = (up_to_last(run, flow).await, up_to_last(run, other).await) else {
        return;
    };
    let mut stateless = retry(run, &interim, Manner::Willing);
    if let Some(members) = stateless.as_object_mut() {
        members.shift_remove("requestState");
    }
    let without = flow.primitive.ask(run, &stateless).await;
    if matches!(end(&without), End::Done(_)) {
        return;
    }
    let outcome = with_state(run, flow, &interim, foreign["requestState"].as_str().unwrap_or_default()).await;
    let (name, origin) = (flow.primitive.name(), other.primitive.name());
    match end(&outcome) {
        End::Done(_) => violated(
            run,
            BOUND,
            format!("`{name}` goes on with a state that was given for `{origin}`"),
            "an error, or a new beginning",
            &outcome,
        ),
        End::Failed | End::Asks(_) => {
            kept(run, BOUND, format!("`{name}` does not take the state of `{origin}`"))
        }
        End::Silent => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_states_are_changed_value_by_value() {
        let plain = readable(r#"{"approved":false,"n":1,"name":"a"}"#);
        assert_eq!(plain.len(), 3);
        assert_eq!(plain[0], r#"{"approved":true,"n":1,"name":"a"}"#);
        let coded = readable(&STANDARD.encode(r#"{"a":{"b":["c"]}}"#));
        assert_eq!(coded.len(), 1);
        assert!(readable("0123456789abcdef.{}").is_empty());
    }
}
