//! Text that is safe to look at: nothing in it commands a terminal or a CI job.

/// What CI systems read as a command anywhere in a line.
const CI_MARKS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// Whether a character must not reach a terminal or a reader as it is.
pub fn is_unsafe(c: char) -> bool {
    let code = u32::from(c);
    c.is_control()
        || code & 0xfffe == 0xfffe
        || matches!(code,
            0x061c | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfdd0..=0xfdef | 0xfeff
            | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

/// Escapes the marks with which CI systems find commands anywhere in a line.
pub fn disarm_marks(text: &str) -> String {
    CI_MARKS.iter().fold(text.to_owned(), |text, mark| match text.contains(mark) {
        true => text.replace(mark, &format!("\\u0023{}", &mark[1..])),
        false => text,
    })
}

/// The same JSON, with what is unsafe in its strings escaped.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unsafe(c) && c != '\n' {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}")),
            false => out.push(c),
        }
    }
    disarm_marks(&out)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn inert_json_means_the_same() {
        let value = Value::from("\u{9b}31m \u{202e}\u{e0041} ##[error] \n\u{1b} ünï 👩");
        let text = super::json(&format!("[\n{value}]"));
        assert!(text.contains(r"\u009b31m \u202e\udb40\udc41 \u0023#[error] \n\u001b ünï 👩"), "{text}");
        assert_eq!(serde_json::from_str::<Vec<Value>>(&text).unwrap(), [value]);
    }
}
