//! The configuration files that people already have: which servers they name, and how each is reached.
//!
//! [`read`] understands `.mcp.json`, `claude_desktop_config.json`, the `mcp.json` of VS Code and Cursor, `smithery.yaml`, and the
//! `[servers]` of a profile. What it yields still holds variables; [`Variables`] fills them in.

mod json;
mod jsonc;
mod profile;
mod smithery;
mod variables;

use std::path::{Path, PathBuf};

pub use variables::{Input, Place, Variables};

/// The servers of a file, as it names them.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The servers, in the order of the file.
    pub servers: Vec<Entry>,
    /// What the file asks its user for.
    pub inputs: Vec<Input>,
}

/// One server, as the file says: texts may hold variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The name in the file; another one only where a matrix makes several servers of it.
    pub origin: String,
    /// The program and its arguments; empty for a server that runs already.
    pub command: Vec<String>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// A file with more variables.
    pub env_file: Option<String>,
    /// Its working folder.
    pub cwd: Option<String>,
    /// Its address; absent = it speaks over its standard streams.
    pub url: Option<String>,
    /// Whether the address is that of an event stream (HTTP+SSE, the transport of 2024-11-05).
    pub sse: bool,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// Whether the file switches it off.
    pub disabled: bool,
}

/// A file that cannot be used; the text says what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Reads the servers of a file.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("{shown} cannot be read: {error}")))?;
    let config = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => profile::parse(&text),
        Some("yaml" | "yml") => smithery::parse(&text),
        _ => json::parse(&text),
    };
    let config = config.map_err(|error| ConfigError(format!("{shown}{error}")))?;
    match config.servers.is_empty() {
        true => Err(ConfigError(format!("{shown} names no server"))),
        false => Ok(config),
    }
}

/// The folder that a file's relative paths are meant from: its own, or the one around `.vscode` and its like. The file of
/// Claude Desktop belongs to no folder.
pub fn workspace(path: &Path) -> Option<PathBuf> {
    if path.file_name().is_some_and(|name| name == "claude_desktop_config.json") {
        return None;
    }
    let folder = std::path::absolute(path).ok()?.parent()?.to_owned();
    let is_hidden = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    if is_hidden { folder.parent().map(Path::to_owned) } else { Some(folder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_meant_from_the_project() {
        let of = |path: &str| workspace(Path::new(path));
        assert_eq!(of("/home/me/app/.mcp.json"), Some("/home/me/app".into()));
        assert_eq!(of("/home/me/app/.vscode/mcp.json"), Some("/home/me/app".into()));
        assert_eq!(of("/home/me/Claude/claude_desktop_config.json"), None);
    }
}
