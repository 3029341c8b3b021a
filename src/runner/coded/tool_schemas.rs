//! The schemas of tools follow their dialect, and calls are checked by it. Nothing is ever fetched.

use jsonschema::Draft;
use serde_json::{Value, json};

use super::{Called, Seen, call, called};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::pattern::{Schema, is_small};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::sample;

const PROBES: usize = 3;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for tool in run.around.survey.things(List::Tools) {
        for member in ["inputSchema", "outputSchema"] {
            if let Some(schema) = tool.get(member).filter(|schema| is_sound(schema)) {
                judge(run, &tool["name"], member, schema);
            }
        }
    }
    let mut left = PROBES;
    for tool in run.around.survey.things(List::CallableTools) {
        for arguments in candidates(&tool["inputSchema"], &tool["arguments"]).into_iter().take(left) {
            left -= 1;
            probe(run, &tool, &arguments).await;
        }
    }
    run.rest_unseen("no tool that may be called has a schema whose meaning depends on the dialect");
}

/// Whether the wire schema has nothing to say against it, and it is not too large.
fn is_sound(schema: &Value) -> bool {
    let object_or_absent = |name: &str| schema.get(name).is_none_or(Value::is_object);
    let names = |value: &Value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
    schema.is_object()
        && is_small(schema)
        && object_or_absent("properties")
        && schema.get("required").is_none_or(names)
}

/// The dialect of a schema; `None` is one that this tool does not know.
fn dialect(schema: &Value) -> Option<Draft> {
    let Some(uri) = schema.get("$schema") else { return Some(Draft::Draft202012) };
    let uri = uri.as_str()?.trim_end_matches('#').replacen("http://", "https://", 1);
    Some(match uri.as_str() {
        "https://json-schema.org/draft-04/schema" => Draft::Draft4,
        "https://json-schema.org/draft-06/schema" => Draft::Draft6,
        "https://json-schema.org/draft-07/schema" => Draft::Draft7,
        "https://json-schema.org/draft/2019-09/schema" => Draft::Draft201909,
        "https://json-schema.org/draft/2020-12/schema" => Draft::Draft202012,
        _ => return None,
    })
}

fn judge(run: &mut CaseRun<'_>, tool: &Value, member: &str, schema: &Value) {
    let Some(draft) = dialect(schema) else { return };
    if let Some(requirement) = run.judged("tools.schema.valid") {
        match problem(schema, draft) {
            None => run.note(requirement, Verdict::Pass, format!("the {member} of {tool} is a valid schema")),
            Some(problem) => run.violation(
                requirement,
                Violation {
                    message: format!("the {member} of {tool} is no valid schema of its dialect: {problem}"),
                    expected: format!("a valid schema ({draft:?})"),
                    got: schema.to_string(),
                    span: (0, 0),
                    at_most: None,
                },
            ),
        }
    }
    references(run, tool, member, schema);
    if let (Some(requirement), None) = (run.judged("tools.schema.default-dialect"), schema.get("$schema")) {
        match older_keyword(schema) {
            None => run.note(requirement, Verdict::Pass, format!("the {member} of {tool} uses no keyword of older dialects")),
            Some(keyword) => run.violation(
                requirement,
                Violation {
                    message: format!(
                        "the {member} of {tool} has no $schema, so it is 2020-12, where `{keyword}` has no meaning"
                    ),
                    expected: "keywords of 2020-12, or a $schema".into(),
                    got: schema.to_string(),
                    span: (0, 0),
                    at_most: Some(Verdict::Warn),
                },
            ),
        }
    }
}

/// References within a schema lead somewhere. What a dead one means is left open: never more than a warning.
fn references(run: &mut CaseRun<'_>, tool: &Value, member: &str, schema: &Value) {
    let dead = dead_reference(schema, schema);
    let seen = Seen {
        message: format!("a $ref of the {member} of {tool} leads nowhere"),
        expected: "references that lead to a schema".into(),
        got: dead.map_or_else(String::new, str::to_owned),
        from: 1,
        at_most: Some(Verdict::Warn),
    };
    super::hold(run, "base.json-schema.valid", dead.is_none(), seen);
}

/// A `$ref` into the same document whose target is not there. Documents with parts of their own `$id` are left out.
fn dead_reference<'s>(root: &Value, schema: &'s Value) -> Option<&'s str> {
    let members = schema.as_object().filter(|members| !members.contains_key("$id"))?;
    let own = members.get("$ref").and_then(Value::as_str).filter(|reference| {
        let pointer = reference.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
        pointer.is_some_and(|pointer| !pointer.contains('%') && root.pointer(pointer).is_none())
    });
    own.or_else(|| inner_schemas(members).into_iter().find_map(|inner| dead_reference(root, inner)))
}

fn problem(schema: &Value, draft: Draft) -> Option<String> {
    let valid = match draft {
        Draft::Draft4 => jsonschema::draft4::meta::validate(schema),
        Draft::Draft6 => jsonschema::draft6::meta::validate(schema),
        Draft::Draft7 => jsonschema::draft7::meta::validate(schema),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(schema),
        _ => jsonschema::draft202012::meta::validate(schema),
    };
    valid.err().map(|error| format!("{error} (at {})", error.instance_path()))
}

/// A keyword that 2020-12 does not know, at a place where a schema stands.
fn older_keyword(schema: &Value) -> Option<&'static str> {
    let members = schema.as_object()?;
    let own = ["dependencies", "additionalItems"].into_iter().find(|keyword| members.contains_key(*keyword));
    own.or_else(|| inner_schemas(members).into_iter().find_map(older_keyword))
}

fn inner_schemas(members: &serde_json::Map<String, Value>) -> Vec<&Value> {
    let mut found = Vec::new();
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Value::Object(inner),
            ) => {
                found.extend(inner.values());
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(inner)) => found.extend(inner),
            ("items" | "not" | "if" | "then" | "else" | "contains" | "additionalProperties", inner) => {
                found.push(inner)
            }
            _ => {}
        }
    }
    found
}

/// Arguments that the dialect of the schema forbids and the other one allows.
fn candidates(schema: &Value, arguments: &Value) -> Vec<Value> {
    let Some(draft) = dialect(schema) else { return Vec::new() };
    let other = if draft == Draft::Draft202012 { Draft::Draft7 } else { Draft::Draft202012 };
    let mut bare = schema.clone();
    if let Some(members) = bare.as_object_mut() {
        members.shift_remove("$schema");
    }
    let allows = |draft: Draft, schema: &Value, instance: &Value| {
        Schema::compile_as(draft, schema.clone()).and_then(|judge| judge.allows(instance))
    };
    let mut made = tuples(schema, arguments);
    made.extend(triggers(schema, arguments));
    made.retain(|instance| {
        allows(draft, schema, instance) == Some(false) && allows(other, &bare, instance).unwrap_or(true)
    });
    made
}

/// A wrong first element for each property whose elements have schemas by position.
fn tuples(schema: &Value, arguments: &Value) -> Vec<Value> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let positional =
        properties.filter(|(_, inner)| inner["items"].is_array() || inner["prefixItems"].is_array());
    let broken = positional.map(|(name, _)| {
        let mut instance = arguments.clone();
        instance[name] = json!([{"mcp-conform": ["wrong type"]}]);
        instance
    });
    broken.collect()
}

/// The property that makes others required, without them.
fn triggers(schema: &Value, arguments: &Value) -> Vec<Value> {
    let keywords = ["dependentRequired", "dependentSchemas", "dependencies"];
    let names =
        keywords.iter().filter_map(|keyword| schema[keyword].as_object()).flat_map(|members| members.keys());
    let with = names.filter_map(|name| {
        let mut instance = arguments.clone();
        instance[name] = sample::valid(&schema["properties"][name])?;
        Some(instance)
    });
    with.collect()
}

async fn probe(run: &mut CaseRun<'_>, tool: &Value, arguments: &Value) {
    let is_default = dialect(&tool["inputSchema"]) == Some(Draft::Draft202012);
    // Said twice, of tools and of schemas anywhere.
    let ids = match is_default {
        true => ["tools.schema.support-2020-12", "base.json-schema.default-2020-12"],
        false => ["tools.schema.validate-per-dialect", "base.json-schema.validated-by-dialect"],
    };
    if ids.iter().all(|id| run.judged(id).is_none()) {
        return;
    }
    let outcome = call(run, &tool["name"], arguments).await;
    let is_met = match called(&outcome) {
        Called::Refused => true,
        Called::Done => false,
        Called::Unfinished | Called::Silent => return,
    };
    for id in ids {
        let seen = Seen {
            message: format!(
                "{} accepted arguments that its input schema forbids in its dialect",
                tool["name"]
            ),
            expected: format!("{arguments} refused"),
            got: format!("{arguments} accepted"),
            from: outcome.span.0,
            at_most: None,
        };
        super::hold(run, id, is_met, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_forbidden_by_one_dialect_only() {
        let old = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
            "properties": {"pair": {"type": "array", "items": [{"type": "string"}]}}});
        assert_eq!(candidates(&old, &json!({})).len(), 1);
        let new = json!({"type": "object", "properties": {"pair": {"type": "array", "prefixItems": [{"type": "string"}]}}});
        assert_eq!(candidates(&new, &json!({})).len(), 1);
        assert!(
            candidates(&json!({"type": "object", "properties": {"a": {"type": "string"}}}), &json!({}))
                .is_empty()
        );
    }

    #[test]
    fn a_property_called_dependencies_is_no_keyword() {
        assert_eq!(older_keyword(&json!({"properties": {"dependencies": {"type": "string"}}})), None);
        assert_eq!(older_keyword(&json!({"properties": {"a": {"dependencies": {}}}})), Some("dependencies"));
    }
}
