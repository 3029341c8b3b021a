//! Error codes: which ones the revision allows.

use serde_json::Value;

use super::{Context, Findings, Rule, wish};
use crate::protocol::{Message, code, method};
use crate::session::transcript::Entry;

const UNDEFINED: &str = "base.errors.no-undefined-reserved-codes";
const SPEC_RANGE: &str = "base.errors.spec-subrange.undefined-code";
const LEGACY_RANGE: &str = "base.errors.legacy-subrange.avoid";
const RETIRED_NOT_FOUND: &str = "base.errors.no-retired-32002";
const MEANING: &str = "base.errors.spec-subrange.defined-meaning";
const RETIRED_URL: &str = "base.errors.no-retired-32042";

pub const RULE: Rule = Rule {
    id: "rule/error-codes",
    judges: &[UNDEFINED, SPEC_RANGE, LEGACY_RANGE, MEANING, RETIRED_NOT_FOUND, RETIRED_URL],
    hint: "the server has to refuse a request",
    run,
};

/// Codes that 2026-07-28 sets aside for the specification itself.
const SPEC: std::ops::RangeInclusive<i64> = -32099..=-32020;
/// Codes that earlier SDKs took from the same range.
const LEGACY: std::ops::RangeInclusive<i64> = -32019..=-32000;

fn run(context: &Context<'_>, findings: &mut Findings) {
    let revision = context.revision();
    for (entry, message) in &context.received {
        let Some(code) = message.get("error").and_then(|error| error.get("code")?.as_i64()) else { continue };
        if revision.is_stateless() && code::MODERN.contains(&code) {
            meaning(context, entry, message, code, findings);
        }
        let requirement = match code {
            code::RESOURCE_NOT_FOUND if revision.is_stateless() => RETIRED_NOT_FOUND,
            code::URL_ELICITATION_REQUIRED if revision.is_stateless() => RETIRED_URL,
            code if code::name(code, revision).is_some() => {
                findings.kept(UNDEFINED);
                findings.kept(SPEC_RANGE);
                continue;
            }
            code if revision.is_stateless() && SPEC.contains(&code) => SPEC_RANGE,
            code if revision.is_stateless() && LEGACY.contains(&code) => LEGACY_RANGE,
            code if code::is_reserved(code) && !code::is_server_range(code) => UNDEFINED,
            _ => continue,
        };
        findings.violated(
            requirement,
            format!("the error code {code} has no meaning in {revision}"),
            "a code that JSON-RPC or this revision defines, or one outside the reserved range",
            code.to_string(),
            &[entry.seq],
        );
    }
}

/// The three codes of 2026-07-28 are for their own situations only.
fn meaning(context: &Context<'_>, entry: &Entry, message: &Message, code: i64, findings: &mut Findings) {
    // For `initialize` any code is as good as another.
    let Some(asked) = context.surely_asked(entry, message).filter(|asked| asked.method != "initialize")
    else {
        return;
    };
    let declared = wish::declared(context, asked.seq);
    let error = message.get("error").unwrap_or(&Value::Null);
    let misuse = match code {
        code::HEADER_MISMATCH if context.is_stdio() => Some("there are no headers on stdio"),
        code::MISSING_CLIENT_CAPABILITY if declares_all(declared, error) => {
            Some("the request declared what is called missing")
        }
        code::UNSUPPORTED_VERSION if !asked.deliberate => {
            Some("the request named a version that is supported")
        }
        _ => None,
    };
    match misuse {
        None => findings.kept(MEANING),
        Some(why) => findings.violated(
            MEANING,
            format!("the error code {code} has another meaning: {why}"),
            "a code that fits the situation",
            message.to_string(),
            &[asked.seq, entry.seq],
        ),
    }
}

/// Whether a client declared everything that an error -32021 can mean: what it names, or anything if it names nothing.
fn declares_all(declared: &Value, error: &Value) -> bool {
    match &error["data"]["requiredCapabilities"] {
        named @ Value::Object(_) => wish::includes(declared, named),
        _ => ["roots", "sampling", "elicitation", "extensions"]
            .into_iter()
            .all(|name| method::declares(declared, name)),
    }
}
