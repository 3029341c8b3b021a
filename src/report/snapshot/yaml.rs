//! A JSON value as YAML to be read, compared and committed: always in the same order, one thing per line.

use serde_json::{Map, Value};

use crate::report::text;

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

/// As JSON writes it, with everything visible; YAML reads it, too.
pub fn quoted(text: &str) -> String {
    let body: String = text.chars().map(character).collect();
    format!("\"{}\"", text::disarm_marks(&body))
}

fn character(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        c if !text::is_unsafe(c) => c.to_string(),
        c if u32::from(c) > 0xffff => format!("\\U{:08x}", u32::from(c)),
        c => format!("\\u{:04x}", u32::from(c)),
    }
}

/// Words that YAML reads as something else than a text.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

fn name(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$/".contains(c);
    let begins = key.starts_with(|c: char| c.is_ascii_alphabetic() || "_$".contains(c));
    let is_word = WORDS.contains(&key.to_ascii_lowercase().as_str());
    if begins && !is_word && key.chars().all(plain) { key.to_owned() } else { quoted(key) }
}

/// Texts of several lines are shown as such, unless an editor would change them, or a reader would read them otherwise.
fn is_block(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let begins = text.trim_start_matches('\n');
    let is_plain = |line: &str| line.trim_end() == line && text::escape(line) == line;
    text.contains('\n') && !text.ends_with('\n') && !begins.starts_with(' ') && text.split('\n').all(is_plain)
}

/// As in YAML: `|-` is a text that does not end with a line end.
fn block_mark(text: &str) -> &'static str {
    if text.ends_with('\n') { "|" } else { "|-" }
}

fn block(text: &str, depth: usize) -> String {
    text.lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("{}{line}\n", indent(depth)),
        })
        .collect()
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

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

    /// Texts that YAML could misread.
    fn texts() -> impl Strategy<Value = String> {
        let parts = [
            "a",
            " ",
            "\n",
            "\t",
            ":",
            "#",
            "- ",
            "'",
            "\"",
            "\\",
            "|",
            "::",
            "##[",
            "\r",
            "\u{1b}",
            "\u{feff}",
            "\u{2028}",
            "\u{e0041}",
            "é",
            "null",
            "1",
        ];
        let odd = prop::collection::vec(prop::sample::select(parts.to_vec()), 0..8)
            .prop_map(|parts| parts.concat());
        prop_oneof![odd, any::<String>(), prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned)]
    }

    fn values() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(Value::from),
            texts().prop_map(Value::from),
        ];
        scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(texts(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in values(), key in texts()) {
            let text = field(&key, &value, 0);
            let read: Value = crate::catalogue::yaml(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(canonical(&read[&key]), canonical(&value), "{}", text);
        }
    }

    /// Without the order that `required` loses.
    fn canonical(value: &Value) -> String {
        outline(value, 0)
    }
}
