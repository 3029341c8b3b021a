//! What a browser does at an authorization server.

use crate::transport::Fetched;

/// An authorization request, right but for the changes; `None` leaves a parameter out.
pub(super) fn authorization_request(
    endpoint: &url::Url,
    client: &str,
    redirect: &str,
    changes: &[(&str, Option<&str>)],
) -> url::Url {
    let mut url = endpoint.clone();
    let usual = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("state", "mcp-conform"),
        // The example of RFC 7636.
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in usual {
        let changed = changes.iter().find(|(known, _)| *known == name);
        if let Some(value) = changed.map_or(Some(value), |(_, value)| *value) {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}

/// Where a response sends the browser at once.
pub(super) fn target(response: &Fetched) -> Option<&str> {
    response.header("location").filter(|_| (300..400).contains(&response.status))
}

/// A parameter of an address.
pub(super) fn param(target: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(target).ok()?;
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
