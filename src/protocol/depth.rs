//! What JSON text is like before it is read: how deep, and how much. Found without recursion.

/// Deeper JSON is kept as bytes and never turned into a value: parsing and dropping it would recurse too far.
pub const MAX_DEPTH: usize = 512;

/// What JSON text is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The deepest nesting of arrays and objects. Brackets inside strings do not count.
    pub depth: usize,
    /// About how many values and names there are.
    pub parts: usize,
}

/// The deepest nesting of arrays and objects in JSON text.
pub fn depth(json: &[u8]) -> usize {
    shape(json).depth
}

/// Looks over JSON text.
pub fn shape(json: &[u8]) -> Shape {
    let (mut depth, mut deepest, mut parts) = (0_usize, 0, 1);
    let mut rest = json;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => rest = behind_string(rest),
            b',' | b':' => parts += 1,
            b'{' | b'[' => {
                parts += 1;
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Shape { depth: deepest, parts }
}

/// What follows the string in whose middle the text begins.
fn behind_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr::memchr2(b'"', b'\\', text) {
        match text[at] {
            b'"' => return &text[at + 1..],
            _ => text = text.get(at + 2..).unwrap_or_default(),
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(br#"{"a":["[[[{\"{{"]}"#), 2);
        assert_eq!(depth(br#"["\\"[["#), 3);
        assert_eq!(depth(br#"["[\"#), 1);
        assert_eq!(depth(b"1"), 0);
    }

    #[test]
    fn a_million_brackets_are_counted_without_recursion() {
        assert_eq!(depth(&vec![b'['; 1_000_000]), 1_000_000);
    }
}
