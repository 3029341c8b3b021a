//! A JSON value as text to be read, compared and committed: always in the same order, one thing per line, and without
//! what changes from run to run.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::text;

/// The fields that name an item of a list, most telling first.
const NAMES: [&str; 3] = ["name", "uri", "uriTemplate"];

/// The value as lines, indented by `depth` levels.
pub fn outline(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => object(fields, depth),
        Value::Array(items) if !items.is_empty() => array(items, depth),
        scalar => format!("{}{}\n", indent(depth), inline(scalar)),
    }
}

/// `key: value`, or the key with the value below it.
pub fn field(key: &str, value: &Value, depth: usize) -> String {
    let key = format!("{}{}:", indent(depth), name(key));
    match value {
        Value::Object(fields) if !fields.is_empty() => format!("{key}\n{}", object(fields, depth + 1)),
        Value::Array(items) if !items.is_empty() && is_set(&key) => {
            format!("{key}\n{}", array(&sorted(items), depth + 1))
        }
        Value::Array(items) if !items.is_empty() => format!("{key}\n{}", array(items, depth + 1)),
        Value::String(text) if is_block(text) => {
            format!("{key} {}\n{}", block_mark(text), block(text, depth + 1))
        }
        scalar => format!("{key} {}\n", inline(scalar)),
    }
}

/// The items in an order of their own: by name or address.
pub fn sorted(items: &[Value]) -> Vec<Value> {
    let mut items = items.to_vec();
    items.sort_by_cached_key(|item| (identity(item).map(str::to_owned), outline(item, 0)));
    items
}

fn identity(item: &Value) -> Option<&str> {
    NAMES.iter().find_map(|key| item.get(key)?.as_str())
}

/// The order of `required` means nothing, and servers that keep it in a hash map change it.
fn is_set(key: &str) -> bool {
    key.trim_start() == "required:"
}

fn object(fields: &Map<String, Value>, depth: usize) -> String {
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort_by_key(|key| (NAMES.iter().position(|name| name == key).unwrap_or(NAMES.len()), *key));
    keys.iter().map(|key| field(key, &fields[key.as_str()], depth)).collect()
}

fn array(items: &[Value], depth: usize) -> String {
    items.iter().map(|item| dashed(&outline(item, depth + 1), depth)).collect()
}

/// Puts a dash where the indentation of an item ends.
fn dashed(item: &str, depth: usize) -> String {
    format!("{}- {}", indent(depth), item.trim_start_matches(' '))
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let text = mask(text).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text::escape(&text))
}

fn name(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$/".contains(c);
    if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { quoted(key) }
}

/// Texts of several lines are shown as such, unless an editor would change them.
fn is_block(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n') && text.split('\n').all(|line| line.trim_end() == line)
}

/// As in YAML: `|-` is a text that does not end with a line end.
fn block_mark(text: &str) -> &'static str {
    if text.ends_with('\n') { "|" } else { "|-" }
}

fn block(text: &str, depth: usize) -> String {
    let text = mask(text);
    text.lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("{}{}\n", indent(depth), text::escape(line)),
        })
        .collect()
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// Times, process ids, loopback ports and temporary paths.
static VOLATILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?<time>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)",
        r"|(?<pid>(?i:\bpid)[ :=#]*)\d+",
        r"|(?<host>localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0):\d{1,5}",
        r#"|(?<temp>(/private)?/tmp/|(/private)?/var/(folders|tmp)/|(?i:[a-z]:\\[^"<>|\n]*\\temp\\))[^\s"'`<>|:;,)\]}]*"#,
    ))
    .ok()
});

/// Replaces what changes from run to run.
pub fn mask(text: &str) -> String {
    let Some(volatile) = VOLATILE.as_ref() else { return text.to_owned() };
    volatile.replace_all(text, replacement).into_owned()
}

fn replacement(found: &Captures<'_>) -> String {
    let kept = |group| found.name(group).map(|kept| kept.as_str());
    match (kept("time"), kept("pid"), kept("host")) {
        (Some(_), _, _) => "<time>".to_owned(),
        (_, Some(pid), _) => format!("{pid}<pid>"),
        (_, _, Some(host)) => format!("{host}:<port>"),
        (None, None, None) => "<temp>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mask_takes_out_what_changes_from_run_to_run() {
        let masked = |text| mask(text);
        assert_eq!(masked("at 2026-01-02T03:04:05.678Z, pid 4711"), "at <time>, pid <pid>");
        assert_eq!(masked("http://127.0.0.1:41234/mcp"), "http://127.0.0.1:<port>/mcp");
        assert_eq!(masked("file:///tmp/abc.XYZ/db.sqlite, /var/folders/x/y"), "file://<temp>, <temp>");
        assert_eq!(masked(r"C:\Users\me\AppData\Local\Temp\x1\y"), "<temp>");
        assert_eq!(
            masked("rapid 12, example.com:8080, 2026-01-02"),
            "rapid 12, example.com:8080, 2026-01-02"
        );
    }

    #[test]
    fn outline_does_not_depend_on_the_order_of_keys() {
        let one = json!({"b": [1, {"z": null, "name": "n"}], "a": {}});
        let two = json!({"a": {}, "b": [1, {"name": "n", "z": null}]});
        assert_eq!(outline(&one, 0), "a: {}\nb:\n  - 1\n  - name: \"n\"\n    z: null\n");
        assert_eq!(outline(&one, 0), outline(&two, 0));
    }

    #[test]
    fn sorted_orders_by_name_or_address() {
        let items = [json!({"uri": "b"}), json!({"uri": "a"}), json!(1)];
        assert_eq!(sorted(&items), [json!(1), json!({"uri": "a"}), json!({"uri": "b"})]);
    }

    #[test]
    fn required_fields_are_a_set() {
        assert_eq!(field("required", &json!(["b", "a"]), 0), "required:\n  - \"a\"\n  - \"b\"\n");
        assert_eq!(field("enum", &json!(["b", "a"]), 0), "enum:\n  - \"b\"\n  - \"a\"\n");
    }

    #[test]
    fn texts_of_several_lines_are_blocks_unless_an_editor_would_change_them() {
        assert_eq!(field("d", &json!("one\n\n  two\n"), 0), "d: |\n  one\n\n    two\n");
        assert_eq!(field("d", &json!("one \ntwo"), 0), "d: \"one \\ntwo\"\n");
    }
}
