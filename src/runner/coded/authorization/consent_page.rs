//! A page on which a user agrees to something: whether another site can put it into a frame, and what it names.

use crate::transport::{Fetched, media_type};

/// A page of a browser.
pub(super) struct Page {
    /// Whether other sites cannot show it inside a page of their own.
    pub forbids_framing: bool,
    /// What its reader sees without any script, in small letters.
    text: String,
    /// Whether scripts may draw more.
    pub has_script: bool,
    /// Whether it asks for a name or a password.
    pub is_login: bool,
}

impl Page {
    /// The page in a response, if it is HTML.
    pub fn of(response: &Fetched) -> Option<Self> {
        (media_type(response.header("content-type")?) == "text/html").then(|| {
            let html = String::from_utf8_lossy(&response.body).to_lowercase();
            Self {
                forbids_framing: forbids_framing(response),
                text: text(&html),
                has_script: html.contains("<script"),
                is_login: ["password", "email"].iter().any(|kind| has_input(&html, kind)),
            }
        })
    }

    /// The words that its reader sees, without those that may be different each time: numbers, addresses and keys.
    pub fn words(&self) -> Vec<&str> {
        let is_plain =
            |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || matches!(c, '/' | '_' | '='));
        self.text.split_whitespace().filter(is_plain).collect()
    }

    /// Whether its reader is told this.
    pub fn tells(&self, what: &str) -> bool {
        self.text.contains(&what.to_lowercase())
    }
}

/// Only the headers count: a policy inside the page cannot forbid frames.
fn forbids_framing(response: &Fetched) -> bool {
    let values = |name: &'static str| {
        response.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.to_lowercase())
    };
    let options = ["deny", "sameorigin"];
    values("x-frame-options").any(|value| options.contains(&value.trim()))
        || values("content-security-policy").any(|policy| policy.split([';', ',']).any(is_closed))
}

/// Whether a directive of a policy lets only named sites show the page.
fn is_closed(directive: &str) -> bool {
    let mut words = directive.split_ascii_whitespace();
    words.next() == Some("frame-ancestors") && !words.any(|source| matches!(source, "*" | "http:" | "https:"))
}

/// The text between the tags, without scripts and styles.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let hidden = ["script", "style"].into_iter().find(|name| tag.starts_with(name));
        let end = hidden.and_then(|name| tag.find(&format!("</{name}"))).map_or(0, |end| end + 1);
        rest = tag[end..].split_once('>').map_or("", |(_, rest)| rest);
    }
    text + rest
}

fn has_input(html: &str, kind: &str) -> bool {
    let inputs = html.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    inputs
        .into_iter()
        .any(|input| input.contains(&format!("type=\"{kind}")) || input.contains(&format!("type={kind}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(headers: &[(&str, &str)], html: &str) -> Page {
        let kind = [("content-type", "text/html; charset=utf-8")];
        let headers = kind.iter().chain(headers).map(|(name, value)| (name.to_string(), value.to_string()));
        let fetched =
            Fetched { headers: headers.collect(), body: html.to_owned().into(), ..Fetched::default() };
        Page::of(&fetched).unwrap()
    }

    #[test]
    fn only_headers_with_named_sites_forbid_frames() {
        let forbids = |name: &str, value: &str| page(&[(name, value)], "").forbids_framing;
        assert!(forbids("x-frame-options", "DENY") && forbids("x-frame-options", "SameOrigin"));
        assert!(forbids("content-security-policy", "default-src 'self'; frame-ancestors 'none'"));
        assert!(!forbids("content-security-policy", "default-src 'none'; frame-ancestors *"));
        assert!(!forbids("content-security-policy", "default-src 'none'"));
        assert!(!forbids("x-frame-options", "ALLOWALL"));
    }

    #[test]
    fn a_reader_sees_what_stands_between_the_tags() {
        let html = "<title>Agree</title><script>let host = 'a.example';</script><b>Send to</b> B.example<input value=c.example>";
        let page = page(&[], html);
        assert!(page.tells("b.example") && page.tells("B.Example") && page.has_script);
        assert!(!page.tells("a.example") && !page.tells("c.example") && !page.is_login);
        assert!(super::Page::of(&Fetched::default()).is_none());
    }

    #[test]
    fn a_page_that_asks_for_a_password_is_a_login() {
        assert!(page(&[], "<INPUT name=x type='text'><input type=\"password\" name=p>").is_login);
    }
}
