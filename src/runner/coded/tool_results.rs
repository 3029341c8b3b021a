//! What tool results carry and point to.

use serde_json::{Value, json};

use super::{Called, call_watched, called};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::{code, method};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

const LINKS: usize = 5;

/// A finished result with the place where it came.
struct Seen {
    tool: String,
    result: Value,
    span: (u64, u64),
}

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let mut seen = Vec::new();
    for tool in run.around.survey.things(List::CallableTools) {
        let outcome = call_watched(run, &tool["name"], &tool["arguments"]).await;
        if let (Called::Done, Some(result)) = (called(&outcome), outcome.result()) {
            let tool = tool["name"].as_str().unwrap_or_default().to_owned();
            seen.push(Seen { tool, result: result.clone(), span: outcome.span });
        }
    }
    seen.iter().for_each(|seen| mirror(run, seen));
    seen.iter().for_each(|seen| embedded(run, seen));
    links(run, &seen, "resource_link", "/uri", "tools.result.resource-link-readable").await;
    links(run, &seen, "resource", "/resource/uri", "tools.result.embedded-resource-refetchable").await;
    run.rest_unseen("no tool that may be called returned structured content, a link or an embedded resource");
}

fn blocks<'r>(result: &'r Value, kind: &str) -> Vec<&'r Value> {
    result["content"].as_array().into_iter().flatten().filter(|block| block["type"] == kind).collect()
}

fn mirror(run: &mut CaseRun<'_>, seen: &Seen) {
    let Some(requirement) = run.judged("tools.structured.text-mirror") else { return };
    let Some(structured) = seen.result.get("structuredContent") else { return };
    let texts: Vec<&str> =
        blocks(&seen.result, "text").iter().filter_map(|block| block["text"].as_str()).collect();
    match is_mirrored(structured, &texts) {
        true => run.note(
            requirement,
            Verdict::Pass,
            format!("`{}` repeats its structured content as text", seen.tool),
        ),
        false => run.violation(
            requirement,
            Violation {
                message: format!("`{}` does not repeat its structured content as text", seen.tool),
                expected: format!("a text block with the JSON {structured}"),
                got: seen.result["content"].to_string(),
                span: seen.span,
                at_most: None,
            },
        ),
    }
}

/// Whether the texts hold the same value. SDKs that wrap a plain value as `{"result": value}` may show the plain value,
/// and may show the elements of an array one by one.
fn is_mirrored(structured: &Value, texts: &[&str]) -> bool {
    let says = |value: &Value, text: &str| {
        value.as_str() == Some(text)
            || serde_json::from_str::<Value>(text).is_ok_and(|parsed| same(&parsed, value))
    };
    let wrapped =
        structured.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("result"));
    [Some(structured), wrapped].into_iter().flatten().any(|value| {
        let in_pieces = value.as_array().is_some_and(|elements| {
            elements.len() == texts.len()
                && elements.iter().zip(texts).all(|(element, text)| says(element, text))
        });
        in_pieces || texts.iter().any(|text| says(value, text))
    })
}

/// Equal by value: 1 and 1.0 are the same, the order of members does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn declares_resources(run: &CaseRun<'_>) -> bool {
    method::declares(&run.session.server.capabilities, "resources")
}

fn embedded(run: &mut CaseRun<'_>, seen: &Seen) {
    let Some(requirement) = run.judged("tools.result.embedded-resource-capability") else { return };
    let Some(block) = blocks(&seen.result, "resource").first().map(|block| (*block).clone()) else { return };
    match declares_resources(run) {
        true => run.note(requirement, Verdict::Pass, "the capability resources is declared"),
        false => run.violation(
            requirement,
            Violation {
                message: format!(
                    "`{}` embeds a resource, but the capability resources is not declared",
                    seen.tool
                ),
                expected: "the capability resources".into(),
                got: block.to_string(),
                span: seen.span,
                at_most: None,
            },
        ),
    }
}

/// Whether the resources that blocks of a kind point to can be read.
async fn links(run: &mut CaseRun<'_>, seen: &[Seen], kind: &str, at: &str, id: &str) {
    let Some(requirement) = run.judged(id) else { return };
    if !declares_resources(run) {
        return;
    }
    let uris = seen
        .iter()
        .flat_map(|seen| blocks(&seen.result, kind))
        .filter_map(|block| block.pointer(at)?.as_str());
    let own: Vec<String> =
        uris.filter(|uri| !uri.starts_with("http")).take(LINKS).map(str::to_owned).collect();
    for uri in own {
        let mut outcome = read(run, &uri).await;
        if is_missing(&outcome) {
            outcome = read(run, &uri).await;
        }
        if outcome.result().is_some() {
            run.note(requirement, Verdict::Pass, format!("{uri} can be read"));
        } else if is_missing(&outcome) {
            let violation = Violation {
                message: format!("a tool links to {uri}, which cannot be read"),
                expected: "contents".into(),
                got: outcome.to_value().to_string(),
                span: outcome.span,
                at_most: None,
            };
            run.violation(requirement, violation);
        }
    }
}

async fn read(run: &mut CaseRun<'_>, uri: &str) -> crate::session::Outcome {
    run.session.request("resources/read", Some(json!({"uri": uri}))).await
}

fn is_missing(outcome: &crate::session::Outcome) -> bool {
    let message =
        outcome.error().and_then(|error| error["message"].as_str()).unwrap_or_default().to_lowercase();
    match outcome.code() {
        Some(code::RESOURCE_NOT_FOUND) => true,
        Some(code::INVALID_PARAMS | code::INTERNAL_ERROR) => {
            message.contains("not found") || message.contains("unknown")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_content_may_be_repeated_in_several_ways() {
        assert!(is_mirrored(&json!({"a": 1, "b": [2]}), &["said", r#"{"b": [2.0], "a": 1}"#]));
        assert!(is_mirrored(&json!({"result": "plain"}), &["plain"]));
        assert!(is_mirrored(&json!({"result": [1, "two"]}), &["1", "two"]));
        assert!(is_mirrored(&json!(["one", "two"]), &["one", "two"]));
        assert!(!is_mirrored(&json!({"a": 1}), &["a is 1"]));
        assert!(!is_mirrored(&json!({"a": 1}), &[]));
    }
}
