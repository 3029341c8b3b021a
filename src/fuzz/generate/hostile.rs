//! Values that servers are seldom prepared for.

use std::path::Path;

use serde_json::{Value, json};

/// Hostile values, the same for a whole campaign.
#[derive(Debug, Clone)]
pub(in crate::fuzz) struct Hostile(Vec<Value>);

impl Hostile {
    /// The values; some of them point at a file that the server should not tell.
    pub(in crate::fuzz) fn new(secret: Option<&Path>) -> Self {
        let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
        let mut values = vec![
            Value::Null,
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(0.5),
            json!(9_007_199_254_740_993_u64),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!(" "),
            json!("\u{0}"),
            json!("../../../../../../etc/passwd"),
            json!("file:///etc/passwd"),
            json!("'; DROP TABLE x; --"),
            json!("${jndi:ldap://127.0.0.1/x}"),
            json!("{{7*7}}"),
            json!("%s%n%x"),
            json!("\u{202e}\u{1f4a5}\u{0301}"),
            json!("\u{1b}[2J"),
            json!("a\r\nb: c"),
            json!("__proto__"),
            json!("x".repeat(2000)),
            json!([]),
            json!({}),
            json!([null]),
            json!({"__proto__": {"polluted": true}}),
            json!({"type": "object"}),
            deep,
        ];
        values.extend(secret.into_iter().flat_map(traversals));
        Self(values)
    }

    /// One of them; any number is good.
    pub(super) fn choose(&self, n: usize) -> &Value {
        &self.0[n % self.0.len()]
    }
}

/// Ways to write the path of a file that some servers follow.
fn traversals(file: &Path) -> Vec<Value> {
    let path = file.display().to_string();
    let rest = path.trim_start_matches('/');
    let up = "../".repeat(12);
    let ways = [
        path.clone(),
        format!("file://{path}"),
        format!("{up}{rest}"),
        format!("file:///{up}{rest}"),
        format!("{}{rest}", "..%2f".repeat(12)),
        format!("{}{rest}", "....//".repeat(12)),
    ];
    ways.into_iter().map(Value::String).collect()
}
