//! Text that somebody else wrote, made safe to show: escaped, shortened, and never a command to a terminal, an XML
//! reader or a CI log.

pub use crate::protocol::inert::{disarm_marks, is_unsafe};

/// One line of text with everything in it visible: control characters, escape sequences, bidirectional overrides and
/// invisible characters become escapes such as `\u001b`.
pub fn escape(text: &str) -> String {
    disarm(text.chars().fold(String::with_capacity(text.len()), push))
}

/// Like [`escape`], and at most about `max` characters long: the middle gives way to `…`, and the size is told.
pub fn brief(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() && escape(text).chars().nth(max).is_none() {
        return escape(text);
    }
    let tail_budget = max / 3;
    let head = fitting(text.chars(), max - tail_budget);
    let tail = fitting(text[head..].chars().rev(), tail_budget);
    let cut = format!("{}…{}", escape(&text[..head]), escape(&text[text.len() - tail..]));
    format!("{} ({} bytes)", disarm(cut), text.len())
}

/// At most `max` characters of a text as it is, and its size: the middle gives way to `…`.
pub fn cut(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max {
        return text.to_owned();
    }
    let head: String = text.chars().take(max - max / 3).collect();
    let tail: String = text.chars().skip(length - max / 3).collect();
    format!("{head}…{tail} ({} bytes)", text.len())
}

/// The text in pieces of `width` characters.
pub fn fold(text: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    match chars.is_empty() {
        true => vec![String::new()],
        false => chars.chunks(width.max(1)).map(|piece| disarm(piece.iter().collect())).collect(),
    }
}

/// The lines of a text, each [`brief`], at most `max_lines` of them; the rest is counted.
pub fn lines(text: &str, max_lines: usize, max: usize) -> Vec<String> {
    let all: Vec<&str> = text.trim_end().lines().collect();
    let mut shown: Vec<String> = all.iter().take(max_lines).map(|line| brief(line, max)).collect();
    if all.len() > max_lines {
        shown.push(format!("… {} more lines", all.len() - max_lines));
    }
    shown
}

/// A text broken at spaces so that no line is longer than `width`, as far as its words allow.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        let line = lines.len() - 1;
        if used > 0 {
            lines[line].push(' ');
            used += 1;
        }
        lines[line].push_str(word);
        used += length;
    }
    lines.into_iter().map(disarm).collect()
}

/// Text for a CDATA section: only characters that XML 1.0 allows, and `]]>` as `]]\u003e`, because some readers lose
/// text when a section is split.
pub fn cdata(text: &str) -> String {
    let allowed = text.chars().fold(String::with_capacity(text.len()), |out, c| match is_xml(c) {
        true => plain(out, c),
        false => escaped(out, c),
    });
    allowed.replace("]]>", "]]\\u003e")
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn push(out: String, c: char) -> String {
    if is_unsafe(c) { escaped(out, c) } else { plain(out, c) }
}

fn plain(mut out: String, c: char) -> String {
    out.push(c);
    out
}

fn escaped(mut out: String, c: char) -> String {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if u32::from(c) > 0xffff => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
    out
}

/// How many bytes of a text fit into a budget of shown characters.
fn fitting(chars: impl Iterator<Item = char>, budget: usize) -> usize {
    let mut shown = 0;
    chars
        .take_while(|&c| {
            shown += push(String::new(), c).chars().count();
            shown <= budget
        })
        .map(char::len_utf8)
        .sum()
}

/// Takes away the meaning that CI systems give to `::command` at the start of a line (GitHub ignores the indentation),
/// and to marks such as `##[command]` anywhere.
fn disarm(text: String) -> String {
    let start = text.len() - text.trim_start().len();
    let text = match text[start..].starts_with("::") {
        true => format!("{}\\u003a{}", &text[..start], &text[start + 1..]),
        false => text,
    };
    disarm_marks(&text)
}

/// Whether a text is a web address with nothing in it that would end it in some report.
pub fn is_address(text: &str) -> bool {
    text.starts_with("https://")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#=&%".contains(c))
}

/// A word as a POSIX shell takes it.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_shows_what_a_terminal_would_obey() {
        assert_eq!(escape("a\u{1b}[2Jb\u{7}\u{9b}\0\n"), "a\\u001b[2Jb\\u0007\\u009b\\u0000\\n");
        assert_eq!(escape("\u{202e}abc\u{2066}\u{fffe}\u{e0041}"), "\\u202eabc\\u2066\\ufffe\\u{e0041}");
        assert_eq!(escape("Grüße 日本 👩‍🚀"), "Grüße 日本 👩‍🚀");
    }

    #[test]
    fn escape_takes_ci_commands_apart_even_when_indented() {
        assert_eq!(escape("::error::x"), "\\u003a:error::x");
        assert_eq!(escape("  ::error::x"), "  \\u003a:error::x");
        assert_eq!(escape("std::io"), "std::io");
        assert_eq!(escape("x ##[error]y ##vso[task]"), "x \\u0023#[error]y \\u0023#vso[task]");
    }

    #[test]
    fn brief_keeps_both_ends_and_tells_the_size() {
        assert_eq!(brief("short", 5), "short");
        assert_eq!(brief("abcdefghijkl", 9), "abcdef…jkl (12 bytes)");
        assert_eq!(brief(&"é".repeat(100), 6), "éééé…éé (200 bytes)");
    }

    #[test]
    fn brief_bounds_what_is_shown_and_not_what_was_sent() {
        let shown = brief(&"\u{1b}".repeat(50), 30);
        assert_eq!(shown, "\\u001b\\u001b\\u001b…\\u001b (50 bytes)");
    }

    #[test]
    fn cut_leaves_the_text_as_it_is_but_shorter() {
        assert_eq!(cut("abc\0", 4), "abc\0");
        assert_eq!(cut("ab\0defghi", 6), "ab\0d…hi (9 bytes)");
    }

    #[test]
    fn fold_loses_nothing() {
        assert_eq!(fold("abcdé", 2), ["ab", "cd", "é"]);
        assert_eq!(fold("", 2), [""]);
        assert_eq!(fold("ab::error::x", 2)[1], "\\u003a:", "a line that begins anew begins no command");
    }

    #[test]
    fn lines_counts_the_lines_it_leaves_out() {
        assert_eq!(lines("a\nb\r\nc\nd\n", 2, 80), ["a", "b", "… 2 more lines"]);
        assert!(lines("", 2, 80).is_empty());
    }

    #[test]
    fn wrap_breaks_at_spaces_and_never_inside_a_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible x", 7), ["incomprehensible", "x"]);
    }

    #[test]
    fn only_plain_addresses_are_links() {
        assert!(is_address("https://modelcontextprotocol.io/specification/2025-11-25/server/tools#x"));
        assert!(!is_address("javascript:alert(1)") && !is_address("https://a) [b](http://c"));
    }

    #[test]
    fn cdata_escapes_what_xml_forbids_and_its_own_end() {
        assert_eq!(cdata("a\0b\u{fffe}\n]]>"), "a\\u0000b\\ufffe\n]]\\u003e");
    }
}
