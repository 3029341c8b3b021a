//! A reference to the web that nobody resolved is no licence for any value (2026-07-28). Nothing is ever fetched.

use serde_json::{Value, json};

use super::{Called, Seen, call, called, is_limited};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::pattern::is_small;
use crate::runner::interpret::CaseRun;

const ID: &str = "tools.schema.unresolved-ref-rejected";
/// Tools that are tried.
const MOST: usize = 3;
/// What says nothing about values, beside a reference.
const SILENT: [&str; 7] = ["$ref", "$comment", "title", "description", "default", "examples", "deprecated"];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for (tool, property, arguments) in probes(run) {
        probe(run, &tool, &property, arguments).await;
    }
    run.rest_unseen("no tool that may be called has a property whose schema is a reference to the web");
}

/// Tools that may be called, each with the one property that is foreign to its schema, and arguments.
fn probes(run: &CaseRun<'_>) -> Vec<(Value, String, Value)> {
    let (survey, policy) = (run.around.survey, run.around.policy);
    let offered = survey.surface()["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let may_call = |tool: &&Value| is_small(tool) && policy.may_call(tool, offered);
    let found = survey.all(List::Tools).filter(may_call).filter_map(|tool| {
        let property = foreign(&tool["inputSchema"])?;
        // Any value will do there until it is replaced.
        let mut open = tool.clone();
        open["inputSchema"]["properties"][&property] = json!({});
        Some((tool.clone(), property, policy.arguments(&open)?))
    });
    found.take(MOST).collect()
}

/// The property whose schema is a reference to the web and nothing else, if there is exactly one.
fn foreign(schema: &Value) -> Option<String> {
    let is_foreign = |inner: &Value| {
        let is_web = |uri: &str| uri.starts_with("https://") || uri.starts_with("http://");
        let is_bare = || inner.as_object().is_some_and(|own| own.keys().all(|key| is_silent(key)));
        inner["$ref"].as_str().is_some_and(is_web) && is_bare()
    };
    let properties = schema["properties"].as_object()?;
    let mut names = properties.iter().filter(|(_, inner)| is_foreign(inner)).map(|(name, _)| name);
    let only = names.next().filter(|_| names.next().is_none())?;
    // What has an id of its own may be what is referred to.
    (!has_id(schema)).then(|| only.clone())
}

fn is_silent(keyword: &str) -> bool {
    SILENT.contains(&keyword) || keyword.starts_with("x-")
}

fn has_id(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, inner)| name == "$id" || has_id(inner)),
        Value::Array(items) => items.iter().any(has_id),
        _ => false,
    }
}

async fn probe(run: &mut CaseRun<'_>, tool: &Value, property: &str, mut arguments: Value) {
    let Some(requirement) = run.judged(ID) else { return };
    let values = [Value::Null, true.into(), 1.into(), "mcp-conform".into(), json!([]), json!({})];
    let from = run.session.transcript.last() + 1;
    for value in values {
        arguments[property] = value.clone();
        let outcome = call(run, &tool["name"], &arguments).await;
        match called(&outcome) {
            Called::Done => {}
            Called::Refused if !is_limited(&outcome) && !outcome.is_turned_away() => {
                let message = format!("{} refuses {value} as `{property}`", tool["name"]);
                return run.note(requirement, Verdict::Pass, message);
            }
            Called::Refused | Called::Unfinished | Called::Silent => return,
        }
    }
    let reference = &tool["inputSchema"]["properties"][property]["$ref"];
    let seen = Seen {
        message: format!("{} takes any value as `{property}`, whose schema is at {reference}", tool["name"]),
        expected: "values that are no instances are refused, or all where the schema is not known".into(),
        got: "a null, a boolean, a number, a text, a list and an object were accepted".into(),
        from,
        at_most: None,
    };
    super::hold(run, ID, false, seen);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_reference_to_the_web_is_foreign() {
        let of = |inner: Value| foreign(&json!({"type": "object", "properties": {"a": inner}}));
        assert_eq!(of(json!({"$ref": "https://x.example/s", "title": "A"})).as_deref(), Some("a"));
        assert_eq!(of(json!({"$ref": "#/$defs/a"})), None);
        assert_eq!(of(json!({"$ref": "https://x.example/s", "type": "string"})), None);
        let known = json!({
            "properties": {"a": {"$ref": "https://x.example/s"}},
            "$defs": {"s": {"$id": "https://x.example/s", "type": "string"}},
        });
        assert_eq!(foreign(&known), None);
        let two = json!({"properties": {"a": {"$ref": "http://x/s"}, "b": {"$ref": "http://x/s"}}});
        assert_eq!(foreign(&two), None);
    }
}
