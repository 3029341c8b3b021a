//! Published documents: JSON objects with rules that all of them share.

use serde_json::{Map, Value};

use crate::transport::{Fetched, is_loopback};

/// The JSON object of a successful response, whatever its content type says.
pub(super) fn object(fetched: &Fetched) -> Option<Map<String, Value>> {
    if fetched.status != 200 {
        return None;
    }
    match serde_json::from_slice(&fetched.body).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// What is wrong with the form of a successful response.
pub(super) fn form_problem(fetched: &Fetched) -> Option<String> {
    let kind = fetched.header("content-type").unwrap_or_default();
    let media = kind.split(';').next().unwrap_or_default().trim();
    match object(fetched) {
        None => Some("the document is no JSON object".to_owned()),
        Some(_) if !media.eq_ignore_ascii_case("application/json") => {
            Some(format!("the document comes as `{kind}`"))
        }
        Some(_) => None,
    }
}

/// The first member that says nothing, where it should be left out.
pub(super) fn empty_member(members: &Map<String, Value>, but: &str) -> Option<String> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    let found = members.iter().find(|(name, value)| name.as_str() != but && is_empty(value));
    found.map(|(name, value)| format!("`{name}` is {value} instead of absent"))
}

/// An absolute web address.
pub(super) fn address(text: &str) -> Option<url::Url> {
    url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether everybody on the way can read what is sent there.
pub(super) fn is_insecure(text: &str) -> bool {
    address(text).is_some_and(|url| url.scheme() == "http" && !is_near(&url))
}

/// Whether an address looks like one of a test: on this machine, or in a network without a public name.
pub(super) fn is_near(url: &url::Url) -> bool {
    let is_inner = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        Some(url::Host::Domain(name)) => {
            !name.contains('.') || [".local", ".internal", ".test"].iter().any(|end| name.ends_with(end))
        }
        None => false,
    };
    is_inner || is_loopback(url)
}

/// What is wrong with an issuer identifier: https (http in a test), no query, no fragment.
pub(super) fn issuer_problem(text: &str) -> Option<String> {
    match address(text) {
        None => Some(format!("the issuer `{text}` is no absolute address")),
        Some(_) if is_insecure(text) => Some(format!("the issuer `{text}` is not https")),
        Some(url) if url.query().is_some() || url.fragment().is_some() => {
            Some(format!("the issuer `{text}` has a query or a fragment"))
        }
        Some(url) if url.path().contains("/.well-known/") => {
            Some(format!("`{text}` is the address of a metadata document, not an issuer"))
        }
        Some(_) => None,
    }
}

/// The address of a well-known document: the name stands between host and path.
pub(super) fn well_known(identifier: &url::Url, name: &str) -> url::Url {
    let path = identifier.path().trim_end_matches('/');
    at(identifier, &format!("/.well-known/{name}{path}"))
}

/// Another path on the same host.
pub(super) fn at(identifier: &url::Url, path: &str) -> url::Url {
    let mut url = identifier.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_name_stands_before_the_path() {
        let at = |text: &str| well_known(&text.parse().unwrap(), "x").to_string();
        assert_eq!(at("https://a.example/public/mcp?q=1"), "https://a.example/.well-known/x/public/mcp");
        assert_eq!(at("https://a.example/"), "https://a.example/.well-known/x");
    }

    #[test]
    fn issuers_are_plain_secure_addresses() {
        for good in
            ["https://a.example", "https://a.example/tenant", "http://127.0.0.1:3000", "http://auth:80"]
        {
            assert_eq!(issuer_problem(good), None, "{good}");
        }
        for bad in
            ["a.example", "http://a.example", "https://a.example?t=1", "https://a.example/.well-known/x"]
        {
            assert!(issuer_problem(bad).is_some(), "{bad}");
        }
    }
}
