//! What `resources/read` brings is what was asked for, as the list describes it.

use serde_json::Value;

use super::{Context, Findings, Rule};

const IDENTIFIES: &str = "resources.read.item-uri-identifies";
const SIZE: &str = "resources.definition.size-accurate";
const TEXT: &str = "resources.read.text-only-for-text";

pub const RULE: Rule = Rule {
    id: "rule/resources",
    judges: &[IDENTIFIES, SIZE, TEXT],
    hint: "the server has to list a resource (for its size: with `size`) that can be read",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let listed: Vec<&Value> = context
        .replies()
        .filter(|(_, _, asked)| asked.method == "resources/list")
        .filter_map(|(_, message, _)| message.get("result")?["resources"].as_array())
        .flatten()
        .collect();
    for (entry, message, asked) in context.replies().filter(|(_, _, asked)| asked.method == "resources/read")
    {
        let request = context.sent.iter().find(|(sent, _)| sent.seq == asked.seq);
        let uri = request.and_then(|(_, request)| request.params()["uri"].as_str());
        let contents = message.get("result").and_then(|result| result["contents"].as_array());
        let (Some(uri), Some(contents)) = (uri, contents) else { continue };
        let mut read = Read { uri, listed: &listed, entries: [asked.seq, entry.seq], findings };
        contents.iter().for_each(|item| read.text(item));
        if let [item] = contents.as_slice() {
            read.identity(item);
            read.size(item);
        }
    }
}

/// One reply to `resources/read`.
struct Read<'r> {
    uri: &'r str,
    listed: &'r [&'r Value],
    entries: [u64; 2],
    findings: &'r mut Findings,
}

impl Read<'_> {
    /// A server may write the URI in another way; that of another resource is wrong.
    fn identity(&mut self, item: &Value) {
        let Some(uri) = item["uri"].as_str() else { return };
        let scheme = |uri: &str| uri.split(':').next().unwrap_or_default().to_lowercase();
        let is_other = uri != self.uri && self.listed.iter().any(|resource| resource["uri"] == uri);
        match is_other || scheme(uri) != scheme(self.uri) {
            false => self.findings.kept(IDENTIFIES),
            true => self.findings.violated(
                IDENTIFIES,
                "the content has the URI of something else",
                self.uri,
                uri,
                &self.entries,
            ),
        }
    }

    /// A size that is exactly that of another measure was measured wrongly; any other one may be out of date.
    fn size(&mut self, item: &Value) {
        let resource = self.listed.iter().rfind(|resource| resource["uri"] == self.uri);
        let Some(size) = resource.and_then(|resource| resource["size"].as_u64()) else { return };
        let (bytes, other) = match (item["text"].as_str(), item["blob"].as_str()) {
            (Some(text), None) => (text.len(), text.chars().count()),
            (None, Some(blob)) => (decoded(blob), blob.len()),
            _ => return,
        };
        let is = |length: usize| u64::try_from(length).is_ok_and(|length| length == size);
        match (is(bytes), is(other)) {
            (true, _) => self.findings.kept(SIZE),
            (false, true) => self.findings.violated(
                SIZE,
                "`size` counts characters or base64, not bytes",
                bytes.to_string(),
                size.to_string(),
                &self.entries,
            ),
            (false, false) => {}
        }
    }

    /// Binary data that was pressed into a text shows by what could not be decoded.
    fn text(&mut self, item: &Value) {
        let Some(text) = item["text"].as_str() else { return };
        let broken = text.chars().filter(|c| matches!(c, '\u{fffd}' | '\0')).count();
        match is_binary(item["mimeType"].as_str().unwrap_or_default()) && broken > 2 {
            false => self.findings.kept(TEXT),
            true => self.findings.violated(
                TEXT,
                "binary data came as `text`",
                "`blob` with base64",
                item.to_string(),
                &self.entries,
            ),
        }
    }
}

fn is_binary(mime: &str) -> bool {
    let mime = mime.to_lowercase();
    let is_media = ["image/", "audio/", "video/"].iter().any(|family| mime.starts_with(family));
    let others = ["application/octet-stream", "application/zip", "application/pdf", "application/gzip"];
    (is_media && !mime.contains("svg")) || others.iter().any(|other| mime.starts_with(other))
}

/// How many bytes a base64 text stands for.
fn decoded(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}
