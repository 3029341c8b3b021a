//! Edits of a message as bytes: framing, encoding, and JSON text that a value cannot hold.

use arbitrary::Arbitrary;

/// One edit of the bytes of a line. The number chooses a place; any number is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(super) struct TextEdit {
    pub operator: Operator,
    pub at: u16,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(super) enum Operator {
    Truncate,
    InvalidUtf8,
    Overlong,
    Nul,
    Bom,
    CarriageReturn,
    EmptyLine,
    Spaces,
    FlipByte,
    DuplicateKey,
    TrailingComma,
    Comment,
    HugeNumber,
    OddNumber,
    LoneSurrogate,
    DeepNesting,
    LongString,
    TwoOnALine,
    SingleQuotes,
    Scalar,
    Backspace,
    Insert,
    Surround,
}

/// Every operator, the plainest first: shrinking goes that way.
pub(super) const OPERATORS: [Operator; 23] = [
    Operator::Truncate,
    Operator::Scalar,
    Operator::EmptyLine,
    Operator::Spaces,
    Operator::Nul,
    Operator::InvalidUtf8,
    Operator::Overlong,
    Operator::Bom,
    Operator::CarriageReturn,
    Operator::FlipByte,
    Operator::DuplicateKey,
    Operator::TrailingComma,
    Operator::Comment,
    Operator::SingleQuotes,
    Operator::HugeNumber,
    Operator::OddNumber,
    Operator::LoneSurrogate,
    Operator::TwoOnALine,
    Operator::DeepNesting,
    Operator::LongString,
    Operator::Backspace,
    Operator::Insert,
    Operator::Surround,
];

impl Operator {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Truncate => "cut the line short",
            Self::InvalidUtf8 => "inserted a byte that is not UTF-8",
            Self::Overlong => "inserted an overlong UTF-8 sequence",
            Self::Nul => "inserted a NUL byte",
            Self::Bom => "put a byte order mark in front",
            Self::CarriageReturn => "inserted a carriage return",
            Self::EmptyLine => "put an empty line in front",
            Self::Spaces => "replaced the line by spaces",
            Self::FlipByte => "changed a byte",
            Self::DuplicateKey => "repeated a key",
            Self::TrailingComma => "added a trailing comma",
            Self::Comment => "added a comment",
            Self::HugeNumber => "added a number of 400 digits",
            Self::OddNumber => "added a number that JSON does not allow",
            Self::LoneSurrogate => "added a lone surrogate",
            Self::DeepNesting => "added 5,000 nested arrays",
            Self::LongString => "added a text of 200,000 letters",
            Self::TwoOnALine => "wrote it twice on one line",
            Self::SingleQuotes => "replaced double by single quotes",
            Self::Scalar => "replaced the message by a number",
            Self::Backspace => "left out a byte",
            Self::Insert => "inserted a byte",
            Self::Surround => "put a tab in front and behind",
        }
    }
}

impl TextEdit {
    /// Applies the edit.
    pub(super) fn apply(self, line: &mut Vec<u8>) {
        let at = usize::from(self.at) % (line.len() + 1);
        let mut insert = |bytes: &[u8]| drop(line.splice(at..at, bytes.iter().copied()));
        match self.operator {
            Operator::Truncate => line.truncate(at),
            Operator::InvalidUtf8 => insert(b"\xff"),
            Operator::Overlong => insert(b"\xc0\xaf"),
            Operator::Nul => insert(b"\0"),
            Operator::Bom => drop(line.splice(0..0, *b"\xef\xbb\xbf")),
            Operator::CarriageReturn => insert(b"\r"),
            Operator::EmptyLine => drop(line.splice(0..0, *b"\n")),
            Operator::Spaces => *line = b"   ".to_vec(),
            Operator::FlipByte => {
                if let Some(byte) = line.get_mut(at) {
                    *byte ^= 1;
                }
            }
            Operator::DuplicateKey => member(line, "\"method\":\"ping\""),
            Operator::TrailingComma => before_end(line, ","),
            Operator::Comment => before_end(line, "/* comment */"),
            Operator::HugeNumber => member(line, &format!("\"n\":{}", "9".repeat(400))),
            Operator::OddNumber => {
                member(line, ["\"n\":01", "\"n\":+1", "\"n\":NaN", "\"n\":.5"][usize::from(self.at) % 4])
            }
            Operator::LoneSurrogate => member(line, "\"s\":\"\\ud800\""),
            Operator::DeepNesting => member(line, &format!("\"d\":{}{}", "[".repeat(5000), "]".repeat(5000))),
            Operator::LongString => member(line, &format!("\"l\":\"{}\"", "x".repeat(200_000))),
            Operator::TwoOnALine => {
                let copy = line.clone();
                line.extend(copy);
            }
            Operator::SingleQuotes => {
                line.iter_mut().filter(|byte| **byte == b'"').for_each(|byte| *byte = b'\'')
            }
            Operator::Scalar => *line = b"42".to_vec(),
            Operator::Backspace => {
                if at < line.len() {
                    line.remove(at);
                }
            }
            Operator::Insert => insert(&[b"{}[]\",:\\0 "[at % 10]]),
            Operator::Surround => {
                line.insert(0, b'\t');
                line.push(b'\t');
            }
        }
    }
}

/// Adds a member at the end of the outermost object.
fn member(line: &mut Vec<u8>, text: &str) {
    before_end(line, &format!(",{text}"));
}

fn before_end(line: &mut Vec<u8>, text: &str) {
    if line.last() == Some(&b'}') {
        line.pop();
        line.extend_from_slice(text.as_bytes());
        line.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_edit_fails_on_any_line(mut line in prop::collection::vec(any::<u8>(), 0..40), operator in 0..OPERATORS.len(), at: u16) {
            TextEdit { operator: OPERATORS[operator], at }.apply(&mut line);
        }
    }

    #[test]
    fn a_repeated_key_stands_twice() {
        let mut line = br#"{"method":"a"}"#.to_vec();
        TextEdit { operator: Operator::DuplicateKey, at: 0 }.apply(&mut line);
        assert_eq!(line, br#"{"method":"a","method":"ping"}"#);
    }
}
