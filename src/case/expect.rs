//! What a check expects of an outcome, and how it judges one.

use serde_json::{Map, Value};

use crate::catalogue::{Level, Verdict};
use crate::pattern::{Mismatch, Missing, Pattern};

/// The alternatives that a check accepts, tried in order.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// At least one.
    pub alternatives: Vec<Alternative>,
}

/// One way in which an outcome can be right, or wrong in a known way.
#[derive(Debug, Clone)]
pub struct Alternative {
    members: Vec<(String, Pattern)>,
    verdict: Verdict,
    seen: Option<String>,
}

/// What a check says of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen, in words.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there instead.
    pub got: Option<String>,
}

/// Members of an outcome that a pattern can look at.
const MEMBERS: [&str; 12] = [
    "result",
    "error",
    "none",
    "id",
    "status",
    "headers",
    "body",
    "exit",
    "replies",
    "value",
    "notifications",
    "asked",
];

impl Expectation {
    /// Reads `expect:`: alternatives under `any`, or a single one.
    pub(super) fn parse(spec: &Map<String, Value>) -> Result<Self, String> {
        let alternatives = match spec.get("any") {
            Some(Value::Array(list)) if spec.len() == 1 && !list.is_empty() => {
                list.iter().map(Alternative::parse).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("`any` must be a list of alternatives, and stand alone".to_owned()),
            None => vec![Alternative::parse(&Value::Object(spec.clone()))?],
        };
        Ok(Self { alternatives })
    }

    /// Whether silence is one of the right outcomes.
    pub fn accepts_silence(&self) -> bool {
        self.alternatives.iter().any(|alternative| alternative.members.iter().any(|(name, _)| name == "none"))
    }

    /// Whether the HTTP status matters.
    pub fn looks_at_status(&self) -> bool {
        self.alternatives
            .iter()
            .any(|alternative| alternative.members.iter().any(|(name, _)| name == "status"))
    }

    /// Judges an outcome. `Err` names a captured value that is not there.
    pub fn judge(
        &self,
        outcome: &Value,
        level: Level,
        lookup: &mut dyn FnMut(&str) -> Option<Value>,
    ) -> Result<Judgement, Missing> {
        let mut nearest: Option<(usize, Mismatch)> = None;
        for alternative in &self.alternatives {
            match alternative.check(outcome, lookup)? {
                Ok(()) => return Ok(alternative.matched(outcome)),
                Err((fitting, mismatch)) => {
                    if nearest.as_ref().is_none_or(|(best, _)| fitting > *best) {
                        nearest = Some((fitting, mismatch));
                    }
                }
            }
        }
        Ok(self.refused(outcome, level, nearest.map(|(_, mismatch)| mismatch)))
    }

    fn refused(&self, outcome: &Value, level: Level, nearest: Option<Mismatch>) -> Judgement {
        let right = |alternative: &&Alternative| alternative.verdict == Verdict::Pass;
        let expected: Vec<String> = self.alternatives.iter().filter(right).map(Alternative::words).collect();
        let message = match nearest {
            Some(Mismatch { at, expected, got: Some(got) }) => {
                format!("{}: expected {expected}, got {got}", place(&at))
            }
            Some(Mismatch { at, expected, got: None }) => {
                format!("{}: expected {expected}, but it is absent", place(&at))
            }
            None => "no alternative fits".to_owned(),
        };
        Judgement {
            verdict: Verdict::of_violation(level),
            message,
            expected: Some(expected.join("\nor ")),
            got: Some(brief(outcome)),
        }
    }
}

fn place(at: &str) -> &str {
    match at {
        "" => "the outcome",
        at => at,
    }
}

/// The outcome without what only matters to the era's headers.
fn brief(outcome: &Value) -> String {
    let mut outcome = outcome.clone();
    if let Value::Object(members) = &mut outcome {
        members.shift_remove("headers");
        members.shift_remove("id");
        if members.contains_key("result") || members.contains_key("error") {
            members.shift_remove("body");
        }
    }
    outcome.to_string()
}

impl Alternative {
    fn parse(spec: &Value) -> Result<Self, String> {
        let members =
            spec.as_object().ok_or("an alternative must be a map of outcome members to patterns")?;
        let mut alternative = Self { members: Vec::new(), verdict: Verdict::Pass, seen: None };
        for (name, value) in members {
            match name.as_str() {
                "verdict" => alternative.verdict = verdict(value)?,
                "seen" => alternative.seen = Some(value.as_str().ok_or("`seen` must be a text")?.to_owned()),
                name if MEMBERS.contains(&name) => {
                    let pattern = Pattern::parse(value).map_err(|e| format!("{name}: {e}"))?;
                    alternative.members.push((name.to_owned(), pattern));
                }
                other => {
                    let known = MEMBERS.join(", ");
                    return Err(format!("unknown outcome member `{other}` (known: {known}, verdict, seen)"));
                }
            }
        }
        match alternative.members.is_empty() {
            true => Err("an alternative without patterns would accept everything".to_owned()),
            false => Ok(alternative),
        }
    }

    /// Checks the members in order; the error tells how many did fit.
    fn check(
        &self,
        outcome: &Value,
        lookup: &mut dyn FnMut(&str) -> Option<Value>,
    ) -> Result<Result<(), (usize, Mismatch)>, Missing> {
        for (fitting, (name, pattern)) in self.members.iter().enumerate() {
            let pattern = pattern.fill(lookup)?;
            if let Err(mut mismatch) = pattern.check(outcome.get(name)) {
                mismatch.at = format!("/{name}{}", mismatch.at);
                // A mismatch deep inside a member of the right kind is nearer than a missing member.
                let depth = mismatch.at.matches('/').count();
                return Ok(Err((fitting * 100 + depth, mismatch)));
            }
        }
        Ok(Ok(()))
    }

    fn matched(&self, outcome: &Value) -> Judgement {
        let passes = self.verdict == Verdict::Pass;
        Judgement {
            verdict: self.verdict,
            message: self.seen.clone().unwrap_or_else(|| self.words()),
            expected: None,
            got: (!passes).then(|| brief(outcome)),
        }
    }

    fn words(&self) -> String {
        let parts = self.members.iter().map(|(name, pattern)| match name.as_str() {
            "none" => "no reply".to_owned(),
            "value" => pattern.to_string(),
            name => format!("{name} {pattern}"),
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn verdict(value: &Value) -> Result<Verdict, String> {
    match value.as_str() {
        Some("pass") => Ok(Verdict::Pass),
        Some("warn") => Ok(Verdict::Warn),
        Some("fail") => Ok(Verdict::Fail),
        Some("not_observed") => Ok(Verdict::NotObserved),
        _ => Err(format!("unknown verdict {value} (known: pass, warn, fail, not_observed)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(spec: Value, outcome: Value) -> Judgement {
        let expectation = Expectation::parse(spec.as_object().unwrap()).unwrap();
        expectation.judge(&outcome, Level::Must, &mut |_| None).unwrap()
    }

    #[test]
    fn the_first_alternative_that_fits_decides() {
        let spec = json!({"any": [
            {"error": {"code": -32602}},
            {"result": {"isError": true}, "verdict": "warn", "seen": "inside a result"},
        ]});
        assert_eq!(judge(spec.clone(), json!({"error": {"code": -32602}})).verdict, Verdict::Pass);
        let warned = judge(spec.clone(), json!({"result": {"isError": true}}));
        assert_eq!((warned.verdict, warned.message.as_str()), (Verdict::Warn, "inside a result"));
        assert_eq!(judge(spec, json!({"result": {}})).verdict, Verdict::Fail);
    }

    #[test]
    fn the_nearest_alternative_explains_the_failure() {
        let spec = json!({"any": [{"none": true}, {"error": {"code": -32601}}]});
        let judged = judge(spec, json!({"error": {"code": -1}}));
        assert_eq!(judged.message, "/error/code: expected -32601, got -1");
        assert_eq!(judged.expected.as_deref(), Some("no reply\nor error {code: -32601}"));
    }
}
