//! Tokens of our own making, which no server may accept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Tokens that are plainly none, with a name each. The last one is the valid token with one character changed.
pub(super) fn junk(valid: Option<&str>) -> Vec<(&'static str, String)> {
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&json!({"sub": "mcp-conform"})));
    let mut tokens =
        vec![("a made-up token", "mcp-conform-not-a-token".to_owned()), ("an unsigned token", unsigned)];
    tokens.extend(valid.and_then(changed).map(|token| ("the valid token with a letter changed", token)));
    tokens
}

/// Tokens that are made of the valid one, and tell almost all of it.
pub fn derived(valid: &str) -> Vec<String> {
    [changed(valid), resigned(valid)].into_iter().flatten().collect()
}

/// The token with the character in its middle changed; the last one may carry unused bits.
fn changed(token: &str) -> Option<String> {
    let middle = token.len() / 2;
    let at = token.get(middle..=middle).filter(|_| token.len() >= 8)?;
    let other = if at == "A" { "B" } else { "A" };
    Some(format!("{}{other}{}", &token[..middle], &token[middle + 1..]))
}

/// A signed token with every right claim, of this issuer, but not with its key.
pub(super) fn signed(audience: &url::Url, issuer: &str) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = json!({
        "iss": issuer, "aud": audience.as_str(), "sub": "mcp-conform", "iat": now, "exp": now + 3600,
        "client_id": "mcp-conform", "scope": "mcp",
    });
    let head = json!({"alg": "HS256", "typ": "JWT"});
    format!("{}.{}.{}", part(&head), part(&claims), URL_SAFE_NO_PAD.encode([0x5a; 32]))
}

/// The valid token with its own claims and another signature, if it is signed.
pub(super) fn resigned(valid: &str) -> Option<String> {
    let mut parts = valid.split('.');
    let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let is_json = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
    };
    is_json(head)?;
    is_json(claims)?;
    let length = URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| !bytes.is_empty())?.len();
    Some(format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(vec![0x5a; length])))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_token_keeps_its_claims_and_loses_its_signature() {
        let audience = "https://example.com/mcp".parse().unwrap();
        let token = signed(&audience, "https://example.com");
        let other = resigned(&token.replace("Wlpa", "AAAA")).unwrap();
        assert_eq!(token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().0);
        assert_eq!(resigned("opaque"), None);
        assert_ne!(changed(&token).unwrap(), token);
        assert_eq!(derived(&token).len(), 2);
    }
}
