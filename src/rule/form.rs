//! What a form may not ask for: a guess from the words of its fields.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// How sure the guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing else can be meant.
    None,
    /// Something harmless may be meant.
    Some,
}

/// Words that nobody uses for anything but a secret.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "pass ?words?|pass ?phrase|api ?keys?|secret ?keys?|private ?keys?|access ?tokens?|\
                 auth(?:entication|orization)? ?tokens?|bearer ?tokens?|refresh ?tokens?|client ?secret|\
                 (?:credit|debit) ?cards?(?: ?(?:number|no))?|cvv2?|cvc2?|bank ?account(?: ?number)?|\
                 social ?security(?: ?number)?|ssn";
    Regex::new(&format!(
        r"^(?:(?:your|the|my|user|account|current|new|old|confirm|github|openai) )*(?:{words})$"
    ))
    .ok()
});
/// Words that are mostly used for one. Cards are also those of a library, and an IBAN is printed on invoices.
const DOUBTFUL: [&str; 10] = [
    "secret",
    "secrets",
    "token",
    "pin",
    "pin code",
    "credentials",
    "passcode",
    "card number",
    "cardnumber",
    "iban",
];

/// The first field of a form that seems to ask for a secret, and how sure that is.
pub(super) fn secret_field(schema: &Value) -> Option<(String, Doubt)> {
    let fields = schema["properties"].as_object()?;
    let doubts = fields.iter().filter_map(|(name, field)| {
        let title = field["title"].as_str().unwrap_or_default();
        let doubt = [name.as_str(), title].into_iter().filter_map(doubt).min_by_key(|d| *d == Doubt::Some)?;
        // A yes or no is no secret, nor is what the server itself offers to choose from.
        (field["type"] != "boolean" && choices(field).is_empty()).then(|| (name.clone(), doubt))
    });
    let mut doubts: Vec<_> = doubts.collect();
    doubts.sort_by_key(|(_, doubt)| *doubt == Doubt::Some);
    doubts.into_iter().next()
}

/// What a field offers to choose from.
pub(super) fn choices(field: &Value) -> Vec<&Value> {
    let plain = [&field["enum"], &field["items"]["enum"]].into_iter().filter_map(Value::as_array).flatten();
    let titled =
        [&field["oneOf"], &field["items"]["anyOf"]].into_iter().filter_map(Value::as_array).flatten();
    plain.chain(titled.map(|choice| &choice["const"])).collect()
}

fn doubt(name: &str) -> Option<Doubt> {
    let words = words(name);
    match SECRET.as_ref().is_some_and(|secret| secret.is_match(&words)) {
        true => Some(Doubt::None),
        false => DOUBTFUL.contains(&words.as_str()).then_some(Doubt::Some),
    }
}

/// `apiKey`, `API_KEY` and `Api key` are the same words.
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut last = ' ';
    for letter in name.chars() {
        let is_new = letter.is_uppercase() && last.is_lowercase();
        let letter_is_word = letter.is_alphanumeric();
        if (is_new || !letter_is_word) && !words.ends_with(' ') && !words.is_empty() {
            words.push(' ');
        }
        if letter_is_word {
            words.extend(letter.to_lowercase());
        }
        last = letter;
    }
    words.trim().to_owned()
}

/// The first web address in the words of a form.
pub(super) fn link(params: &Value) -> Option<String> {
    let mut texts = vec![&params["message"]];
    for field in params["requestedSchema"]["properties"].as_object().into_iter().flatten().map(|(_, f)| f) {
        texts.extend([&field["title"], &field["description"], &field["default"]]);
        texts.extend(field["enum"].as_array().into_iter().flatten());
        texts.extend(field["enumNames"].as_array().into_iter().flatten());
        let titled = [&field["oneOf"], &field["items"]["anyOf"]];
        texts.extend(
            titled.iter().filter_map(|list| list.as_array()).flatten().map(|choice| &choice["title"]),
        );
    }
    let address = |text: &str| {
        let at = text.find("https://").or_else(|| text.find("http://"))?;
        text[at..].split_whitespace().next().map(str::to_owned)
    };
    texts.into_iter().filter_map(Value::as_str).find_map(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_told_from_other_fields() {
        let field =
            |name: &str| secret_field(&json!({"properties": {name: {"type": "string"}}})).map(|(_, d)| d);
        for name in ["password", "apiKey", "API_KEY", "your-password", "credit_card_number", "userPassword"] {
            assert_eq!(field(name), Some(Doubt::None), "{name}");
        }
        for name in ["token", "cardNumber", "iban"] {
            assert_eq!(field(name), Some(Doubt::Some), "{name}");
        }
        for name in ["passwordHint", "name", "email", "username", "tokens_per_day", "pinColor", "keyboard"] {
            assert_eq!(field(name), None, "{name}");
        }
        let yes = json!({"properties": {"password": {"type": "boolean"}}});
        assert_eq!(secret_field(&yes), None);
    }

    #[test]
    fn a_choice_among_labels_of_the_server_is_no_secret() {
        let choices = [
            json!({"type": "string", "enum": ["work", "home"]}),
            json!({"type": "string", "oneOf": [{"const": "a", "title": "Work"}]}),
            json!({"type": "array", "items": {"type": "string", "enum": ["work"]}}),
            json!({"type": "array", "items": {"anyOf": [{"const": "a", "title": "Work"}]}}),
        ];
        for choice in choices {
            assert_eq!(secret_field(&json!({"properties": {"apiKey": choice}})), None);
        }
    }

    #[test]
    fn addresses_are_found_in_any_words() {
        assert_eq!(
            link(&json!({"message": "Open https://example.com/x now"})).unwrap(),
            "https://example.com/x"
        );
        assert_eq!(link(&json!({"message": "Your name"})), None);
    }
}
