//! What failed in the last run, kept in `.mcp-conform/` of the working folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Serialize};

use crate::catalogue::Verdict;
use crate::runner::Check;

const FOLDER: &str = ".mcp-conform";

/// Failures by server.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Ids of cases and requirements, by what tells the server from others.
    #[serde(default)]
    failed: BTreeMap<String, BTreeSet<String>>,
}

fn file() -> PathBuf {
    Path::new(FOLDER).join("last-run.json")
}

impl State {
    /// What the last runs left; nothing, if they left nothing readable.
    pub fn read() -> Self {
        let text = fs::read_to_string(file()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// What failed on that server and is wanted.
    pub fn failed(&self, server: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<GlobMatcher> {
        let ids = self.failed.get(server).into_iter().flatten().filter(|id| is_wanted(id));
        ids.filter_map(|id| Some(Glob::new(&globset::escape(id)).ok()?.compile_matcher())).collect()
    }

    /// Takes in what was judged. What was not judged this time stays as it was, unless this was the whole.
    pub fn add<'c>(&mut self, server: &str, checks: impl Iterator<Item = &'c Check> + Clone, is_whole: bool) {
        let known = self.failed.entry(server.to_owned()).or_default();
        match is_whole {
            true => known.clear(),
            false => {
                known.retain(|id| checks.clone().all(|check| check.id != *id && check.requirement != *id))
            }
        }
        known.extend(checks.filter(|check| is_failure(check.verdict)).map(name));
    }

    /// Keeps it. A working folder that cannot be written is no reason to complain.
    pub fn write(&self) {
        let kept = serde_json::to_string_pretty(self).unwrap_or_default();
        let ignore = Path::new(FOLDER).join(".gitignore");
        drop(
            fs::create_dir_all(FOLDER)
                .and_then(|()| if ignore.exists() { Ok(()) } else { fs::write(&ignore, "*\n") })
                .and_then(|()| fs::write(file(), kept + "\n")),
        );
    }
}

const fn is_failure(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Warn | Verdict::Error | Verdict::Blocked)
}

/// What runs the check again: the case, or of what watches everything the requirement.
fn name(check: &Check) -> String {
    let is_scripted = !(check.id.starts_with("rule/") || check.id == "schema");
    if is_scripted { check.id.clone() } else { check.requirement.clone() }
}
