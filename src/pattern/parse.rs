//! From JSON to a pattern.

use serde_json::{Map, Value};

use super::{Node, Schema};

/// A pattern that cannot be read; `at` is the JSON pointer of the part that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at `{at}`")]
pub struct PatternError {
    /// JSON pointer into the pattern.
    pub at: String,
    /// What is wrong.
    pub problem: String,
}

const WORDS: &str =
    "$any, $absent, $null, $string, $text, $integer, $number, $boolean, $object, $array, $base64, $uri";
const OPERATORS: &str = "$regex, $in, $any-of, $all, $not, $each, $contains, $size, $range, $unique, $schema";

fn error(at: &str, problem: impl Into<String>) -> PatternError {
    PatternError { at: at.to_owned(), problem: problem.into() }
}

pub(super) fn node(spec: &Value, at: &str) -> Result<Node, PatternError> {
    match spec {
        Value::String(text) if text.starts_with('$') && !text.starts_with("${") => word(text, at),
        Value::Object(members) => match members.iter().next() {
            Some((key, operand)) if members.len() == 1 && key.starts_with('$') && !key.starts_with("${") => {
                operator(key, operand, at)
            }
            _ => object(members, at),
        },
        Value::Array(elements) => nodes(elements, at).map(Node::Elements),
        other => Ok(Node::Equal(other.clone())),
    }
}

fn word(text: &str, at: &str) -> Result<Node, PatternError> {
    Ok(match text {
        "$any" => Node::Any,
        "$absent" => Node::Absent,
        "$null" => Node::Null,
        "$string" => Node::String,
        "$text" => Node::Text,
        "$integer" => Node::Integer,
        "$number" => Node::Number,
        "$boolean" => Node::Boolean,
        "$object" => Node::Object,
        "$array" => Node::Array,
        "$base64" => Node::Base64,
        "$uri" => Node::Uri,
        other => return Err(error(at, format!("unknown matcher `{other}` (known: {WORDS})"))),
    })
}

fn object(members: &Map<String, Value>, at: &str) -> Result<Node, PatternError> {
    let members = members
        .iter()
        .map(|(key, spec)| match key.strip_prefix('$') {
            // Literal member names that start with `$` are only those of JSON Schema.
            Some(name) if !name.starts_with('{') && !matches!(name, "schema" | "ref" | "defs" | "id") => {
                Err(error(at, format!("`{key}` must be the only key of its object")))
            }
            _ => Ok((key.clone(), node(spec, &format!("{at}/{key}"))?)),
        })
        .collect::<Result<_, _>>()?;
    Ok(Node::Members(members))
}

fn nodes(specs: &[Value], at: &str) -> Result<Vec<Node>, PatternError> {
    specs.iter().enumerate().map(|(index, spec)| node(spec, &format!("{at}/{index}"))).collect()
}

fn operator(key: &str, operand: &Value, at: &str) -> Result<Node, PatternError> {
    let at = &format!("{at}/{key}");
    let boxed = || node(operand, at).map(Box::new);
    Ok(match key {
        "$regex" => Node::Regex(regex(operand, at)?),
        "$in" => Node::In(list(operand, at)?.clone()),
        "$any-of" => Node::AnyOf(nodes(list(operand, at)?, at)?),
        "$all" => Node::All(nodes(list(operand, at)?, at)?),
        "$not" => Node::Not(boxed()?),
        "$each" => Node::Each(boxed()?),
        "$contains" => Node::Contains(boxed()?),
        "$size" => size(operand, at)?,
        "$range" => range(operand, at)?,
        "$unique" => Node::Unique(text(operand, at)?.to_owned()),
        "$schema" => match operand.as_str().and_then(super::template::whole) {
            Some(name) => Node::SchemaAt(name.to_owned()),
            None => Node::Schema(Box::new(schema(operand, at)?)),
        },
        other => return Err(error(at, format!("unknown operator `{other}` (known: {OPERATORS})"))),
    })
}

fn text<'v>(operand: &'v Value, at: &str) -> Result<&'v str, PatternError> {
    operand.as_str().ok_or_else(|| error(at, "a text is needed"))
}

fn list<'v>(operand: &'v Value, at: &str) -> Result<&'v Vec<Value>, PatternError> {
    operand.as_array().ok_or_else(|| error(at, "a list is needed"))
}

fn regex(operand: &Value, at: &str) -> Result<regex::Regex, PatternError> {
    regex::Regex::new(text(operand, at)?).map_err(|e| error(at, e.to_string()))
}

fn schema(operand: &Value, at: &str) -> Result<Schema, PatternError> {
    Schema::compile(operand.clone()).ok_or_else(|| error(at, "not a JSON Schema"))
}

fn bounds<'v>(operand: &'v Value, at: &str) -> Result<[Option<&'v Value>; 2], PatternError> {
    let members = operand.as_object().ok_or_else(|| error(at, "an object with min and/or max is needed"))?;
    match members.keys().find(|key| !matches!(key.as_str(), "min" | "max")) {
        Some(key) => Err(error(at, format!("unknown key `{key}` (known: min, max)"))),
        None => Ok([members.get("min"), members.get("max")]),
    }
}

fn size(operand: &Value, at: &str) -> Result<Node, PatternError> {
    let [min, max] = bounds(operand, at)?;
    let number = |bound: Option<&Value>, open: usize| match bound {
        None => Ok(open),
        Some(value) => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| error(at, "min and max must be whole numbers")),
    };
    Ok(Node::Size { min: number(min, 0)?, max: number(max, usize::MAX)? })
}

fn range(operand: &Value, at: &str) -> Result<Node, PatternError> {
    let [min, max] = bounds(operand, at)?;
    let number = |bound: Option<&Value>, open: f64| match bound {
        None => Ok(open),
        Some(value) => value.as_f64().ok_or_else(|| error(at, "min and max must be numbers")),
    };
    Ok(Node::Range { min: number(min, f64::NEG_INFINITY)?, max: number(max, f64::INFINITY)? })
}
