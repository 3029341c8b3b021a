//! What the headers of a request must say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use serde_json::Value;

use crate::protocol::code;
use crate::reference::answer::Failure;

pub(super) const VERSION: &str = "mcp-protocol-version";
const META_VERSION: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

/// The text of a header.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a header lists a media type (or everything).
pub(super) fn lists(headers: &HeaderMap, name: &str, media_type: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut types =
        values.flat_map(|value| value.split(',')).map(|part| part.split(';').next().unwrap_or("").trim());
    let family = media_type.split('/').next().map(|family| format!("{family}/*"));
    types.any(|listed| {
        listed.eq_ignore_ascii_case(media_type) || listed == "*/*" || Some(listed) == family.as_deref()
    })
}

/// Whether a browser page at this origin may speak to a server on this machine.
pub(super) fn is_allowed_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get("origin") else { return true };
    let url = origin.to_str().ok().and_then(|text| url::Url::parse(text).ok());
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the message belongs to the stateless era.
pub(super) fn is_stateless(headers: &HeaderMap, message: &Value) -> bool {
    let in_header = header(headers, VERSION).is_some_and(|version| version >= "2026");
    in_header || message.pointer(META_VERSION).is_some()
}

/// What is wrong with the headers of a stateless request.
pub(super) fn mismatch(headers: &HeaderMap, message: &Value) -> Option<Failure> {
    let wrong = |text: String| Some(Failure::new(code::HEADER_MISMATCH, format!("Header mismatch: {text}")));
    let method = message["method"].as_str().unwrap_or_default();
    let mut expected = vec![(VERSION, message.pointer(META_VERSION)), ("mcp-method", message.get("method"))];
    match method {
        "tools/call" | "prompts/get" => expected.push(("mcp-name", message.pointer("/params/name"))),
        "tasks/get" | "tasks/update" | "tasks/cancel" => {
            expected.push(("mcp-name", message.pointer("/params/taskId")));
        }
        "resources/read" => expected.push(("mcp-name", message.pointer("/params/uri"))),
        _ => {}
    }
    for (name, value) in expected {
        match (headers.get(name), value.and_then(Value::as_str)) {
            (None, _) => return wrong(format!("`{name}` is missing")),
            (Some(header), Some(value)) if decoded(header.as_bytes()).as_deref() != Some(value) => {
                return wrong(format!("`{name}` does not match the body"));
            }
            _ => {}
        }
    }
    match method {
        "tools/call" => super::mirror::mismatch(headers, &message["params"]).and_then(wrong),
        _ => None,
    }
}

/// A header value, out of its Base64 sentinel form if it has one.
pub(super) fn decoded(value: &[u8]) -> Option<String> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| is_plain(&byte)))?;
    match text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(text.to_owned()),
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
    }
}
