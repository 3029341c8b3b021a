//! Who the server says it is, and what it says it can do.

use serde_json::{Value, json};

use super::jobs;
use super::server::Server;
use super::tasks::EXTENSION;
use crate::protocol::Revision;

/// One transparent pixel.
pub(super) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4//8/AwAI/AL+p5qgoAAAAABJRU5ErkJggg==";

/// The instructions of both eras.
pub(super) const INSTRUCTIONS: &str =
    "The reference server of mcp-conform. Call `echo` to see a reply, `slow` to see progress.";

/// Adds `title` and `icons`, as far as the revision defines them.
pub(super) fn dress(mut described: Value, title: &str, revision: Revision) -> Value {
    if revision >= Revision::V2025_06_18 {
        described["title"] = title.into();
    }
    if revision >= Revision::V2025_11_25 {
        described["icons"] = json!([icon()]);
    }
    described
}

/// The server's `Implementation` object.
pub(super) fn server_info(revision: Revision) -> Value {
    let bare = json!({"name": "mcp-conform-reference", "version": env!("CARGO_PKG_VERSION")});
    let mut info = dress(bare, "mcp-conform reference server", revision);
    if revision >= Revision::V2025_11_25 {
        info["websiteUrl"] = "https://modelcontextprotocol.io".into();
    }
    info
}

fn icon() -> Value {
    json!({"src": format!("data:image/png;base64,{PIXEL}"), "mimeType": "image/png", "sizes": ["1x1"]})
}

/// The declared capabilities.
pub(super) fn capabilities(server: &Server, revision: Revision) -> Value {
    let mut declared = json!({});
    for (name, flags) in [
        ("tools", &["listChanged"][..]),
        ("resources", &["subscribe", "listChanged"]),
        ("prompts", &["listChanged"]),
        ("logging", &[]),
        ("completions", &[]),
    ] {
        let defined = name != "completions" || revision >= Revision::V2025_03_26;
        if defined && server.declares(name) {
            declared[name] = json!({});
            for flag in flags.iter().filter(|flag| server.declares(&format!("{name}.{flag}"))) {
                declared[name][flag] = true.into();
            }
        }
    }
    if revision == Revision::V2025_11_25 && server.declares("tasks") {
        declared["tasks"] = json!({});
        for (path, flag) in [("tasks.list", "list"), ("tasks.cancel", "cancel")] {
            if server.declares(path) {
                declared["tasks"][flag] = json!({});
            }
        }
        if jobs::offered(server, revision) {
            declared["tasks"]["requests"] = json!({"tools": {"call": {}}});
        }
    }
    if revision.is_stateless() && jobs::offered(server, revision) {
        declared["extensions"] = json!({EXTENSION: {}});
    }
    declared
}
