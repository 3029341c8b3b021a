//! Our own wire schemas: one JSON Schema per message and revision, each constraint tagged with its requirement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jsonschema::{OutputUnit, Validator};
use serde_json::{Map, Value, json};

use super::memo::Memo;
use super::{SourceFile, Verdict, files, yaml};
use crate::protocol::{Revision, excerpt, shortened};

/// Which message of the protocol a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// The `result` of a reply, by the method of the request.
    Result,
    /// A whole notification from the server.
    Notification,
    /// A whole request from the server.
    Request,
    /// The `error` member of a reply.
    Error,
    /// A whole request of ours.
    ClientRequest,
    /// A whole notification of ours.
    ClientNotification,
}

impl Position {
    const ALL: [Self; 6] = [
        Self::Result,
        Self::Notification,
        Self::Request,
        Self::Error,
        Self::ClientRequest,
        Self::ClientNotification,
    ];

    const fn section(self) -> &'static str {
        match self {
            Self::Result => "results",
            Self::Notification => "notifications",
            Self::Request => "requests",
            Self::Error => "errors",
            Self::ClientRequest => "client_requests",
            Self::ClientNotification => "client_notifications",
        }
    }

    /// The message in words: `result of tools/list`.
    pub fn words(self, name: &str) -> String {
        match self {
            Self::Result => format!("result of {name}"),
            Self::Notification | Self::ClientNotification => name.to_owned(),
            Self::Request | Self::ClientRequest => format!("request {name}"),
            Self::Error => "error".to_owned(),
        }
    }
}

/// A requirement that a message was held against, and whether it was violated.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The requirement.
    pub requirement: String,
    /// The first violation of it, if any.
    pub violation: Option<Violation>,
}

/// Where and how a message breaks a constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// JSON pointer into the judged part of the message.
    pub at: String,
    /// What is wrong, in words.
    pub problem: String,
    /// The value there, as JSON.
    pub got: String,
    /// A softer verdict than the requirement's level, where the schema says so.
    pub verdict: Option<Verdict>,
}

type Key = (Position, String);

/// The schemas of one revision. Validators are compiled when first needed.
pub struct Schemas {
    document: Value,
    compiled: Mutex<HashMap<Key, Option<Arc<Validator>>>>,
    memo: Memo,
}

/// A constraint without a tag belongs to the rule that messages match the published schema.
const FALLBACK: &str = "base.schema.messages-match";

impl Schemas {
    /// The schemas of a revision.
    pub fn of(revision: Revision) -> &'static Self {
        static ALL: OnceLock<Value> = OnceLock::new();
        static BY_REVISION: [OnceLock<Schemas>; Revision::ALL.len()] =
            [const { OnceLock::new() }; Revision::ALL.len()];
        BY_REVISION[revision.index()].get_or_init(|| {
            let merged = ALL.get_or_init(|| merge(&files("schemas")));
            let document = prune(merged, revision).unwrap_or_default();
            Self { document, compiled: Mutex::default(), memo: Memo::default() }
        })
    }

    /// Whether there is a schema for the message.
    pub fn has(&self, position: Position, name: &str) -> bool {
        self.document[position.section()].get(name).is_some()
    }

    /// The messages that have a schema.
    pub fn names(&self, position: Position) -> impl Iterator<Item = &str> {
        self.document[position.section()].as_object().into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// The schema of a message as one self-contained document.
    pub fn document(&self, position: Position, name: &str) -> Option<Value> {
        self.has(position, name).then(|| {
            let name = name.replace('~', "~0").replace('/', "~1");
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$ref": format!("#/$defs/{}/{name}", position.section()),
                "$defs": self.document,
            })
        })
    }

    fn validator(&self, position: Position, name: &str) -> Option<Arc<Validator>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let compile = || {
            let document = self.document(position, name)?;
            // The embedded schemas are proven by a test; a broken one is a bug of this tool.
            let validator =
                jsonschema::draft202012::new(&document).unwrap_or_else(|e| panic!("schema of {name}: {e}"));
            Some(Arc::new(validator))
        };
        compiled.entry((position, name.to_owned())).or_insert_with(compile).clone()
    }

    /// Holds a message against its schema: every requirement that was exercised, in order of the schema. Empty when
    /// there is no schema for it.
    pub fn judge(&self, position: Position, name: &str, message: &Value) -> Arc<[Tag]> {
        self.memo.get(position, name, message, || {
            let Some(validator) = self.validator(position, name) else { return Vec::new() };
            let mut tags = Tags::default();
            tags.walk(validator.evaluate(message).root(), &(FALLBACK.to_owned(), None), message);
            tags.0
        })
    }

    /// Every requirement that the schemas of this revision enforce, with the messages in which they do.
    pub fn tagged(&self) -> Vec<(String, Vec<String>)> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        let ours =
            |position: &Position| matches!(position, Position::ClientRequest | Position::ClientNotification);
        for position in Position::ALL.into_iter().filter(|position| !ours(position)) {
            for name in self.names(position) {
                let mut seen = Vec::new();
                self.collect(&self.document[position.section()][name], &mut seen, &mut Vec::new());
                for id in seen {
                    let words = position.words(name);
                    match found.iter_mut().find(|(known, _)| *known == id) {
                        Some((_, messages)) => messages.push(words),
                        None => found.push((id, vec![words])),
                    }
                }
            }
        }
        found
    }

    fn collect(&self, schema: &Value, found: &mut Vec<String>, open: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(id) = members.get("x-requirement").and_then(Value::as_str)
                    && !found.iter().any(|known| known == id)
                {
                    found.push(id.to_owned());
                }
                if let Some(name) = members.get("$ref").and_then(Value::as_str)
                    && !open.iter().any(|known| known == name)
                {
                    open.push(name.to_owned());
                    let pointer = name.trim_start_matches("#/$defs");
                    self.collect(self.document.pointer(pointer).unwrap_or(&Value::Null), found, open);
                }
                members.values().for_each(|inner| self.collect(inner, found, open));
            }
            Value::Array(elements) => elements.iter().for_each(|inner| self.collect(inner, found, open)),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Tags(Vec<Tag>);

impl Tags {
    fn walk(&mut self, unit: OutputUnit<'_>, outer: &(String, Option<Verdict>), message: &Value) {
        let own = tag(&unit, outer);
        let here = own.as_ref().unwrap_or(outer);
        if own.is_some() {
            self.note(here, None);
        }
        for error in unit.errors() {
            self.note(here, Some(violation(&unit, error.message(), here.1, message)));
        }
        // Of a union that fails as a whole, the failures of its branches say nothing more.
        let union = ["/anyOf", "/oneOf", "/not"].iter().any(|end| unit.schema_location().ends_with(end));
        if !union || unit.valid() {
            unit.children().for_each(|child| self.walk(child, here, message));
        } else if unit.errors().is_empty() {
            let said = branches(&unit);
            let problem = match said.is_empty() {
                true => "not what is allowed here".to_owned(),
                false => format!("no alternative fits: {}", said.join("; ")),
            };
            self.note(here, Some(violation(&unit, problem, here.1, message)));
        }
    }

    fn note(&mut self, (requirement, _): &(String, Option<Verdict>), violation: Option<Violation>) {
        match self.0.iter_mut().find(|tag| tag.requirement == *requirement) {
            Some(tag) => tag.violation = tag.violation.take().or(violation),
            None => self.0.push(Tag { requirement: requirement.clone(), violation }),
        }
    }
}

/// What is wrong at the place of a unit.
fn violation(
    unit: &OutputUnit<'_>,
    problem: impl Into<String>,
    verdict: Option<Verdict>,
    message: &Value,
) -> Violation {
    let at = unit.instance_location().to_string();
    let got = message.pointer(&at).map_or_else(|| Value::Null.to_string(), excerpt);
    Violation { at, problem: shortened(problem), got, verdict }
}

/// What each branch of a union says against the instance.
fn branches(unit: &OutputUnit<'_>) -> Vec<String> {
    let mut said: Vec<String> = unit.errors().iter().map(|error| error.message().to_owned()).collect();
    unit.children().for_each(|child| said.extend(branches(&child)));
    said.dedup();
    said
}

/// The tag of a schema object itself, with what it leaves unsaid taken from the enclosing one.
fn tag(unit: &OutputUnit<'_>, outer: &(String, Option<Verdict>)) -> Option<(String, Option<Verdict>)> {
    let annotations = unit.annotations().or(unit.dropped_annotations())?.value();
    let id = annotations.get("x-requirement").and_then(Value::as_str);
    let softer =
        (annotations.get("x-verdict").and_then(Value::as_str) == Some("warn")).then_some(Verdict::Warn);
    match (id, softer) {
        (None, None) => None,
        (Some(id), softer) => Some((id.to_owned(), softer)),
        (None, softer) => Some((outer.0.clone(), softer)),
    }
}

fn merge(files: &[SourceFile]) -> Value {
    let mut merged = json!({});
    for file in files {
        // The embedded files are proven by a test; a broken one is a bug of this tool.
        let sections: Map<String, Value> = yaml(file.text).unwrap_or_else(|e| panic!("{}: {e}", file.path));
        for (section, content) in sections {
            let target = match section.as_str() {
                "$defs" => &mut merged,
                name => &mut merged[name],
            };
            if target.is_null() {
                *target = json!({});
            }
            let Value::Object(content) = content else { continue };
            for (name, schema) in content {
                assert!(target.get(&name).is_none(), "{}: {section}/{name} is defined twice", file.path);
                target[name] = schema;
            }
        }
    }
    merged
}

/// Takes out what does not hold in the revision. `None`: the whole value goes.
fn prune(value: &Value, revision: Revision) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let bound = |key| members.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
            let since: Option<Revision> = bound("x-since");
            let until: Option<Revision> = bound("x-until");
            if since.is_some_and(|since| revision < since) || until.is_some_and(|until| revision > until) {
                return None;
            }
            let kept = members
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "x-since" | "x-until"))
                .filter_map(|(key, inner)| Some((key.clone(), prune(inner, revision)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(elements) => {
            let kept: Vec<Value> = elements.iter().filter_map(|inner| prune(inner, revision)).collect();
            // An applicator such as allOf must not become an empty list.
            (!kept.is_empty() || elements.is_empty()).then_some(Value::Array(kept))
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::requirement;
    use super::*;

    #[test]
    fn every_schema_compiles_in_every_revision() {
        for revision in Revision::ALL {
            let schemas = Schemas::of(revision);
            for position in Position::ALL {
                let names: Vec<_> = schemas.names(position).map(str::to_owned).collect();
                names.iter().for_each(|name| drop(schemas.validator(position, name)));
            }
        }
    }

    #[test]
    fn every_tag_is_a_requirement_in_force() {
        for revision in Revision::ALL {
            for (id, messages) in Schemas::of(revision).tagged() {
                let known =
                    requirement(&id).unwrap_or_else(|| panic!("{messages:?}: unknown requirement {id}"));
                assert!(
                    known.revisions().contains(revision),
                    "{messages:?}: {id} does not hold in {revision}"
                );
            }
        }
    }

    #[test]
    fn pruning_follows_the_revision() {
        let schema =
            json!({"allOf": [{"x-since": "2025-06-18", "a": 1}], "p": {"x-until": "2025-03-26", "b": 2}});
        assert_eq!(prune(&schema, Revision::V2025_06_18), Some(json!({"allOf": [{"a": 1}]})));
        assert_eq!(prune(&schema, Revision::V2024_11_05), Some(json!({"p": {"b": 2}})));
    }
}
