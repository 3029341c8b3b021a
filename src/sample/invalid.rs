//! Instances that break a schema in one known way.

use serde_json::{Value, json};

use super::valid;
use crate::pattern::Schema;

/// An argument object that the schema forbids, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// The instance.
    pub instance: Value,
    /// What is wrong with it.
    pub reason: String,
}

/// Objects that the schema forbids: a required member left out, a member of the wrong type.
pub fn invalid(schema: &Value) -> Vec<Broken> {
    let (Some(good), Some(judge)) = (valid(schema), Schema::compile(schema.clone())) else {
        return Vec::new();
    };
    // A schema may allow anything at all beside objects.
    if !good.is_object() {
        return Vec::new();
    }
    let missing = required(schema).map(|name| {
        let mut instance = good.clone();
        instance.as_object_mut().map(|members| members.shift_remove(name));
        Broken { instance, reason: format!("the required argument `{name}` is missing") }
    });
    let wrong = required(schema).map(|name| {
        let mut instance = good.clone();
        instance[name] = json!({"mcp-conform": ["wrong type"]});
        Broken { instance, reason: format!("the argument `{name}` has the wrong type") }
    });
    missing.chain(wrong).filter(|broken| judge.allows(&broken.instance) == Some(false)).collect()
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).take(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_really_breaks_the_schema() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        let reasons: Vec<_> = invalid(&schema).into_iter().map(|broken| broken.reason).collect();
        assert_eq!(reasons.len(), 2);
        assert!(invalid(&json!({"type": "object"})).is_empty());
    }
}
