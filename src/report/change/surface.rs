//! Changes of what a server offers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::schema::{self, Effect, Shift};
use super::{breaking, change, compatible, unknown};
use crate::pattern::Schema;
use crate::runner::{Change, Judgement};
use crate::sample;

/// A list of the surface: its member, what an item is called, what names it, and how two of the same name are compared.
struct List {
    member: &'static str,
    thing: &'static str,
    name: &'static str,
    compare: fn(&Value, &Value) -> Vec<Change>,
}

const LISTS: [List; 4] = [
    List { member: "tools", thing: "tool", name: "name", compare: tool },
    List { member: "resources", thing: "resource", name: "uri", compare: resource },
    List { member: "resourceTemplates", thing: "resource template", name: "uriTemplate", compare: resource },
    List { member: "prompts", thing: "prompt", name: "name", compare: prompt },
];

/// Members whose change is a matter of words.
const WORDS: [&str; 5] = ["title", "description", "icons", "_meta", "websiteUrl"];

/// The changes between two surfaces.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    if old.get("surface").is_some() != new.get("surface").is_some() {
        return vec![unknown("what the server offers was not seen in one of the two")];
    }
    let mut changes = identity(&old["server"], &new["server"]);
    capabilities(&old["capabilities"], &new["capabilities"], "", &mut changes);
    if old["instructions"] != new["instructions"] {
        changes.push(compatible("the instructions have other words"));
    }
    changes.extend(LISTS.iter().flat_map(|list| list.changes(&old[list.member], &new[list.member])));
    changes
}

fn identity(old: &Value, new: &Value) -> Vec<Change> {
    let told = |key: &str| {
        let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("the server's {key}: {} → {}", words(&old[key]), words(&new[key]))
    };
    let mut changes = Vec::new();
    if old["name"] != new["name"] {
        changes.push(unknown(told("name")));
    }
    if old["version"] != new["version"] {
        changes.push(compatible(told("version")));
    }
    if old != new && changes.is_empty() {
        changes.push(compatible("the server tells other things about itself"));
    }
    changes
}

fn capabilities(old: &Value, new: &Value, place: &str, changes: &mut Vec<Change>) {
    let named = if place.is_empty() { "the capabilities".to_owned() } else { format!("capability {place}") };
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(before), Value::Object(now)) => {
            for key in before.keys().chain(now.keys().filter(|key| !before.contains_key(*key))) {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                capabilities(&old[key.as_str()], &new[key.as_str()], &place, changes);
            }
        }
        (_, Value::Null | Value::Bool(false)) => changes.push(breaking(format!("{named} is gone"))),
        (Value::Null | Value::Bool(false), _) => changes.push(compatible(format!("{named} is new"))),
        _ => changes.push(unknown(format!("{named}: {old} → {new}"))),
    }
}

impl List {
    fn changes(&self, old: &Value, new: &Value) -> Vec<Change> {
        let (old, new) = (self.named(old), self.named(new));
        let find = |items: &[(String, Value)], name: &str| {
            items.iter().find(|(known, _)| known == name).map(|(_, item)| item.clone())
        };
        let names: BTreeSet<&String> = old.iter().chain(&new).map(|(name, _)| name).collect();
        let of = |name: &String| {
            let named = format!("{} `{name}`", self.thing);
            match (find(&old, name), find(&new, name)) {
                (Some(old), Some(new)) if old == new => Vec::new(),
                (Some(old), Some(new)) => self.both(&named, &old, &new),
                (Some(_), None) => vec![breaking(format!("{named} is gone"))],
                (None, _) => vec![compatible(format!("{named} is new"))],
            }
        };
        names.into_iter().flat_map(of).collect()
    }

    /// Items with their names; of several with one name, the later ones are counted.
    fn named(&self, items: &Value) -> Vec<(String, Value)> {
        let mut named: Vec<(String, Value)> = Vec::new();
        for item in items.as_array().into_iter().flatten() {
            let name = item[self.name].as_str().unwrap_or("(unnamed)").to_owned();
            let times = named.iter().filter(|(known, _)| known.split(" (").next() == Some(&name)).count();
            let name = if times == 0 { name } else { format!("{name} ({})", times + 1) };
            named.push((name, item.clone()));
        }
        named
    }

    fn both(&self, named: &str, old: &Value, new: &Value) -> Vec<Change> {
        let mut changes = (self.compare)(old, new);
        if WORDS.iter().any(|key| old[*key] != new[*key]) {
            changes.push(compatible("other words"));
        }
        if changes.is_empty() {
            changes.push(unknown("something that this tool does not know changed"));
        }
        changes.into_iter().map(|it| change(it.judgement, format!("{named}: {}", it.what))).collect()
    }
}

fn tool(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = input(&old["inputSchema"], &new["inputSchema"]);
    changes.extend(output(&old["outputSchema"], &new["outputSchema"]));
    let support = |tool: &Value| tool["execution"]["taskSupport"].as_str().unwrap_or("forbidden").to_owned();
    match (support(old).as_str(), support(new).as_str()) {
        (before, now) if before == now => {}
        (_, "optional") => changes.push(compatible("it may be called as a task now, or plainly")),
        (before, now) => changes.push(breaking(format!("task support: {before} → {now}"))),
    }
    changes.extend(hints(&old["annotations"], &new["annotations"]));
    changes
}

/// Who lets read-only tools run unasked must know that one is no longer read-only.
fn hints(old: &Value, new: &Value) -> Vec<Change> {
    let hint =
        |annotations: &Value, name: &str, default: bool| annotations[name].as_bool().unwrap_or(default);
    let risky = [
        ("readOnlyHint", false, false),
        ("idempotentHint", false, false),
        ("destructiveHint", true, true),
        ("openWorldHint", true, true),
    ];
    let mut changes = Vec::new();
    for (name, default, is_risky) in risky {
        let (before, now) = (hint(old, name, default), hint(new, name, default));
        match (before == now, now == is_risky) {
            (true, _) => {}
            (false, true) => changes.push(unknown(format!("{name}: {before} → {now}"))),
            (false, false) => changes.push(compatible(format!("{name}: {before} → {now}"))),
        }
    }
    if changes.is_empty() && old != new {
        changes.push(compatible("other annotations"));
    }
    changes
}

/// What was accepted must be accepted still.
fn input(old: &Value, new: &Value) -> Vec<Change> {
    let shifts = schema::shifts(old, new);
    let judge = |effect| match effect {
        Effect::Narrower | Effect::Different => Judgement::Breaking,
        Effect::Wider | Effect::Harmless => Judgement::Compatible,
        Effect::Unclear => Judgement::Unknown,
    };
    judged("input", shifts, judge, || witness(old, new))
}

/// What comes must be what was told.
fn output(old: &Value, new: &Value) -> Vec<Change> {
    match (old, new) {
        (Value::Null, Value::Null) => Vec::new(),
        (Value::Null, _) => vec![compatible("its output has a schema now")],
        (_, Value::Null) => vec![breaking("its output has no schema any more")],
        _ => {
            let judge = |effect| match effect {
                Effect::Wider | Effect::Different => Judgement::Breaking,
                Effect::Narrower | Effect::Harmless => Judgement::Compatible,
                Effect::Unclear => Judgement::Unknown,
            };
            judged("output", schema::shifts(old, new), judge, || witness(new, old))
        }
    }
}

/// Each shift with its judgement. What cannot be told from the schemas is tried: an instance that only one of them allows
/// settles it.
fn judged(
    side: &str,
    shifts: Vec<Shift>,
    judge: impl Fn(Effect) -> Judgement,
    witness: impl Fn() -> Option<Value>,
) -> Vec<Change> {
    let is_unclear = shifts.iter().any(|shift| shift.effect == Effect::Unclear);
    let told = |shift: &Shift| format!("{side} {}: {}", shift.place, shift.what);
    let mut changes: Vec<Change> =
        shifts.iter().map(|shift| change(judge(shift.effect), told(shift))).collect();
    if let Some(instance) = is_unclear.then(witness).flatten() {
        let said = match side {
            "input" => format!("{instance} was right, and is not any more"),
            _ => format!("{instance} may come, and was not foreseen"),
        };
        changes.push(breaking(format!("{side}: {said}")));
    }
    changes
}

/// An instance that one schema allows and the other forbids.
fn witness(allowing: &Value, forbidding: &Value) -> Option<Value> {
    let judge = Schema::compile(forbidding.clone())?;
    let instances = sample::variants(allowing, 60).into_iter().filter(|variant| variant.valid);
    // Long instances are no examples.
    let short = instances.filter(|variant| variant.instance.to_string().len() < 300);
    short.map(|variant| variant.instance).find(|instance| judge.allows(instance) == Some(false))
}

fn resource(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    if old["mimeType"] != new["mimeType"] {
        changes.push(unknown(format!("MIME type: {} → {}", old["mimeType"], new["mimeType"])));
    }
    if ["name", "size", "annotations"].iter().any(|key| old[*key] != new[*key]) {
        changes.push(compatible("another name, size or annotation"));
    }
    changes
}

fn prompt(old: &Value, new: &Value) -> Vec<Change> {
    let arguments = |prompt: &Value| prompt["arguments"].as_array().cloned().unwrap_or_default();
    let named = |arguments: &[Value], name: &Value| arguments.iter().find(|it| it["name"] == *name).cloned();
    let (before, now) = (arguments(old), arguments(new));
    let mut changes = Vec::new();
    for argument in &now {
        let told = |what: &str| format!("argument {}: {what}", argument["name"]);
        match (named(&before, &argument["name"]), argument["required"] == true) {
            (None, true) => changes.push(breaking(told("new and required"))),
            (None, false) => changes.push(compatible(told("new and optional"))),
            (Some(old), true) if old["required"] != true => changes.push(breaking(told("required now"))),
            (Some(old), false) if old["required"] == true => {
                changes.push(compatible(told("no longer required")))
            }
            (Some(old), _) if old != *argument => changes.push(compatible(told("other words"))),
            (Some(_), _) => {}
        }
    }
    let gone = before.iter().filter(|argument| named(&now, &argument["name"]).is_none());
    changes.extend(gone.map(|argument| unknown(format!("argument {}: gone", argument["name"]))));
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(old: Value, new: Value) -> Vec<String> {
        changes(&old, &new).iter().map(|it| format!("{}: {}", it.judgement.as_str(), it.what)).collect()
    }

    fn with(tool: Value) -> Value {
        json!({"tools": [tool]})
    }

    #[test]
    fn tools_come_and_go() {
        let (one, two) = (with(json!({"name": "a"})), with(json!({"name": "b"})));
        assert_eq!(told(one, two), ["breaking: tool `a` is gone", "compatible: tool `b` is new"]);
    }

    #[test]
    fn what_goes_in_and_what_comes_out_are_judged_the_other_way_round() {
        let tool = |key: &str, kind: Value| {
            with(json!({"name": "a", key: {"type": "object", "properties": {"x": {"type": kind}}}}))
        };
        let (narrow, wide) = (json!("integer"), json!(["integer", "null"]));
        let one =
            |key, old: &Value, new: &Value| told(tool(key, old.clone()), tool(key, new.clone())).concat();
        assert_eq!(one("inputSchema", &narrow, &wide), "compatible: tool `a`: input /x: also of type null");
        assert_eq!(
            one("inputSchema", &wide, &narrow),
            "breaking: tool `a`: input /x: no longer of type null"
        );
        assert_eq!(one("outputSchema", &narrow, &wide), "breaking: tool `a`: output /x: also of type null");
        assert_eq!(
            one("outputSchema", &wide, &narrow),
            "compatible: tool `a`: output /x: no longer of type null"
        );
    }

    #[test]
    fn what_schemas_do_not_tell_is_tried() {
        let tool = |pattern: &str| {
            let member = json!({"type": "string", "enum": ["abc", "xyz"], "pattern": pattern});
            with(
                json!({"name": "a", "inputSchema": {"type": "object", "properties": {"x": member}, "required": ["x"]}}),
            )
        };
        assert_eq!(
            told(tool("^[a-z]+$"), tool("^x")),
            [
                "unknown: tool `a`: input /x: pattern: \"^[a-z]+$\" → \"^x\"",
                "breaking: tool `a`: input: {\"x\":\"abc\"} was right, and is not any more"
            ]
        );
        assert_eq!(told(tool("^[a-z]+$"), tool("^[a-z]*$")).len(), 1, "no example, no judgement");
    }

    #[test]
    fn words_hurt_nobody_and_hints_may() {
        let old = with(json!({"name": "a", "description": "x", "annotations": {"readOnlyHint": true}}));
        let new = with(json!({"name": "a", "description": "y"}));
        assert_eq!(
            told(old, new),
            ["unknown: tool `a`: readOnlyHint: true → false", "compatible: tool `a`: other words"]
        );
    }

    #[test]
    fn capabilities_and_prompts_are_compared() {
        let old = json!({"capabilities": {"tools": {"listChanged": true}}, "prompts": [{"name": "p", "arguments": [{"name": "x"}]}]});
        let new = json!({"capabilities": {"logging": {}, "tools": {}}, "prompts": [{"name": "p", "arguments": [{"name": "x", "required": true}]}]});
        assert_eq!(
            told(old, new),
            [
                "breaking: capability tools.listChanged is gone",
                "compatible: capability logging is new",
                "breaking: prompt `p`: argument \"x\": required now"
            ]
        );
    }
}
