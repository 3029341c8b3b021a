//! Parameters that are mirrored into HTTP headers: `x-mcp-header` in input schemas (2026-07-28). No traffic.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::case::List;
use crate::catalogue::{Requirement, Verdict};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

const MARK: &str = "x-mcp-header";
const SAFE: i128 = (1 << 53) - 1;
const BOUNDS: [&str; 6] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const", "default"];
/// Keywords whose value is a schema, a list of schemas, or schemas by name.
const SCHEMA: [&str; 11] = [
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const SCHEMA_LIST: [&str; 5] = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
const SCHEMA_MAP: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// A schema with the annotation.
struct Marked<'s> {
    pointer: String,
    schema: &'s Value,
    /// Whether only `properties` lead to it.
    is_reachable: bool,
}

pub(super) fn run(run: &mut CaseRun<'_>) {
    for tool in run.around.survey.things(List::Tools) {
        let mut found = Vec::new();
        collect(&tool["inputSchema"], String::new(), true, &mut found);
        judge_tool(run, &tool["name"], &found);
    }
    run.rest_unseen("no tool has a parameter with x-mcp-header");
}

fn collect<'s>(schema: &'s Value, pointer: String, is_reachable: bool, found: &mut Vec<Marked<'s>>) {
    let Some(members) = schema.as_object() else { return };
    if members.contains_key(MARK) {
        let is_reachable = is_reachable && !pointer.is_empty();
        found.push(Marked { pointer: pointer.clone(), schema, is_reachable });
    }
    for (keyword, value) in members {
        let here = format!("{pointer}/{keyword}");
        let stays = is_reachable && keyword == "properties";
        match value {
            Value::Object(inner) if SCHEMA_MAP.contains(&keyword.as_str()) => {
                inner.iter().for_each(|(name, value)| collect(value, format!("{here}/{name}"), stays, found));
            }
            Value::Array(inner) if SCHEMA_LIST.contains(&keyword.as_str()) => {
                inner
                    .iter()
                    .enumerate()
                    .for_each(|(n, value)| collect(value, format!("{here}/{n}"), false, found));
            }
            value if SCHEMA.contains(&keyword.as_str()) => collect(value, here, false, found),
            _ => {}
        }
    }
}

fn judge_tool(run: &mut CaseRun<'_>, tool: &Value, found: &[Marked<'_>]) {
    let mut names = BTreeSet::new();
    for marked in found {
        let name = &marked.schema[MARK];
        say(
            run,
            tool,
            marked,
            "statically-reachable",
            (!marked.is_reachable).then_some("not on a chain of `properties`"),
        );
        if !marked.is_reachable {
            continue;
        }
        let (empty, control, token) = name_problems(name);
        say(run, tool, marked, "non-empty", empty.then_some("an empty name"));
        say(run, tool, marked, "no-control-characters", control.then_some("a control character in the name"));
        say(run, tool, marked, "token-syntax", token.then_some("not a token of HTTP"));
        let is_new = name.as_str().is_none_or(|name| names.insert(name.to_lowercase()));
        say(run, tool, marked, "unique", (!is_new).then_some("a name that another parameter has"));
        say(run, tool, marked, "primitive-type", type_problem(&marked.schema["type"]));
        if marked.schema["type"] == "integer" {
            say(
                run,
                tool,
                marked,
                "integer-safe-range",
                is_unsafe(marked.schema).then_some("a value beyond 2^53-1"),
            );
        }
        say(run, tool, marked, "no-sensitive", is_sensitive(marked).then_some("a secret in a header"));
    }
}

/// Empty, control characters, no token: the first that holds.
fn name_problems(name: &Value) -> (bool, bool, bool) {
    let Some(name) = name.as_str() else { return (false, false, true) };
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+.^_`|~-".contains(c);
    let control = name.chars().any(|c| c.is_ascii_control());
    (name.is_empty(), control, !name.is_empty() && !control && !name.chars().all(is_token))
}

fn type_problem(kind: &Value) -> Option<&'static str> {
    let is_primitive =
        |kind: &Value| ["integer", "string", "boolean", "null"].iter().any(|known| kind == known);
    let is_fine = match kind {
        Value::Array(kinds) => kinds.iter().all(is_primitive),
        kind => is_primitive(kind) && kind != "null",
    };
    (!is_fine).then_some("not an integer, string or boolean")
}

fn is_unsafe(schema: &Value) -> bool {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let values = BOUNDS.iter().filter_map(|bound| schema.get(bound)).chain(listed);
    values.filter_map(|value| value.to_string().parse::<i128>().ok()).any(|n| !(-SAFE..=SAFE).contains(&n))
}

fn is_sensitive(marked: &Marked<'_>) -> bool {
    let name = marked.pointer.rsplit('/').next().unwrap_or_default();
    let words = words(name);
    let has = |word: &str| words.iter().any(|known| known == word);
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
    marked.schema["format"] == "password"
        || ["password", "passwd", "secret", "apikey", "credential", "credentials", "ssn"].into_iter().any(has)
        || pair("api", "key")
        || ["access", "auth", "bearer", "refresh"].into_iter().any(|kind| pair(kind, "token"))
}

/// The words of a name, in lower case: `apiKey`, `api_key` and `api-key` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn say(run: &mut CaseRun<'_>, tool: &Value, marked: &Marked<'_>, rule: &str, problem: Option<&str>) {
    // The pages about tools and about HTTP say the same.
    let twin = if rule == "primitive-type" { "primitive-only" } else { rule };
    for id in [format!("tools.x-mcp-header.{rule}"), format!("http.annotation.{twin}")] {
        if let Some(requirement) = run.judged(&id) {
            note(run, requirement, tool, marked, problem);
        }
    }
}

fn note(
    run: &mut CaseRun<'_>,
    requirement: &'static Requirement,
    tool: &Value,
    marked: &Marked<'_>,
    problem: Option<&str>,
) {
    let Some(problem) = problem else {
        return run.note(requirement, Verdict::Pass, format!("{tool}: {}", marked.pointer));
    };
    // Over stdio clients may ignore the annotation.
    let at_most = (!run.session.is_http()).then_some(Verdict::Warn);
    let violation = Violation {
        message: format!("tool {tool}: {problem} at inputSchema{}", marked.pointer),
        expected: "an annotation that clients can follow".into(),
        got: marked.schema.to_string(),
        span: (0, 0),
        at_most,
    };
    run.violation(requirement, violation);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_split_at_signs_and_humps() {
        assert_eq!(words("userApiKey"), ["user", "api", "key"]);
        assert_eq!(words("auth_token-2"), ["auth", "token", "2"]);
    }

    #[test]
    fn a_property_that_is_named_like_the_annotation_is_none() {
        let schema = json!({"properties": {"x-mcp-header": {"type": "string"}, "a": {"const": {"x-mcp-header": "B"}}}});
        let mut found = Vec::new();
        collect(&schema, String::new(), true, &mut found);
        assert!(found.is_empty());
    }

    #[test]
    fn only_properties_lead_to_reachable_annotations() {
        let schema = json!({"properties": {
            "a": {"x-mcp-header": "A"}, "b": {"items": {"x-mcp-header": "B"}}, "c": {"properties": {"d": {"x-mcp-header": "D"}}},
        }});
        let mut found = Vec::new();
        collect(&schema, String::new(), true, &mut found);
        let reachable: Vec<_> =
            found.iter().map(|marked| (marked.pointer.as_str(), marked.is_reachable)).collect();
        assert_eq!(
            reachable,
            [("/properties/a", true), ("/properties/b/items", false), ("/properties/c/properties/d", true)]
        );
    }
}
