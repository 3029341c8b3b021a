//! The syntax of `_meta` keys, and the prefixes that are reserved.

use serde_json::Value;

use super::{Context, Findings, Rule};
use crate::protocol::Revision;

const PREFIX: &str = "base.meta.prefix-syntax";
const LABEL: &str = "base.meta.label-syntax";
const NAME: &str = "base.meta.name-syntax";
const RESERVED_2025_06: &str = "base.meta.reserved-prefix.2025-06-18";
const RESERVED: &str = "base.meta.reserved-prefix";
const REVERSE: &str = "base.meta.reverse-dns";

pub const RULE: Rule = Rule {
    id: "rule/meta-keys",
    judges: &[PREFIX, LABEL, NAME, RESERVED_2025_06, RESERVED, REVERSE],
    hint: "the server has to send a `_meta` object with keys",
    run,
};

/// Keys under reserved prefixes that the specification itself, or an official extension, defines.
const DEFINED: [&str; 8] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/serverInfo",
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/related-task",
    "io.modelcontextprotocol/model-immediate-response",
];

fn run(context: &Context<'_>, findings: &mut Findings) {
    for (entry, message) in &context.received {
        let mut keys = Vec::new();
        collect(message.get("result").unwrap_or(&Value::Null), &mut keys);
        collect(message.params(), &mut keys);
        for key in keys {
            judge(&key, context.revision(), &[entry.seq], findings);
        }
    }
}

/// Keys of `_meta` objects at any level. Data of the server's own (arguments, structured content) may use the name freely.
fn collect(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match name.as_str() {
                    "_meta" => {
                        keys.extend(inner.as_object().into_iter().flat_map(|meta| meta.keys().cloned()))
                    }
                    "structuredContent" | "arguments" | "data" | "inputSchema" | "outputSchema" => {}
                    _ => collect(inner, keys),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|inner| collect(inner, keys)),
        _ => {}
    }
}

fn judge(key: &str, revision: Revision, entries: &[u64], findings: &mut Findings) {
    let (prefix, name) = match key.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let mut verdict = |kept: bool, id: &str, expected: &str| match kept {
        true => findings.kept(id),
        false => {
            findings.violated(id, format!("the `_meta` key `{key}` is malformed"), expected, key, entries);
        }
    };
    let name_ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inside = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    verdict(
        name_ends(name.chars().next()) && name_ends(name.chars().last()) && inside,
        NAME,
        "a name that begins and ends with a letter or digit",
    );
    if let Some(prefix) = prefix {
        verdict(
            !prefix.is_empty() && !prefix.contains('/'),
            PREFIX,
            "labels separated by dots, then one slash",
        );
        verdict(
            prefix.split('.').all(is_label),
            LABEL,
            "labels that begin with a letter, end with a letter or digit, with letters, digits and hyphens between",
        );
        verdict(!is_forward(prefix), REVERSE, "the labels of a domain in reverse order");
        reserved(key, prefix, revision, entries, findings);
    }
}

fn is_label(label: &str) -> bool {
    label.starts_with(|c: char| c.is_ascii_alphabetic())
        && label.ends_with(|c: char| c.is_ascii_alphanumeric())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Whether a prefix is a domain name the usual way round: it ends, and does not begin, with a top-level domain.
fn is_forward(prefix: &str) -> bool {
    const TOP: [&str; 6] = ["com", "org", "net", "io", "dev", "ai"];
    let labels: Vec<&str> = prefix.split('.').collect();
    match labels.as_slice() {
        [first, .., last] => TOP.contains(last) && !TOP.contains(first) && first.len() > 2,
        _ => false,
    }
}

fn reserved(key: &str, prefix: &str, revision: Revision, entries: &[u64], findings: &mut Findings) {
    let labels: Vec<&str> = prefix.split('.').collect();
    let is_mcp = |label: Option<&&str>| matches!(label, Some(&"modelcontextprotocol" | &"mcp"));
    let (id, taken) = match revision {
        // Any labels, then the reserved one, then one more.
        Revision::V2025_06_18 => {
            (RESERVED_2025_06, labels.len() >= 2 && is_mcp(labels.get(labels.len() - 2)))
        }
        _ => (RESERVED, is_mcp(labels.get(1))),
    };
    // Under the specification's own prefix keys of official extensions are legal, and they are many.
    match taken && !DEFINED.contains(&key) && prefix != "io.modelcontextprotocol" {
        false => findings.kept(id),
        true => findings.violated(
            id,
            format!("the `_meta` key `{key}` uses a prefix that is reserved for MCP"),
            "a prefix of the server's own",
            key,
            entries,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_begins_with_a_letter_and_ends_with_a_letter_or_digit() {
        assert!(["a", "a1", "a-b", "x--y9"].into_iter().all(is_label));
        assert!(!["", "1a", "-a", "a-", "a_b", "a b", "ä"].into_iter().any(is_label));
    }

    #[test]
    fn a_domain_the_usual_way_round_ends_with_a_top_level_domain() {
        assert!(is_forward("example.com") && is_forward("mcp.example.org"));
        assert!(!is_forward("com.example") && !is_forward("io.com") && !is_forward("example"));
    }
}
