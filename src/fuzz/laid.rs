//! What is laid out for a server that tells too much: a variable in its environment and a file outside its folder.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::oracle::Canaries;
use crate::catalogue::fingerprint;
use crate::protocol::Revision;
use crate::session::{OpenError, OpenFailure};
use crate::transport::{Command, Target};

/// Secrets that exist as long as this does. The same seed lays out the same.
pub(super) struct Laid {
    /// The file with a secret.
    pub file: PathBuf,
    /// What must not come back.
    pub canaries: Canaries,
}

/// How many campaigns of this process use a file: what one has laid out, another may need longer.
static USERS: LazyLock<Mutex<HashMap<PathBuf, usize>>> = LazyLock::new(Mutex::default);

impl Laid {
    /// Lays out secrets for a campaign.
    pub(super) fn new(seed: u64, revision: Revision) -> Result<Self, Box<OpenFailure>> {
        let secret =
            |what: &str| format!("canary-{}", fingerprint(format!("{what}|{seed}|{revision}").bytes()));
        let folder = std::env::temp_dir().join(format!("mcp-conform-{}", secret("folder")));
        let file = folder.join("secret.txt");
        let canaries = Canaries { variable: secret("variable"), file: secret("file"), offers_files: false };
        lay(&folder, &file, &canaries.file)
            .map_err(|error| OpenFailure::before(revision, OpenError::Laid(error)))?;
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

fn users() -> MutexGuard<'static, HashMap<PathBuf, usize>> {
    USERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lay(folder: &Path, file: &Path, secret: &str) -> io::Result<()> {
    let mut users = users();
    std::fs::create_dir_all(folder)?;
    std::fs::write(file, secret)?;
    *users.entry(file.to_owned()).or_default() += 1;
    Ok(())
}

impl Drop for Laid {
    fn drop(&mut self) {
        let mut users = users();
        if let Some(others @ 2..) = users.get_mut(&self.file) {
            *others -= 1;
            return;
        }
        users.remove(&self.file);
        // What cannot be taken away again is no harm: it is small, and says what it is.
        let _ = std::fs::remove_file(&self.file);
        let _ = self.file.parent().map(std::fs::remove_dir);
    }
}
