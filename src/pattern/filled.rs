//! Filling captured values into a pattern.

use serde_json::Value;

use super::template::{Missing, fill};
use super::{Node, Schema};

fn key(key: &str, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<String, Missing> {
    let filled = fill(&Value::String(key.to_owned()), lookup)?;
    Ok(filled.as_str().map_or_else(|| filled.to_string(), str::to_owned))
}

pub(super) fn node(node: &Node, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Node, Missing> {
    let all = |nodes: &[Node], lookup: &mut dyn FnMut(&str) -> Option<Value>| {
        nodes.iter().map(|inner| self::node(inner, lookup)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match node {
        Node::Equal(template) => Node::Equal(fill(template, lookup)?),
        Node::In(templates) => {
            Node::In(templates.iter().map(|template| fill(template, lookup)).collect::<Result<_, _>>()?)
        }
        Node::Members(members) => Node::Members(
            members
                .iter()
                .map(|(key, inner)| Ok((self::key(key, lookup)?, self::node(inner, lookup)?)))
                .collect::<Result<_, Missing>>()?,
        ),
        Node::Elements(nodes) => Node::Elements(all(nodes, lookup)?),
        Node::AnyOf(nodes) => Node::AnyOf(all(nodes, lookup)?),
        Node::All(nodes) => Node::All(all(nodes, lookup)?),
        Node::Not(inner) => Node::Not(Box::new(self::node(inner, lookup)?)),
        Node::Each(inner) => Node::Each(Box::new(self::node(inner, lookup)?)),
        Node::Contains(inner) => Node::Contains(Box::new(self::node(inner, lookup)?)),
        Node::SchemaAt(name) => {
            let missing = || Missing(name.clone());
            let schema = lookup(name).ok_or_else(missing)?;
            // A schema that cannot be used judges nothing; that it is broken is another requirement.
            Node::Schema(Box::new(Schema::compile(schema).ok_or_else(missing)?))
        }
        other => other.clone(),
    })
}
