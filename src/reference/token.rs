//! The built-in token issuer: a few fixed tokens for tests. They protect nothing.

/// A token that the protected reference server knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    /// What stands behind `Bearer`.
    pub text: &'static str,
    /// The name of an environment variable to keep it in.
    pub variable: &'static str,
    /// What is special about it.
    pub about: &'static str,
    /// Who it was issued to.
    pub(super) subject: &'static str,
    pub(super) scopes: &'static [&'static str],
    /// Whether it was issued for this server.
    pub(super) is_ours: bool,
    pub(super) is_expired: bool,
}

const READ: &str = "mcp:read";
const CALL: &str = "mcp:call";
/// Implies all others.
const ADMIN: &str = "mcp:admin";

const ALICE: Token = Token {
    text: "mcp-conform-token-alice",
    variable: "MCP_TOKEN",
    about: "valid",
    subject: "alice",
    scopes: &[READ, CALL],
    is_ours: true,
    is_expired: false,
};

/// The client that is registered at the built-in authorization server.
pub const CLIENT: &str = "mcp-conform-client";
/// The address that is registered for it.
pub const REDIRECT: &str = "http://127.0.0.1/callback";

/// Every token that was ever issued; the first one may do everything.
pub const TOKENS: &[Token] = &[
    ALICE,
    Token {
        text: "mcp-conform-token-expired",
        variable: "MCP_TOKEN_EXPIRED",
        about: "expired",
        is_expired: true,
        ..ALICE
    },
    Token {
        text: "mcp-conform-token-foreign",
        variable: "MCP_TOKEN_FOREIGN",
        about: "issued for another server",
        is_ours: false,
        ..ALICE
    },
    Token {
        text: "mcp-conform-token-reader",
        variable: "MCP_TOKEN_NARROW",
        about: "may not call tools",
        scopes: &[READ],
        ..ALICE
    },
    Token {
        text: "mcp-conform-token-caller",
        variable: "MCP_TOKEN_WIDENED",
        about: "the narrow one after it was widened as asked",
        ..ALICE
    },
    Token {
        text: "mcp-conform-token-admin",
        variable: "MCP_TOKEN_BROAD",
        about: "has one scope that implies all others",
        scopes: &[ADMIN],
        ..ALICE
    },
    Token {
        text: "mcp-conform-token-bob",
        variable: "MCP_TOKEN_OTHER_USER",
        about: "valid, of another user",
        subject: "bob",
        ..ALICE
    },
];

/// A refresh token of that client; it can be used once.
pub const REFRESH: Token = Token {
    text: "mcp-conform-refresh-alice",
    variable: "MCP_REFRESH_TOKEN",
    about: "a refresh token of the client, to be spent",
    ..ALICE
};

/// Another client with that address.
pub const OTHER_CLIENT: &str = "mcp-conform-other-client";

/// The cookie of a browser whose user has agreed to the first client.
pub const CONSENT: Token = Token {
    text: "__Host-mcp-conform-consent=agreed-by-alice",
    variable: "MCP_CONSENT_COOKIE",
    about: "the cookie of a user who has agreed to the client",
    ..ALICE
};

/// The scopes of plain requests, as the metadata tells them.
pub(super) const SCOPES: &[&str] = &[READ];

/// The scopes that a method needs.
pub(super) fn needed(method: &str) -> &'static [&'static str] {
    match method {
        "tools/call" => &[READ, CALL],
        _ => SCOPES,
    }
}

impl Token {
    /// The token of that text, if it is valid here.
    pub(super) fn valid(text: &str) -> Option<&'static Self> {
        TOKENS.iter().find(|token| token.text == text && token.is_ours && !token.is_expired)
    }

    /// Whether the token has every one of these scopes.
    pub(super) fn grants(&self, scopes: &[&str]) -> bool {
        self.scopes.contains(&ADMIN) || scopes.iter().all(|scope| self.scopes.contains(scope))
    }
}
