//! Attacks by the schemas of tools.

use std::iter;

use serde_json::{Value, json};

use crate::attack::Deed::Says;
use crate::attack::{Act, Asked, Attack, attack, on, with};
use crate::peer::{tool, tools};

pub const ATTACKS: &[Attack] = &[
    attack("a schema of 120 levels", Says(|asked| schema(asked, levels(120))), &[0]),
    attack("a schema that is itself", Says(|asked| schema(asked, json!({"$ref": "#"}))), &[1]),
    attack(
        "two schemas that are each other",
        Says(|asked| {
            schema(
                asked,
                json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            )
        }),
        &[0, 1],
    ),
    attack("an exponential schema", Says(|asked| schema(asked, exponential(40))), &[0]),
    attack("an exponential choice", Says(|asked| schema(asked, choice(30))), &[0]),
    attack("a recursive choice of objects", Says(|asked| schema(asked, family(40))), &[0]),
    attack(
        "2,000 required properties with 2,000 definitions",
        Says(|asked| schema(asked, wide(2_000))),
        &[0],
    ),
    attack(
        "an enum of 300,000 values",
        Says(|asked| {
            schema(
                asked,
                json!({"type": "object", "properties": {"a": {"enum": (0..300_000).collect::<Vec<u32>>()}}, "required": ["a"]}),
            )
        }),
        &[1, 4],
    ),
    attack(
        "a schema from the network",
        Says(|asked| {
            schema(
                asked,
                json!({"type": "object", "properties": {"a": {"$ref": format!("{}/schema.json", asked.trap)}}, "required": ["a"]}),
            )
        }),
        &[0, 1],
    ),
    attack(
        "a dialect from the network",
        Says(|asked| {
            schema(asked, json!({"$schema": format!("{}/dialect.json", asked.trap), "type": "object"}))
        }),
        &[0, 1],
    ),
    attack(
        "a schema from a file",
        Says(|asked| {
            schema(
                asked,
                json!({"type": "object", "properties": {"a": {"$ref": "file:///dev/stdin"}}, "required": ["a"]}),
            )
        }),
        &[0, 1],
    ),
    attack(
        "a pattern that backtracks for ever",
        Says(|asked| schema(asked, pattern("^(?=(a+)+$)(a|a?)+(?!a)b\\1$"))),
        &[0],
    ),
    attack(
        "a pattern that nests quantifiers",
        Says(|asked| schema(asked, pattern("^((((a+)+)+)+)+$"))),
        &[1],
    ),
    attack(
        "a pattern that compiles to gigabytes",
        Says(|asked| schema(asked, pattern("^(((\\w{200}){200}){200}){200}$"))),
        &[0, 1],
    ),
    attack(
        "a text of a billion letters is asked for",
        Says(|asked| {
            schema(
                asked,
                json!({"type": "object", "properties": {"a": {"type": "string", "minLength": 1_000_000_000}, "b": {"type": "array", "minItems": 1_000_000_000}}, "required": ["a", "b"]}),
            )
        }),
        &[0],
    ),
    attack(
        "a schema that leads to itself at the same place",
        Says(|asked| schema(asked, json!({"type": "object", "allOf": [{"$ref": "#"}]}))),
        &[0],
    ),
    with(
        "an exponential schema for the fuzzer",
        Says(|asked| schema(asked, exponential(40))),
        &[0, 1],
        &["--fuzz-cases", "50", "--tools", "all"],
    ),
];

fn levels(depth: usize) -> Value {
    (0..depth).fold(
        json!({"type": "string"}),
        |inner, _| json!({"type": "object", "properties": {"a": inner}, "required": ["a"]}),
    )
}

fn pattern(pattern: &str) -> Value {
    let text = json!({"type": "string", "pattern": pattern, "minLength": 4_000});
    json!({"type": "object", "properties": {"a": text, "b": text, "c": text}, "required": ["a", "b", "c"]})
}

/// Each definition is the one before it, twice.
fn exponential(levels: usize) -> Value {
    let twice = |n: usize| {
        let inner = json!({"$ref": format!("#/$defs/d{n}")});
        (format!("d{}", n + 1), json!({"allOf": [inner, inner]}))
    };
    let first = ("d0".to_owned(), json!({"type": "object"}));
    let definitions: Value = Value::Object(iter::once(first).chain((0..levels).map(twice)).collect());
    json!({"type": "object", "$ref": format!("#/$defs/d{levels}"), "$defs": definitions})
}

/// A choice between many that are the same choice.
fn choice(width: usize) -> Value {
    let again = vec![json!({"$ref": "#/$defs/a"}); width];
    json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["x"], "$defs": {"a": {"anyOf": again}}})
}

/// An object of many that are such objects, or nothing.
fn family(width: usize) -> Value {
    let names: Vec<String> = (0..width).map(|n| format!("c{n}")).collect();
    let member = json!({"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]});
    let properties: Value = Value::Object(names.iter().map(|name| (name.clone(), member.clone())).collect());
    let person = json!({"type": "object", "properties": properties, "required": names});
    json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/person"}}, "required": ["x"], "$defs": {"person": person}})
}

fn wide(width: usize) -> Value {
    let names: Vec<String> = (0..width).map(|n| format!("p{n}")).collect();
    let properties: Value = Value::Object(
        names.iter().map(|name| (name.clone(), json!({"$ref": format!("#/$defs/{name}")}))).collect(),
    );
    let definitions: Value =
        Value::Object(names.iter().map(|name| (name.clone(), json!({"type": "string"}))).collect());
    json!({"type": "object", "properties": properties, "required": names, "$defs": definitions})
}

fn schema(asked: &Asked, schema: Value) -> Act {
    on(asked, "tools/list", || Act::Result(tools(json!([tool("echo", schema)]))))
}
