//! `mcp-conform diff`: what changed between two snapshots or two reports, and what it means.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Usage;
use crate::report::diagnostic::Block;
use crate::report::paint::Paint;
use crate::report::read::read;
use crate::report::{change, snapshot};
use crate::runner::{Change, Difference, ExitCode, Judgement};

/// What the exit codes mean here.
pub const CODES: &str = "\
Each change is judged from the side of those who use the server: breaking (what worked no longer does), compatible,
or unknown. Schemas of arguments are compared in one direction, schemas of results in the other.

Exit codes:
  0  nothing changed, or only what is compatible
  1  something changed for the worse, or it cannot be told
  2  a file is missing, or is neither a snapshot nor a JSON report";

/// Columns of the text.
const WIDTH: usize = 110;

/// Arguments of `diff`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A snapshot, a folder of snapshots (--snapshot), or a JSON report (--json)
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same of later
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let differences = match (args.old.is_dir(), args.new.is_dir()) {
        (true, true) => folders(&args.old, &args.new)?,
        (false, false) => vec![(args.new.display().to_string(), files(&args.old, &args.new)?)],
        _ => return Err(Usage("a folder can be compared with a folder only".to_owned()).into()),
    };
    let told: String = differences.iter().filter_map(|(name, difference)| tell(name, difference)).collect();
    let told = if told.is_empty() { "nothing changed\n".to_owned() } else { told };
    std::io::stdout().write_all(told.as_bytes())?;
    let mut changes = differences.iter().flat_map(|(_, difference)| &difference.changes);
    Ok(match changes.all(|change| change.judgement == Judgement::Compatible) {
        true => ExitCode::Clean,
        false => ExitCode::Findings,
    })
}

fn tell(name: &str, difference: &Difference) -> Option<String> {
    if difference.changes.is_empty() && difference.text.is_empty() {
        return None;
    }
    Some(Block::of_change(name, &difference.changes, &difference.text).render(Paint::default(), WIDTH) + "\n")
}

/// The snapshots of two folders, by their names.
fn folders(old: &Path, new: &Path) -> Result<Vec<(String, Difference)>, Usage> {
    let (before, now) = (snapshots(old)?, snapshots(new)?);
    if before.is_empty() && now.is_empty() {
        return Err(Usage(format!("{} and {} hold no snapshots", old.display(), new.display())));
    }
    let of = |name: &String| {
        let alone = |judgement, what: &str| Difference {
            changes: vec![Change { judgement, what: format!("{name} {what}") }],
            text: String::new(),
        };
        let difference = match (before.contains(name), now.contains(name)) {
            (true, false) => alone(Judgement::Breaking, "is gone: the server is not judged so any more"),
            (false, _) => alone(Judgement::Compatible, "is new"),
            (true, true) => files(&old.join(name), &new.join(name))?,
        };
        Ok((name.clone(), difference))
    };
    before.union(&now).map(of).collect()
}

fn snapshots(folder: &Path) -> Result<BTreeSet<String>, Usage> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| Usage(format!("{}: {error}", folder.display())))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.ends_with(".snap.yaml")).collect())
}

fn files(old: &Path, new: &Path) -> Result<Difference, Usage> {
    let (before, now) = (text(old)?, text(new)?);
    if snapshot::is_snapshot(&before) && snapshot::is_snapshot(&now) {
        let both = format!("{} and {}", old.display(), new.display());
        return snapshot::difference(&before, &now).map_err(|problem| Usage(format!("{both}: {problem}")));
    }
    let report = |path: &Path, text: &str| {
        read(text).map_err(|problem| {
            Usage(format!("{}: neither a snapshot nor a report: {problem}", path.display()))
        })
    };
    let changes = change::of_reports(&report(old, &before)?, &report(new, &now)?);
    Ok(Difference { changes, text: String::new() })
}

fn text(path: &Path) -> Result<String, Usage> {
    let bytes = std::fs::read(path).map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}
