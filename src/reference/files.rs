//! Reading files within the roots of the client. Offered on demand.

use std::fs::{canonicalize, read_to_string};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Which files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Files {
    /// Those within the roots.
    Roots,
    /// Those whose path begins like a root; only faults do this.
    Prefix,
    /// All; only faults do this.
    Anywhere,
}

/// What is in a file, given the client's answer about its roots.
pub(super) fn read(files: Files, path: &str, answer: &Value) -> String {
    let roots = answer["roots"].as_array().into_iter().flatten();
    let roots: Vec<PathBuf> = roots.filter_map(|root| folder(root["uri"].as_str()?)).collect();
    let whole = canonicalize(path).unwrap_or_default();
    let begins_like = |root: &Path| path.starts_with(&*root.to_string_lossy());
    let is_allowed = match files {
        Files::Roots => roots.iter().any(|root| whole.starts_with(root)),
        Files::Prefix => roots.iter().any(|root| begins_like(root)),
        Files::Anywhere => true,
    };
    let content = is_allowed.then(|| read_to_string(whole).ok()).flatten();
    content.unwrap_or_else(|| "There is no such file within the roots.".to_owned())
}

/// The folder that the URI of a root names.
fn folder(uri: &str) -> Option<PathBuf> {
    canonicalize(url::Url::parse(uri).ok()?.to_file_path().ok()?).ok()
}
