//! `WWW-Authenticate`: challenges as RFC 9110 writes them.

/// One challenge: a scheme and its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, as written.
    pub scheme: String,
    /// The parameters in order, names in lower case, values without quotes.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// Whether the scheme is `Bearer`.
    pub fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("bearer")
    }

    /// The value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads the challenges of one header value; the error says where it cannot be read.
pub fn challenges(text: &str) -> Result<Vec<Challenge>, String> {
    let mut reader = Reader { rest: text };
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        reader.skip(&[' ', '\t', ',']);
        if reader.rest.is_empty() {
            return Ok(found);
        }
        let word = reader.token()?;
        match (reader.value()?, found.last_mut()) {
            (Some(value), Some(challenge)) => challenge.params.push((word.to_lowercase(), value)),
            (Some(_), None) => return Err(format!("`{word}` is a parameter without a scheme")),
            (None, _) => {
                found.push(Challenge { scheme: word, params: Vec::new() });
                reader.token68();
            }
        }
        reader.end()?;
    }
}

struct Reader<'t> {
    rest: &'t str,
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

impl Reader<'_> {
    fn skip(&mut self, signs: &[char]) {
        self.rest = self.rest.trim_start_matches(signs);
    }

    fn take(&mut self, length: usize) -> String {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken.to_owned()
    }

    fn token(&mut self) -> Result<String, String> {
        let length = self.rest.find(|c| !is_token(c)).unwrap_or(self.rest.len());
        match length {
            0 => Err(format!("a name is expected at `{}`", self.rest)),
            length => Ok(self.take(length)),
        }
    }

    /// The value after a parameter's name; `None` when the word before was a scheme.
    fn value(&mut self) -> Result<Option<String>, String> {
        let Some(rest) = self.rest.trim_start().strip_prefix('=') else { return Ok(None) };
        self.rest = rest.trim_start();
        match self.rest.strip_prefix('"') {
            None => self.token().map(Some),
            Some(quoted) => {
                self.rest = quoted;
                self.quoted().map(Some)
            }
        }
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        let mut signs = self.rest.char_indices();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(value);
                }
                '\\' => value.extend(signs.next().map(|(_, escaped)| escaped)),
                sign => value.push(sign),
            }
        }
        Err("a quote is not closed".to_owned())
    }

    /// Skips a token68 such as that of `Negotiate`, which has no parameters.
    fn token68(&mut self) {
        let rest = self.rest.trim_start();
        let word = rest.split(',').next().unwrap_or_default().trim_end();
        let body = word.trim_end_matches('=');
        if !body.is_empty() && body.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c)) {
            self.rest = &rest[word.len()..];
        }
    }

    /// After a scheme comes a space or the end, after a parameter a comma or the end.
    fn end(&mut self) -> Result<(), String> {
        match self.rest.chars().next() {
            None | Some(',' | ' ' | '\t') => Ok(()),
            Some(_) => Err(format!("a comma is expected at `{}`", self.rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Vec<(String, String)>)> {
        challenges(text).unwrap().into_iter().map(|c| (c.scheme, c.params)).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn several_challenges_stand_in_one_header() {
        let found = read(r#"Basic realm="a, b", Bearer Scope="x y" , error=invalid_token, Negotiate YWJj=="#);
        assert_eq!(found[0], ("Basic".into(), vec![pair("realm", "a, b")]));
        assert_eq!(found[1], ("Bearer".into(), vec![pair("scope", "x y"), pair("error", "invalid_token")]));
        assert_eq!(found[2], ("Negotiate".into(), vec![]));
    }

    #[test]
    fn escapes_are_undone_and_bare_schemes_allowed() {
        assert_eq!(read(r#"Bearer realm="a \"b\"""#)[0].1, [pair("realm", r#"a "b""#)]);
        assert_eq!(read("Bearer"), [("Bearer".to_owned(), vec![])]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn what_is_no_challenge_is_refused() {
        assert!(challenges(r#"{"error":"unauthorized"}"#).is_err());
        assert!(challenges(r#"Bearer realm="open"#).is_err());
        assert!(challenges(r#"realm="no scheme""#).is_err());
    }
}
