//! Schemas compared with schemas.

use serde_json::json;

use super::*;

fn told(old: Value, new: Value) -> Vec<String> {
    shifts(&old, &new).iter().map(|it| format!("{:?} {}: {}", it.effect, it.place, it.what)).collect()
}

fn object(properties: Value, required: Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

#[test]
fn members_come_and_go() {
    let old = object(json!({"a": {"type": "string"}, "b": {"type": "string"}}), json!(["a"]));
    let new = object(json!({"a": {"type": "string"}, "c": {}, "d": {}}), json!(["d"]));
    assert_eq!(
        told(old, new),
        [
            "Harmless /c: new and optional",
            "Narrower /d: new and required",
            "Unclear /b: gone",
            "Wider /a: no longer required"
        ]
    );
}

#[test]
fn types_values_and_bounds_get_narrower_or_wider() {
    assert_eq!(
        told(json!({"type": "number"}), json!({"type": "integer"})),
        ["Narrower /: no longer of type number"]
    );
    assert_eq!(
        told(json!({"type": "string"}), json!({"type": ["string", "null"]})),
        ["Wider /: also of type null"]
    );
    assert_eq!(
        told(json!({"type": "string"}), json!({"type": "object"})),
        ["Different /: another type: string → object"]
    );
    assert_eq!(
        told(json!({"enum": ["a", "b"]}), json!({"enum": ["a", "c"]})),
        ["Narrower /: no longer \"b\"", "Wider /: also \"c\""]
    );
    assert_eq!(told(json!({"type": "string"}), json!({"enum": ["a"]})), ["Narrower /: one of \"a\" only"]);
    assert_eq!(told(json!({"maximum": 5}), json!({"maximum": 4})), ["Narrower /: the greatest value: 5 → 4"]);
    assert_eq!(
        told(json!({"minimum": 1}), json!({"exclusiveMinimum": 0})),
        ["Wider /: the least value: 1 → 0, excluded"]
    );
    assert_eq!(
        told(json!({"minLength": 1}), json!({"minLength": 0})),
        ["Wider /: the least length: 1 → any"]
    );
    assert_eq!(told(json!({"pattern": "a"}), json!({"pattern": "b"})), ["Unclear /: pattern: \"a\" → \"b\""]);
}

#[test]
fn alternatives_are_compared_as_sets_and_words_are_no_difference() {
    let nullable = json!({"anyOf": [{"type": "string", "title": "x"}, {"type": "null"}], "default": null});
    assert_eq!(told(json!({"type": "string"}), nullable.clone()), ["Wider /: more alternatives"]);
    assert_eq!(told(nullable.clone(), json!({"type": "string"})), ["Narrower /: fewer alternatives"]);
    let other = json!({"anyOf": [{"type": "null"}, {"type": "string", "title": "y"}], "description": "new"});
    assert_eq!(told(nullable, other), Vec::<String>::new());
}

#[test]
fn references_are_followed_even_when_they_go_round() {
    let tree = |kind: &str| {
        json!({"$ref": "#/$defs/t", "$defs": {"t": {"type": "object", "properties": {
            "v": {"type": kind}, "l": {"anyOf": [{"$ref": "#/$defs/t"}, {"type": "null"}]}}}}})
    };
    assert_eq!(told(tree("number"), tree("integer")), ["Narrower /v: no longer of type number"]);
}

#[test]
fn closing_an_object_forbids_what_was_allowed() {
    let open = json!({"type": "object"});
    let closed = json!({"type": "object", "additionalProperties": false});
    assert_eq!(told(open.clone(), closed.clone()), ["Narrower /(others): nothing is allowed any more"]);
    assert_eq!(told(closed, open), ["Wider /(others): allowed now"]);
}

/// Schemas of all sorts, each compared with each.
fn pool() -> Vec<Value> {
    let x = |member: Value| json!({"type": "object", "properties": {"x": member}});
    let text = json!({"type": "string"});
    let mut pool = vec![
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"x": text, "y": {"type": "integer"}}}),
        json!({"type": "object", "properties": {"x": text, "y": {"type": "integer"}}, "required": ["y"]}),
        json!({"type": "object", "properties": {"x": text}, "required": ["x"]}),
        json!({"type": "object", "properties": {"x": text}, "additionalProperties": false}),
        json!({"type": "object", "properties": {"x": text}, "additionalProperties": text}),
        json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/k"}}, "$defs": {"k": {"enum": ["a", "b"]}}}),
        json!({"type": "object", "allOf": [{"required": ["x"]}], "properties": {"x": text}}),
    ];
    let members = [
        json!(true),
        json!(false),
        json!({}),
        text.clone(),
        json!({"type": "integer"}),
        json!({"type": "number"}),
        json!({"type": ["string", "null"]}),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"enum": ["a", "b"]}),
        json!({"const": "a"}),
        json!({"type": "string", "enum": ["a", "c"]}),
        json!({"type": "string", "minLength": 2}),
        json!({"type": "string", "maxLength": 3}),
        json!({"type": "string", "pattern": "^a"}),
        json!({"type": "integer", "minimum": 1}),
        json!({"type": "integer", "exclusiveMinimum": 1, "maximum": 9}),
        json!({"type": "integer", "multipleOf": 2}),
        json!({"type": "array", "items": text}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 1}),
        json!({"type": "array", "uniqueItems": true}),
        json!({"type": "object", "properties": {"z": text}, "required": ["z"]}),
        json!({"not": {"type": "string"}}),
    ];
    pool.extend(members.map(x));
    pool
}

#[test]
fn what_is_called_right_is_right_for_every_instance() {
    let pool = pool();
    let instances: Vec<Value> =
        pool.iter().flat_map(|schema| crate::sample::variants(schema, 30)).map(|it| it.instance).collect();
    let allowed: Vec<Vec<bool>> = pool
        .iter()
        .map(|schema| {
            let validator = jsonschema::validator_for(schema).expect("a schema");
            instances.iter().map(|instance| validator.is_valid(instance)).collect()
        })
        .collect();
    for (old, before) in pool.iter().zip(&allowed) {
        for (new, now) in pool.iter().zip(&allowed) {
            let shifts = shifts(old, new);
            let says = |effect| shifts.iter().any(|shift| shift.effect == effect);
            let hedged = says(Effect::Unclear) || says(Effect::Different) || says(Effect::Harmless);
            let example = |one: &[bool], other: &[bool]| {
                instances
                    .iter()
                    .zip(one.iter().zip(other))
                    .find(|(_, (one, other))| **one && !**other)
                    .map(|(instance, _)| instance)
            };
            if !hedged && !says(Effect::Narrower) {
                assert_eq!(example(before, now), None, "{old} → {new}: {shifts:?}");
            }
            if !hedged && !says(Effect::Wider) {
                assert_eq!(example(now, before), None, "{old} → {new}: {shifts:?}");
            }
        }
    }
}
