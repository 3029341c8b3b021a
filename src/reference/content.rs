//! Content blocks, as far as a revision defines them.

use serde_json::{Value, json};

use super::identity::PIXEL;
use super::resources;
use crate::protocol::Revision;

/// A moment of silence.
const SILENCE: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==";

pub(super) fn text(text: impl Into<String>) -> Value {
    json!({"type": "text", "text": text.into()})
}

pub(super) fn image() -> Value {
    json!({"type": "image", "data": PIXEL, "mimeType": "image/png"})
}

pub(super) fn audio() -> Value {
    json!({"type": "audio", "data": SILENCE, "mimeType": "audio/wav"})
}

pub(super) fn embedded() -> Value {
    let resource =
        json!({"uri": resources::GREETING, "mimeType": "text/plain", "text": resources::GREETING_TEXT});
    json!({"type": "resource", "resource": resource})
}

/// Annotations of content and resources.
pub(super) fn annotations(revision: Revision) -> Value {
    let mut annotations = json!({"audience": ["user", "assistant"], "priority": 0.5});
    if revision >= Revision::V2025_06_18 {
        annotations["lastModified"] = "2026-07-28T12:00:00Z".into();
    }
    annotations
}

/// One block of every kind that the revision knows.
pub(super) fn every_kind(revision: Revision, with_resources: bool) -> Vec<Value> {
    let mut blocks = vec![text("One block of every kind."), image()];
    if revision >= Revision::V2025_03_26 {
        blocks.push(audio());
    }
    if with_resources {
        blocks.push(embedded());
    }
    if with_resources && revision >= Revision::V2025_06_18 {
        blocks.push(json!({
            "type": "resource_link", "uri": resources::GUIDE, "name": "guide", "mimeType": "text/markdown",
        }));
    }
    for block in &mut blocks {
        block["annotations"] = annotations(revision);
    }
    blocks
}
