//! What is laid out for a server that tells too much: a variable in its environment and a file outside its folder.

use std::io;
use std::path::PathBuf;

use super::oracle::Canaries;
use crate::catalogue::fingerprint;
use crate::protocol::Revision;
use crate::transport::{Command, Target};

/// Secrets that exist as long as this does. The same seed lays out the same.
pub(super) struct Laid {
    /// The file with a secret.
    pub file: PathBuf,
    /// What must not come back.
    pub canaries: Canaries,
}

impl Laid {
    /// Lays out secrets for a campaign.
    pub(super) fn new(seed: u64, revision: Revision) -> io::Result<Self> {
        let secret =
            |what: &str| format!("canary-{}", fingerprint(format!("{what}|{seed}|{revision}").bytes()));
        let folder = std::env::temp_dir().join(format!("mcp-conform-{}", secret("folder")));
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("secret.txt");
        let canaries = Canaries { variable: secret("variable"), file: secret("file"), offers_files: false };
        std::fs::write(&file, &canaries.file)?;
        Ok(Self { file, canaries })
    }

    /// The target with the variable in its environment.
    pub(super) fn before(&self, target: &Target) -> Target {
        match target {
            Target::Command(command) => {
                let mut env = command.env.clone();
                env.push(("MCP_CONFORM_CANARY".to_owned(), self.canaries.variable.clone()));
                Target::Command(Command { env, ..command.clone() })
            }
            other => other.clone(),
        }
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        // What cannot be taken away again is no harm: it is small, and says what it is.
        let _ = std::fs::remove_file(&self.file);
        let _ = self.file.parent().map(std::fs::remove_dir);
    }
}
