//! Masks: what changes from run to run gives way to a word that does not.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Deserialize;
use serde_json::Value;

/// A rule of the user's: a pattern in any text, or a place.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Mask {
    what: What,
    with: String,
}

#[derive(Debug, Clone)]
enum What {
    Pattern(Regex),
    /// The parts of a JSON pointer; `*` stands for any.
    Place(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default = "masked")]
    with: String,
}

fn masked() -> String {
    "<masked>".to_owned()
}

impl TryFrom<Written> for Mask {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let what = match (written.pattern, written.at) {
            (Some(pattern), None) => What::Pattern(Regex::new(&pattern).map_err(|error| error.to_string())?),
            (None, Some(place)) => {
                let parts = place
                    .strip_prefix('/')
                    .ok_or_else(|| format!("`{place}` is no place: it has to begin with /"))?;
                What::Place(parts.split('/').map(str::to_owned).collect())
            }
            _ => return Err(
                "a mask needs either `pattern`, for texts, or `at`, for a place such as /resources/*/size"
                    .to_owned(),
            ),
        };
        Ok(Self { what, with: written.with })
    }
}

impl Mask {
    fn apply(&self, value: &mut Value) {
        match &self.what {
            What::Pattern(pattern) => {
                each_text(value, &|text| pattern.replace_all(text, self.with.as_str()).into_owned())
            }
            What::Place(parts) => self.put(value, parts),
        }
    }

    fn put(&self, value: &mut Value, parts: &[String]) {
        let Some((part, rest)) = parts.split_first() else {
            *value = Value::String(self.with.clone());
            return;
        };
        match value {
            Value::Object(fields) => fields
                .iter_mut()
                .filter(|(key, _)| part == "*" || *key == part)
                .for_each(|(_, below)| self.put(below, rest)),
            Value::Array(items) => items
                .iter_mut()
                .enumerate()
                .filter(|(n, _)| part == "*" || *part == n.to_string())
                .for_each(|(_, below)| self.put(below, rest)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The value without times, process ids, ports and temporary paths, nor what the user's masks name.
pub fn mask(mut value: Value, masks: &[Mask]) -> Value {
    masks.iter().for_each(|mask| mask.apply(&mut value));
    each_text(&mut value, &volatile);
    value
}

fn each_text(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|below| each_text(below, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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

fn volatile(text: &str) -> String {
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
    fn what_changes_from_run_to_run_is_taken_out() {
        assert_eq!(volatile("at 2026-01-02T03:04:05.678Z, pid 4711"), "at <time>, pid <pid>");
        assert_eq!(volatile("http://127.0.0.1:41234/mcp"), "http://127.0.0.1:<port>/mcp");
        assert_eq!(volatile("file:///tmp/abc.XYZ/db.sqlite, /var/folders/x/y"), "file://<temp>, <temp>");
        assert_eq!(volatile(r"C:\Users\me\AppData\Local\Temp\x1\y"), "<temp>");
        let kept = "rapid 12, example.com:8080, 2026-01-02";
        assert_eq!(volatile(kept), kept);
    }

    #[test]
    fn masks_of_the_user_name_texts_and_places() {
        let masks: Vec<Mask> = serde_json::from_value(json!([
            {"pattern": "build [0-9a-f]+", "with": "build <sha>"},
            {"at": "/resources/*/size"},
        ]))
        .unwrap();
        let value =
            json!({"instructions": "build 0af3", "resources": [{"uri": "a", "size": 7}, {"uri": "b"}]});
        let wanted = json!({"instructions": "build <sha>", "resources": [{"uri": "a", "size": "<masked>"}, {"uri": "b"}]});
        assert_eq!(mask(value, &masks), wanted);
    }

    #[test]
    fn a_mask_that_says_too_little_or_too_much_is_refused() {
        for wrong in
            [json!({}), json!({"pattern": "("}), json!({"at": "x"}), json!({"at": "/x", "pattern": "y"})]
        {
            assert!(serde_json::from_value::<Mask>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
