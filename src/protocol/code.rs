//! JSON-RPC error codes, and those that MCP gives a meaning.

use super::revision::Revision;

/// Invalid JSON was received.
pub const PARSE_ERROR: i64 = -32700;
/// The JSON is not a valid request.
pub const INVALID_REQUEST: i64 = -32600;
/// The method does not exist or is not available.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are wrong.
pub const INVALID_PARAMS: i64 = -32602;
/// The server failed.
pub const INTERNAL_ERROR: i64 = -32603;
/// Resource not found, up to 2025-11-25.
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// URL elicitation required, 2025-11-25 only.
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// HTTP headers do not match the body, from 2026-07-28.
pub const HEADER_MISMATCH: i64 = -32020;
/// The client did not declare a capability that the request needs, from 2026-07-28.
pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
/// The protocol version is not supported, from 2026-07-28.
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// Codes that JSON-RPC 2.0 itself defines.
pub const JSON_RPC: [i64; 5] =
    [PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR];

/// Codes by which a client recognises a server of the stateless era (2026-07-28, versioning).
pub const MODERN: [i64; 3] = [HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION];

/// Whether the code lies in the range that JSON-RPC reserves for itself: -32768 to -32000.
pub fn is_reserved(code: i64) -> bool {
    (-32768..=-32000).contains(&code)
}

/// Whether the code lies in the part of the reserved range left to implementations: -32099 to -32000.
pub fn is_server_range(code: i64) -> bool {
    (-32099..=-32000).contains(&code)
}

/// The field's name of a code, if it has a meaning in the revision.
pub fn name(code: i64, revision: Revision) -> Option<&'static str> {
    let stateless = revision.is_stateless();
    Some(match code {
        PARSE_ERROR => "Parse error",
        INVALID_REQUEST => "Invalid Request",
        METHOD_NOT_FOUND => "Method not found",
        INVALID_PARAMS => "Invalid params",
        INTERNAL_ERROR => "Internal error",
        RESOURCE_NOT_FOUND if !stateless => "Resource not found",
        URL_ELICITATION_REQUIRED if revision == Revision::V2025_11_25 => "URL elicitation required",
        HEADER_MISMATCH if stateless => "Header mismatch",
        MISSING_CLIENT_CAPABILITY if stateless => "Missing required client capability",
        UNSUPPORTED_VERSION if stateless => "Unsupported protocol version",
        _ => return None,
    })
}
