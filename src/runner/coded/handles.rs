//! Names of state that a tool makes: whether they can be guessed (2026-07-28).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Called, Seen, called, is_limited};
use crate::runner::interpret::CaseRun;

const ID: &str = "auth.handle.unpredictable";
pub(super) const HINT: &str = "needs a tool that makes state and names it: `[tools.NAME] handle = { at = \"/…\", tool = \"…\", argument = \
                    \"…\" }` in the profile says where the name stands, and which tool takes it";
/// How many names are made, and how few show nothing.
const MANY: usize = 20;
const FEW: usize = 8;
/// Names with fewer bits that differ can be tried one after the other.
const BITS: f64 = 64.0;
/// Numbers that are at most so far apart count, though others may have taken some between.
const CLOSE: u128 = 16;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some((maker, handle)) = run.told(|tool| tool.handle.clone()) else { return run.rest_unseen(HINT) };
    let from = run.session.transcript.last() + 1;
    let mut handles = Vec::new();
    for _ in 0..MANY {
        let outcome = run.ask("tools/call", maker.clone()).await;
        let found = outcome.result().and_then(|result| text(result.pointer(&handle.at)?));
        match (called(&outcome), found) {
            (Called::Done, Some(found)) => handles.push(found),
            _ if is_limited(&outcome) => break,
            _ => return run.rest_unseen(&nothing(&maker, &handle.at)),
        }
    }
    if handles.len() < FEW || handles.iter().collect::<BTreeSet<_>>().len() == 1 {
        return run.rest_unseen("the tool names too few states, or always the same one");
    }
    let weakness = weakness(&handles);
    let seen = Seen {
        message: weakness.unwrap_or_default().to_owned(),
        expected: "handles that nobody can guess".into(),
        got: handles.join(", "),
        from,
        at_most: None,
    };
    super::hold(run, ID, weakness.is_none(), seen);
}

/// A handle as a text.
fn text(handle: &Value) -> Option<String> {
    match handle {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Why there is no handle.
pub(super) fn nothing(maker: &Value, at: &str) -> String {
    format!("a call of {} brought no handle at {at}", maker["name"])
}

/// What makes handles guessable, if anything does; what is said of them is never more than what is there.
fn weakness(handles: &[String]) -> Option<&'static str> {
    let distinct: BTreeSet<&String> = handles.iter().collect();
    match () {
        () if distinct.len() < handles.len() => Some("two states have the same handle"),
        () if counts(handles, 10) || counts(handles, 16) => Some("the handles count"),
        () if handles.iter().all(|handle| is_uuid(handle)) => None,
        () if bits(handles) < BITS => Some("the handles differ in so little that they can be guessed"),
        () => None,
    }
}

/// Whether the handles, without what they share, are numbers with the same distance, or close to each other.
fn counts(handles: &[String], radix: u32) -> bool {
    let is_digit = |c: char| c.is_digit(radix);
    let (head, tail) = shared(handles);
    // A number is not cut through.
    let head = handles[0][..head].trim_end_matches(is_digit).len();
    let end = &handles[0][handles[0].len() - tail..];
    let tail = end.trim_start_matches(is_digit).len();
    let number = |handle: &String| u128::from_str_radix(handle.get(head..handle.len() - tail)?, radix).ok();
    let Some(mut numbers) = handles.iter().map(number).collect::<Option<Vec<_>>>() else { return false };
    let steps = |numbers: &[u128]| -> BTreeSet<u128> {
        numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect()
    };
    let is_even = steps(&numbers).len() == 1;
    numbers.sort_unstable();
    is_even || steps(&numbers).iter().all(|step| *step <= CLOSE)
}

/// How many bytes all have in common at the beginning, and at the end.
fn shared(handles: &[String]) -> (usize, usize) {
    let first = handles[0].as_bytes();
    let shortest = handles.iter().map(String::len).min().unwrap_or_default();
    let all = |is_same: &dyn Fn(&[u8]) -> bool| handles.iter().all(|handle| is_same(handle.as_bytes()));
    let mut head = (0..shortest).take_while(|at| all(&|other| other[*at] == first[*at])).count();
    while !handles.iter().all(|handle| handle.is_char_boundary(head)) {
        head -= 1;
    }
    let from_end = |bytes: &[u8], at: usize| bytes[bytes.len() - 1 - at];
    let rest = shortest - head;
    let mut tail =
        (0..rest).take_while(|at| all(&|other| from_end(other, *at) == from_end(first, *at))).count();
    while !handles.iter().all(|handle| handle.is_char_boundary(handle.len() - tail)) {
        tail -= 1;
    }
    (head, tail)
}

/// How many bits can differ at most between such handles: those of the places that do differ.
fn bits(handles: &[String]) -> f64 {
    let letters: Vec<Vec<char>> = handles.iter().map(|handle| handle.chars().collect()).collect();
    let is_even = letters.iter().all(|handle| handle.len() == letters[0].len());
    let (head, tail) = shared(handles);
    let places: Vec<Vec<char>> = match is_even {
        true => {
            let place = |at: usize| letters.iter().map(|handle| handle[at]).collect::<Vec<char>>();
            (0..letters[0].len()).map(place).filter(|place| place.iter().any(|c| *c != place[0])).collect()
        }
        false => {
            let middle = |handle: &String| handle[head..handle.len() - tail].chars().collect::<Vec<char>>();
            let middles: Vec<Vec<char>> = handles.iter().map(middle).collect();
            let longest = middles.iter().map(Vec::len).max().unwrap_or_default();
            let place = |at: usize| middles.iter().filter_map(|middle| middle.get(at).copied()).collect();
            (0..longest).map(place).collect()
        }
    };
    let used: BTreeSet<char> = places.iter().flatten().copied().collect();
    places.len() as f64 * alphabet(&used).log2()
}

/// The size of the alphabet that such letters are from.
fn alphabet(used: &BTreeSet<char>) -> f64 {
    let all = |is_in: fn(&char) -> bool| used.iter().all(is_in);
    match () {
        () if all(char::is_ascii_digit) => 10.0,
        () if all(|c| c.is_ascii_digit() || ('a'..='f').contains(c)) => 16.0,
        () if all(|c| c.is_ascii_digit() || ('A'..='F').contains(c)) => 16.0,
        () if all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()) => 36.0,
        () if all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) => 36.0,
        () if all(char::is_ascii_alphanumeric) => 62.0,
        () if all(char::is_ascii) => 95.0,
        () => 1_000_000.0,
    }
}

/// Whether a handle ends in a UUID, of whatever version.
fn is_uuid(handle: &str) -> bool {
    let Some(end) = handle.len().checked_sub(36).and_then(|at| handle.get(at..)) else { return false };
    let is_right = |(at, c): (usize, char)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    };
    end.chars().enumerate().all(is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(name: impl Fn(u64) -> String) -> Vec<String> {
        (0..20).map(name).collect()
    }

    /// Looks random, and is the same each time.
    fn mixed(n: u64) -> u64 {
        let mut x = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    #[test]
    fn handles_that_count_are_told() {
        for handles in [
            many(|n| format!("cart-{}", 95 + n)),
            many(|n| format!("cart-{}-open", 1000 + n * 250)),
            many(|n| (7 + n).to_string()),
            many(|n| format!("{:x}", 0xfff0 + n)),
            many(|n| format!("00000000-0000-4000-8000-{n:012x}")),
        ] {
            assert_eq!(weakness(&handles), Some("the handles count"), "{handles:?}");
        }
    }

    #[test]
    fn handles_of_few_bits_are_told() {
        let guessable = Some("the handles differ in so little that they can be guessed");
        assert_eq!(weakness(&many(|n| format!("cart-{:08x}", mixed(n) as u32))), guessable);
        // Begins with the time, ends with a counter, and always the same between.
        let object = |n: u64| format!("65a1b2{:02x}0123456789ab{:04x}", n / 10, 0x10f8 + n);
        assert_eq!(weakness(&many(object)), guessable);
        let mut twice = many(|n| format!("{:016x}{:016x}", mixed(n), mixed(n + 99)));
        twice[3] = twice[9].clone();
        assert_eq!(weakness(&twice), Some("two states have the same handle"));
    }

    #[test]
    fn random_handles_of_any_form_are_right() {
        let (one, two) = (mixed, |n| mixed(n + 1000));
        for handles in [
            many(|n| format!("{:016x}", one(n))),
            many(|n| format!("{:08x}-0000-4000-8{:03x}-{:012x}", one(n) >> 32, one(n) % 4096, two(n) >> 16)),
            // The time first, as in UUIDv7, or all but the time the same, as in UUIDv1.
            many(|n| format!("0199{:04x}-{:04x}-7000-8000-{:012x}", n, one(n) >> 48, two(n) >> 16)),
            many(|n| format!("{:08x}-1dd0-11ef-8000-0242ac120002", 0x10_0000 + n * n * 977)),
            many(|n| format!("cart:{}", one(n) as u128 * two(n) as u128)),
            many(|n| format!("été-{:016x}{:04x}", one(n), n)),
        ] {
            assert_eq!(weakness(&handles), None, "{handles:?}");
        }
    }
}
