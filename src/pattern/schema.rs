//! JSON Schemas that somebody else wrote: nothing is fetched for them, and what would take too long to judge is not judged.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, ValidationOptions, Validator};
use serde_json::{Map, Value};

/// Larger schemas are not looked into: values in the document.
const MOST_VALUES: usize = 20_000;
/// Steps that judging one instance may take, and how far they may lead into each other.
const MOST_STEPS: usize = 100_000;
const DEEPEST: usize = 300;

/// A schema, ready to judge.
#[derive(Debug, Clone)]
pub struct Schema(Arc<Ready>);

#[derive(Debug)]
struct Ready {
    schema: Value,
    validator: Validator,
    /// Whether references may lead to names.
    has_names: bool,
}

impl Schema {
    /// Reads a schema; `None` if it is none, or too large.
    pub fn compile(schema: Value) -> Option<Self> {
        Self::built(&jsonschema::options(), schema)
    }

    /// Reads a schema in a dialect, whatever it says of itself.
    pub fn compile_as(draft: Draft, schema: Value) -> Option<Self> {
        Self::built(&jsonschema::options().with_draft(draft), schema)
    }

    fn built(options: &ValidationOptions<'_>, schema: Value) -> Option<Self> {
        let validator = is_small(&schema).then(|| options.build(&schema).ok())??;
        let has_names = has_names(&schema);
        Some(Self(Arc::new(Ready { schema, validator, has_names })))
    }

    /// Whether the schema allows an instance; `None` if it would take too long to tell. Short schemas can double the work
    /// with each of their levels, or go round in circles.
    pub fn allows(&self, instance: &Value) -> Option<bool> {
        let Ready { schema, validator, has_names } = &*self.0;
        Estimate::of(schema, *has_names).is_cheap(instance).then(|| validator.is_valid(instance))
    }

    /// What the schema has against an instance, in words; nothing where it allows it, or would take too long to tell.
    pub fn complaint(&self, instance: &Value) -> Option<String> {
        let forbids = self.allows(instance) == Some(false);
        forbids
            .then(|| self.0.validator.iter_errors(instance).next())
            .flatten()
            .map(|error| error.to_string())
    }
}

/// Whether a schema is not too large to be looked into.
pub fn is_small(schema: &Value) -> bool {
    values(schema) <= MOST_VALUES
}

/// How many values a JSON text holds.
pub fn values(json: &Value) -> usize {
    match json {
        Value::Array(elements) => 1 + elements.iter().map(values).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

/// Whether parts of a schema have names of their own.
fn has_names(schema: &Value) -> bool {
    match schema {
        Value::Array(elements) => elements.iter().any(has_names),
        Value::Object(members) => {
            ["$id", "$anchor", "$dynamicAnchor"].iter().any(|key| members.contains_key(*key))
                || members.values().any(has_names)
        }
        _ => false,
    }
}

/// How many steps judging takes. What leads to the same schema and the same part of the instance is counted by itself
/// once, however often it has to be done.
struct Estimate<'s> {
    root: &'s Value,
    anchors: HashMap<&'s str, &'s Value>,
    /// Whether references may mean something else than they seem to.
    unclear: bool,
    /// By schema and part of the instance; `None` while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<usize>>,
}

impl<'s> Estimate<'s> {
    fn of(root: &'s Value, has_names: bool) -> Self {
        let mut estimate = Self { root, anchors: HashMap::new(), unclear: false, known: HashMap::new() };
        if has_names {
            estimate.learn(root, true);
        }
        estimate
    }

    /// Finds the names that references use.
    fn learn(&mut self, value: &'s Value, is_root: bool) {
        if let Value::Object(members) = value {
            self.unclear |= !is_root && members.get("$id").is_some_and(Value::is_string);
            for key in ["$anchor", "$dynamicAnchor"] {
                if let Some(name) = members.get(key).and_then(Value::as_str) {
                    self.anchors.insert(name, value);
                }
            }
            members.values().for_each(|inner| self.learn(inner, false));
        } else if let Value::Array(elements) = value {
            elements.iter().for_each(|inner| self.learn(inner, false));
        }
    }

    fn is_cheap(&mut self, instance: &Value) -> bool {
        !self.unclear && self.steps(self.root, instance, 0) < MOST_STEPS
    }

    fn steps(&mut self, schema: &'s Value, instance: &Value, depth: usize) -> usize {
        let Value::Object(members) = schema else { return 1 };
        let key = (std::ptr::from_ref(schema), std::ptr::from_ref(instance));
        match self.known.get(&key) {
            Some(Some(steps)) => return *steps,
            // A circle.
            Some(None) => return MOST_STEPS,
            None if depth > DEEPEST => return MOST_STEPS,
            None => {}
        }
        self.known.insert(key, None);
        let mut steps = 1_usize;
        for (keyword, value) in members {
            steps = steps.saturating_add(self.keyword(keyword, value, members, instance, depth + 1));
        }
        self.known.insert(key, Some(steps));
        steps
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &'s Value,
        members: &'s Map<String, Value>,
        instance: &Value,
        depth: usize,
    ) -> usize {
        let elements = instance.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut all = |schemas: &mut dyn Iterator<Item = (&'s Value, &Value)>| {
            schemas.fold(0_usize, |sum, (schema, part)| sum.saturating_add(self.steps(schema, part, depth)))
        };
        match (keyword, value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                match self.target(reference) {
                    Some(target) => self.steps(target, instance, depth),
                    None => MOST_STEPS,
                }
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                all(&mut schemas.iter().map(|schema| (schema, instance)))
            }
            ("not" | "if" | "then" | "else", schema) => all(&mut std::iter::once((schema, instance))),
            ("dependentSchemas" | "dependencies", Value::Object(schemas)) => {
                all(&mut schemas.values().map(|schema| (schema, instance)))
            }
            ("properties", Value::Object(schemas)) => {
                all(&mut schemas.iter().filter_map(|(name, schema)| Some((schema, instance.get(name)?))))
            }
            ("patternProperties", Value::Object(schemas)) => {
                let parts = || instance.as_object().into_iter().flat_map(Map::values);
                all(&mut schemas.values().flat_map(|schema| parts().map(move |part| (schema, part))))
            }
            ("additionalProperties" | "unevaluatedProperties" | "propertyNames", schema) => {
                let known = members.get("properties").and_then(Value::as_object);
                let others = instance.as_object().into_iter().flatten();
                let others = others.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                all(&mut others.map(|(_, part)| (schema, part)))
            }
            ("items" | "prefixItems", Value::Array(schemas)) => all(&mut schemas.iter().zip(elements)),
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema) => {
                all(&mut elements.iter().map(|element| (schema, element)))
            }
            ("enum", Value::Array(choices)) => choices.len(),
            _ => 1,
        }
    }

    fn target(&self, reference: &str) -> Option<&'s Value> {
        match reference.strip_prefix('#')? {
            pointer if pointer.is_empty() || pointer.starts_with('/') => self.root.pointer(pointer),
            name => self.anchors.get(name).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn allows(schema: Value, instance: Value) -> Option<bool> {
        Schema::compile(schema).expect("a schema").allows(&instance)
    }

    #[test]
    fn ordinary_schemas_are_judged() {
        let tree = json!({"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}, "n": {"enum": [1]}}});
        assert_eq!(allows(tree.clone(), json!({"l": {"r": {"n": 1}}, "r": {}})), Some(true));
        assert_eq!(allows(tree, json!({"l": {"r": {"n": 2}}})), Some(false));
    }

    #[test]
    fn what_doubles_with_each_level_is_not_judged() {
        let twice = |n: usize| {
            let inner = json!({"$ref": format!("#/$defs/d{n}")});
            (format!("d{}", n + 1), json!({"allOf": [inner, inner]}))
        };
        let first = ("d0".to_owned(), json!({"type": "object"}));
        let definitions: Map<String, Value> = std::iter::once(first).chain((0..60).map(twice)).collect();
        assert_eq!(allows(json!({"$ref": "#/$defs/d60", "$defs": definitions}), json!({})), None);
        assert_eq!(allows(json!({"$ref": "#/$defs/d5", "$defs": definitions}), json!({})), Some(true));
    }

    #[test]
    fn circles_are_not_followed() {
        assert_eq!(allows(json!({"allOf": [{"$ref": "#"}]}), json!({})), None);
        let other = json!({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}});
        assert_eq!(allows(other, json!(1)), None);
    }
}
