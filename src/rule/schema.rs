//! The wire schemas as a rule: every message of the server is held against the schema of its kind.

use serde_json::Value;

use super::{Context, Findings};
use crate::catalogue::{Position, Schemas, Tag};
use crate::protocol::Class;

/// The name of the check in reports.
pub(super) const ID: &str = "schema";

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) {
    let schemas = Schemas::of(context.revision());
    findings.begin(ID);
    for (entry, message) in &context.received {
        match message.class() {
            Class::Result => {
                let Some(asked) = context.surely_asked(entry, message) else { continue };
                let result = message.get("result").unwrap_or(&Value::Null);
                let entries = [asked.seq, entry.seq];
                // That a result is an object is a rule of its own.
                if result.is_object() {
                    hold(schemas, Position::Result, &asked.method, result, "result", &entries, findings);
                }
            }
            Class::Error => {
                let error = message.get("error").unwrap_or(&Value::Null);
                let asked = context.asked(entry, message).map(|asked| asked.seq);
                let entries: Vec<u64> = asked.into_iter().chain([entry.seq]).collect();
                for name in schemas.names(Position::Error) {
                    hold(schemas, Position::Error, name, error, "error", &entries, findings);
                }
            }
            Class::Request | Class::Notification => {
                let position = match message.class() {
                    Class::Request => Position::Request,
                    _ => Position::Notification,
                };
                let name = message.method().unwrap_or_default();
                hold(schemas, position, name, message.value(), "", &[entry.seq], findings);
            }
            Class::Invalid => {}
        }
    }
}

fn hold(
    schemas: &Schemas,
    position: Position,
    name: &str,
    part: &Value,
    member: &str,
    entries: &[u64],
    findings: &mut Findings,
) {
    for Tag { requirement, violation } in schemas.judge(position, name, part).iter() {
        match violation {
            None => findings.kept(requirement),
            Some(violation) => {
                let at = match member {
                    "" => violation.at.clone(),
                    member => format!("/{member}{}", violation.at),
                };
                findings.violated_as(
                    violation.verdict,
                    requirement,
                    format!("{at}: {}", violation.problem),
                    violation.problem.clone(),
                    format!("{at} is {}", violation.got),
                    entries,
                );
            }
        }
    }
}
