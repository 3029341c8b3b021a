//! Two JSON Schemas compared, place by place: what the new one allows less, and what more.

mod parts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use parts::{
    ALTERNATIVES, Bound, Others, allows_all, alternatives, bound, kinds, others, properties, required,
    resolved, told, values,
};

/// A difference at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Where, as a JSON pointer into instances; `*` is every item or further member.
    pub place: String,
    /// What changed, in words.
    pub what: String,
    /// In which direction.
    pub effect: Effect,
}

/// The direction of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Fewer instances are allowed.
    Narrower,
    /// More instances are allowed.
    Wider,
    /// Other instances are allowed.
    Different,
    /// Nobody is harmed, whether he writes instances or reads them.
    Harmless,
    /// Not to be told from the schemas.
    Unclear,
}

/// How deep the comparison goes.
const DEEPEST: usize = 40;
/// How many pairs of places are compared.
const MOST_STEPS: usize = 20_000;
/// Keywords that are not understood here: a difference is unclear.
const OPAQUE: [&str; 17] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "patternProperties",
    "propertyNames",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedProperties",
    "unevaluatedItems",
    "prefixItems",
    "$dynamicRef",
];

/// What changed from the old schema to the new one.
pub fn shifts(old: &Value, new: &Value) -> Vec<Shift> {
    if old == new {
        return Vec::new();
    }
    let mut walk = Walk { old, new, shifts: Vec::new(), seen: HashSet::new(), budget: MOST_STEPS };
    walk.compare(old, new, "", 0);
    walk.shifts
}

struct Walk<'s> {
    old: &'s Value,
    new: &'s Value,
    shifts: Vec<Shift>,
    /// Pairs that were compared: schemas may go round.
    seen: HashSet<(*const Value, *const Value)>,
    /// Steps that are left.
    budget: usize,
}

impl<'s> Walk<'s> {
    fn add(&mut self, place: &str, effect: Effect, what: impl Into<String>) {
        let place = if place.is_empty() { "/" } else { place };
        self.shifts.push(Shift { place: place.to_owned(), what: what.into(), effect });
    }

    fn compare(&mut self, old: &'s Value, new: &'s Value, place: &str, depth: usize) {
        let (old, new) = (resolved(old, self.old), resolved(new, self.new));
        if !self.seen.insert((old, new)) {
            return;
        }
        self.budget = self.budget.saturating_sub(1);
        match (old, new) {
            _ if depth > DEEPEST || self.budget == 0 => {
                self.add(place, Effect::Unclear, "too much to be compared")
            }
            (old, new) if allows_all(old) && allows_all(new) => {}
            (Value::Bool(false), Value::Bool(false)) => {}
            (_, Value::Bool(false)) => self.add(place, Effect::Narrower, "nothing is allowed any more"),
            (Value::Bool(false), _) => self.add(place, Effect::Wider, "allowed now"),
            (_, new) if allows_all(new) => self.add(place, Effect::Wider, "anything is allowed now"),
            (old, _) if allows_all(old) => {
                self.add(place, Effect::Narrower, "not everything is allowed any more")
            }
            (Value::Object(before), Value::Object(now)) => match alternatives(old).zip(alternatives(new)) {
                Some((before, now)) if before.len() > 1 || now.len() > 1 => {
                    self.choices(&before, &now, place, depth);
                }
                _ => self.objects(before, now, place, depth),
            },
            (old, new) if old == new => {}
            _ => self.add(place, Effect::Unclear, "another schema"),
        }
    }

    fn objects(
        &mut self,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        place: &str,
        depth: usize,
    ) {
        self.kinds(old, new, place);
        self.values(old, new, place);
        self.bounds(old, new, place);
        self.texts(old, new, place);
        self.members(old, new, place, depth);
        self.below("items", old, new, &format!("{place}/*"), depth);
        for key in OPAQUE.iter().chain(&ALTERNATIVES).chain(&["$ref"]) {
            if old.get(*key) != new.get(*key) {
                self.add(place, Effect::Unclear, format!("`{key}` changed"));
            }
        }
    }

    /// A schema under a keyword; without it, everything is allowed.
    fn below(
        &mut self,
        key: &str,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        place: &str,
        depth: usize,
    ) {
        let of = |schema: &'s Map<String, Value>| schema.get(key).unwrap_or(&Value::Bool(true));
        self.compare(of(old), of(new), place, depth + 1);
    }

    fn kinds(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, place: &str) {
        let (before, now) = (kinds(old), kinds(new));
        let lost: Vec<&str> = before.difference(&now).copied().collect();
        let won: Vec<&str> = now.difference(&before).copied().collect();
        if !lost.is_empty() && now.is_disjoint(&before) {
            let list = |kinds: &BTreeSet<&str>| kinds.iter().copied().collect::<Vec<_>>().join(" or ");
            let what = format!("another type: {} → {}", list(&before), list(&now));
            return self.add(place, Effect::Different, what);
        }
        if !lost.is_empty() {
            self.add(place, Effect::Narrower, format!("no longer of type {}", lost.join(" or ")));
        }
        if !won.is_empty() {
            self.add(place, Effect::Wider, format!("also of type {}", won.join(" or ")));
        }
    }

    fn values(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, place: &str) {
        let list = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        match (values(old), values(new)) {
            (None, None) => {}
            (None, Some(now)) => self.add(place, Effect::Narrower, format!("one of {} only", list(&now))),
            (Some(_), None) => self.add(place, Effect::Wider, "no longer one of few values"),
            (Some(before), Some(now)) => {
                let lost: Vec<Value> = before.iter().filter(|value| !now.contains(value)).cloned().collect();
                let won: Vec<Value> = now.iter().filter(|value| !before.contains(value)).cloned().collect();
                if !lost.is_empty() {
                    self.add(place, Effect::Narrower, format!("no longer {}", list(&lost)));
                }
                if !won.is_empty() {
                    self.add(place, Effect::Wider, format!("also {}", list(&won)));
                }
            }
        }
    }

    fn bounds(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, place: &str) {
        let lower = |schema: &Map<String, Value>| bound(schema, "minimum", "exclusiveMinimum", 1.0);
        let upper = |schema: &Map<String, Value>| bound(schema, "maximum", "exclusiveMaximum", -1.0);
        self.bound(place, "the least value", lower(old), lower(new), 1.0);
        self.bound(place, "the greatest value", upper(old), upper(new), -1.0);
        for (key, what, sign) in [
            ("minLength", "the least length", 1.0),
            ("maxLength", "the greatest length", -1.0),
            ("minItems", "the least number of items", 1.0),
            ("maxItems", "the greatest number of items", -1.0),
            ("minProperties", "the least number of members", 1.0),
            ("maxProperties", "the greatest number of members", -1.0),
        ] {
            let limit = |schema: &Map<String, Value>| match schema.get(key).and_then(Value::as_f64) {
                // No length is less than none.
                Some(0.0) if sign > 0.0 => None,
                limit => limit.map(|limit| (limit * sign, false)),
            };
            self.bound(place, what, limit(old), limit(new), sign);
        }
    }

    /// Bounds are kept as lower ones, upper ones with the sign turned; an excluded bound is the narrower of two.
    fn bound(&mut self, place: &str, what: &str, old: Option<Bound>, new: Option<Bound>, sign: f64) {
        let told = |bound: Option<Bound>| match bound {
            None => "any".to_owned(),
            Some((limit, false)) => format!("{}", limit * sign),
            Some((limit, true)) => format!("{}, excluded", limit * sign),
        };
        let said = format!("{what}: {} → {}", told(old), told(new));
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => self.add(place, Effect::Narrower, said),
            (Some(_), None) => self.add(place, Effect::Wider, said),
            (Some(before), Some(now)) if now > before => self.add(place, Effect::Narrower, said),
            (Some(before), Some(now)) if now < before => self.add(place, Effect::Wider, said),
            (Some(_), Some(_)) => {}
        }
    }

    fn texts(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, place: &str) {
        for key in ["pattern", "multipleOf", "contentEncoding", "contentMediaType"] {
            match (old.get(key), new.get(key)) {
                (before, now) if before == now => {}
                (None, Some(now)) => self.add(place, Effect::Narrower, format!("{key} {now}")),
                (Some(before), None) => self.add(place, Effect::Wider, format!("no longer {key} {before}")),
                (before, now) => {
                    self.add(place, Effect::Unclear, format!("{key}: {} → {}", told(before), told(now)))
                }
            }
        }
        match (old.get("format"), new.get("format")) {
            (before, now) if before == now => {}
            (Some(before), None) => self.add(place, Effect::Wider, format!("no longer format {before}")),
            // Many readers take a format as a mere word.
            (before, now) => {
                self.add(place, Effect::Unclear, format!("format: {} → {}", told(before), told(now)))
            }
        }
        match (
            old.get("uniqueItems") == Some(&Value::Bool(true)),
            new.get("uniqueItems") == Some(&Value::Bool(true)),
        ) {
            (false, true) => self.add(place, Effect::Narrower, "no item may come twice"),
            (true, false) => self.add(place, Effect::Wider, "items may come twice"),
            (true, true) | (false, false) => {}
        }
    }

    fn members(
        &mut self,
        old: &'s Map<String, Value>,
        new: &'s Map<String, Value>,
        place: &str,
        depth: usize,
    ) {
        let (before, now) = (properties(old), properties(new));
        let (needed, needs) = (required(old), required(new));
        for (name, schema) in now {
            let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
            match before.get(name) {
                Some(known) => self.compare(known, schema, &place, depth + 1),
                None if needs.contains(name.as_str()) => {
                    self.add(&place, Effect::Narrower, "new and required")
                }
                None => {
                    let effect = match others(old) {
                        Others::Any => Effect::Harmless,
                        Others::None => Effect::Wider,
                        Others::Some => Effect::Unclear,
                    };
                    self.add(&place, effect, "new and optional");
                }
            }
        }
        for name in before.keys().filter(|name| !now.contains_key(*name)) {
            let effect = if others(new) == Others::None { Effect::Narrower } else { Effect::Unclear };
            self.add(&format!("{place}/{name}"), effect, "gone");
        }
        let is_news = |name: &&&str| now.contains_key(**name) && !before.contains_key(**name);
        for name in needs.difference(&needed).filter(|name| !is_news(name)) {
            self.add(&format!("{place}/{name}"), Effect::Narrower, "required now");
        }
        for name in needed.difference(&needs) {
            self.add(&format!("{place}/{name}"), Effect::Wider, "no longer required");
        }
        self.below("additionalProperties", old, new, &format!("{place}/(others)"), depth);
    }

    /// Alternatives: each old one should be allowed by a new one, and the other way round.
    fn choices(&mut self, old: &[&'s Value], new: &[&'s Value], place: &str, depth: usize) {
        let mut fits = |one: &'s Value, all: &[&'s Value], is_old: bool| {
            all.iter().any(|other| {
                let (before, now) = if is_old { (one, *other) } else { (*other, one) };
                let (shifts, seen) = (Vec::new(), self.seen.clone());
                let mut walk = Walk { shifts, seen, ..*self };
                walk.compare(before, now, place, depth + 1);
                self.budget = walk.budget;
                let wrong = if is_old { Effect::Narrower } else { Effect::Wider };
                let is_right =
                    |effect| effect != wrong && !matches!(effect, Effect::Unclear | Effect::Different);
                walk.shifts.iter().all(|shift| is_right(shift.effect))
            })
        };
        let keeps = old.iter().all(|one| fits(one, new, true));
        let adds = !new.iter().all(|one| fits(one, old, false));
        match (keeps, adds) {
            (true, false) => {}
            (true, true) => self.add(place, Effect::Wider, "more alternatives"),
            (false, false) => self.add(place, Effect::Narrower, "fewer alternatives"),
            (false, true) => self.add(place, Effect::Unclear, "other alternatives"),
        }
    }
}
