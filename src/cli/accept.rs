//! Which findings are accepted, and where those of today are written.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Usage;
use super::options::file;
use super::output::check_folder;
use crate::report::{Report, text};
use crate::runner::{Baseline, fails, now};

const WRITTEN: &str = "--write-baseline";

/// The baseline to go by, and the one to write.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "What is judged")]
pub struct Acceptance {
    /// Findings that you accept, with a reason each (TOML); one that no longer fails is an error
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write a baseline that accepts everything that fails (with --strict also warnings), each entry for you to give its
    /// reason, and keeps what --baseline accepts rightly; the exit code stays what it is
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

impl Acceptance {
    /// What the file accepts; nothing, without one. The one to write must have a folder to be in.
    pub fn read(&self) -> Result<Baseline, Usage> {
        self.write_baseline.as_deref().map_or(Ok(()), |path| check_folder(WRITTEN, path))?;
        file("--baseline", self.baseline.as_deref(), Baseline::parse)
    }
}

/// Writes the baseline of a report where one is asked for. The baselines that it was judged by know what they were used
/// for.
pub fn write(
    path: Option<&Path>,
    baselines: &[Baseline],
    report: &Report,
    strict: bool,
) -> Result<(), Usage> {
    let Some(path) = path else { return Ok(()) };
    let checks =
        report.runs.iter().flat_map(|run| run.checks.iter().map(move |check| (run.name.as_deref(), check)));
    let failures = checks.filter(|(_, check)| fails(check.verdict, strict));
    // A text of the server's must not end the comment.
    let failures = failures.map(|(server, check)| (server, check, text::brief(&check.message, 160)));
    let written = Baseline::written(baselines, failures, &today());
    std::fs::write(path, &written)
        .map_err(|error| Usage(format!("{WRITTEN} {}: {error}", path.display())))?;
    eprintln!("mcp-conform: {}", told(path, written.matches("[[accepted]]").count(), strict));
    Ok(())
}

/// What was written, in words.
fn told(path: &Path, entries: usize, strict: bool) -> String {
    match (entries, strict) {
        (0, true) => format!("{}: nothing fails, and nothing is accepted", path.display()),
        (0, false) => {
            format!(
                "{}: nothing fails, and nothing is accepted (warnings fail with --strict)",
                path.display()
            )
        }
        (1, _) => format!("{}: 1 finding is accepted", path.display()),
        (many, _) => format!("{}: {many} findings are accepted", path.display()),
    }
}

/// Today, as YYYY-MM-DD.
pub fn today() -> String {
    now().chars().take(10).collect()
}
