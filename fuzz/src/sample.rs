//! Instances of schemas that nobody wrote.

use arbitrary::{Arbitrary, Result, Unstructured};
use mcp_conform::sample::{invalid, valid, variants};
use serde_json::{Map, Value, json};

/// What is said to be valid validates, and what is said to be forbidden does not.
pub fn sample(bytes: &[u8]) {
    let Ok(schema) = schema(&mut Unstructured::new(bytes), 4) else { return };
    let Ok(validator) = jsonschema::validator_for(&schema) else { return };
    if let Some(instance) = valid(&schema) {
        assert!(validator.is_valid(&instance), "{instance} is not valid under {schema}");
    }
    for broken in invalid(&schema) {
        assert!(!validator.is_valid(&broken.instance), "{} is valid under {schema}", broken.instance);
    }
    for variant in variants(&schema, 40) {
        assert_eq!(variant.valid, validator.is_valid(&variant.instance), "{} of {schema}", variant.what);
        assert!(!(variant.valid && variant.forbidden), "{} of {schema}", variant.what);
    }
}

/// A schema made of the keywords that tools use, sensible or not.
fn schema(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(json!({"type": kind(bytes)?})) };
    let mut members = Map::new();
    for _ in 0..bytes.int_in_range(0..=4)? {
        let (name, value) = keyword(bytes, depth)?;
        members.insert(name.to_owned(), value);
    }
    Ok(Value::Object(members))
}

fn keyword(bytes: &mut Unstructured<'_>, depth: usize) -> Result<(&'static str, Value)> {
    Ok(match bytes.int_in_range(0..=23)? {
        0..=3 => ("type", json!(kind(bytes)?)),
        4 => ("type", json!([kind(bytes)?, "null"])),
        5..=7 => ("properties", properties(bytes, depth)?),
        8..=9 => ("required", json!([name(bytes)?])),
        10 => ("items", schema(bytes, depth)?),
        11 => ("enum", json!([scalar(bytes)?, scalar(bytes)?])),
        12 => ("const", scalar(bytes)?),
        13 => ("minimum", json!(i16::arbitrary(bytes)?)),
        14 => ("maximum", json!(i16::arbitrary(bytes)?)),
        15 => ("exclusiveMinimum", json!(f32::from(i16::arbitrary(bytes)?) / 4.0)),
        16 => ("minLength", json!(u8::arbitrary(bytes)?)),
        17 => ("maxLength", json!(u8::arbitrary(bytes)?)),
        18 => ("pattern", json!(*bytes.choose(&["^[a-z]+$", "\\d{4}-\\d{2}", "^$", "a|b", "(x)?y"])?)),
        19 => ("additionalProperties", json!(bool::arbitrary(bytes)?)),
        20 => (
            *bytes.choose(&["anyOf", "oneOf", "allOf"])?,
            json!([schema(bytes, depth)?, schema(bytes, depth)?]),
        ),
        21 => ("$ref", json!(*bytes.choose(&["#", "#/properties/a", "#/$defs/a", "other"])?)),
        22 => ("minItems", json!(u8::arbitrary(bytes)? % 4)),
        _ => ("multipleOf", json!(f32::from(u8::arbitrary(bytes)?) / 8.0)),
    })
}

fn properties(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let mut members = Map::new();
    for _ in 0..bytes.int_in_range(1..=3)? {
        members.insert(name(bytes)?.to_owned(), schema(bytes, depth)?);
    }
    Ok(Value::Object(members))
}

fn kind(bytes: &mut Unstructured<'_>) -> Result<&'static str> {
    bytes.choose(&["string", "integer", "number", "boolean", "object", "array", "null"]).copied()
}

fn name(bytes: &mut Unstructured<'_>) -> Result<&'static str> {
    bytes.choose(&["a", "b", "a/b", "~", ""]).copied()
}

fn scalar(bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u8::arbitrary(bytes)? % 4 {
        0 => json!(i16::arbitrary(bytes)?),
        1 => json!(name(bytes)?),
        2 => json!(bool::arbitrary(bytes)?),
        _ => Value::Null,
    })
}
