//! Snapshots: what a server offers and how it was judged, as text that is made to be committed.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;
use similar::TextDiff;

use super::{Report, Run, outline, text};
use crate::runner::{SnapshotChange, SnapshotOutcome, Surface};

/// The parts of a surface in the order of their appearance; whatever else there is comes after them.
const PARTS: [&str; 7] =
    ["server", "capabilities", "instructions", "tools", "resources", "resourceTemplates", "prompts"];

/// Compares each run with its snapshot in `dir`. A missing snapshot is written; a different one is only written when
/// `update` says so.
pub fn compare(
    dir: &Path,
    report: &Report,
    surfaces: &[Surface],
    update: bool,
) -> io::Result<Vec<SnapshotOutcome>> {
    fs::create_dir_all(dir)?;
    report.runs.iter().map(|run| compare_run(dir, run, surfaces, update)).collect()
}

fn compare_run(dir: &Path, run: &Run, surfaces: &[Surface], update: bool) -> io::Result<SnapshotOutcome> {
    let surface = surfaces.iter().find(|it| (it.revision, it.transport) == (run.revision, run.transport));
    let path = dir.join(format!("{}-{}.snap.txt", run.revision.as_str(), run.transport));
    let new = render(run, surface);
    let change = match read(&path)? {
        None => SnapshotChange::Created,
        Some(old) if old == new => SnapshotChange::Same,
        Some(_) if update => SnapshotChange::Updated,
        Some(old) => SnapshotChange::Changed(difference(&old, &new)),
    };
    match &change {
        SnapshotChange::Created | SnapshotChange::Updated => fs::write(&path, new)?,
        SnapshotChange::Same | SnapshotChange::Changed(_) => {}
    }
    Ok(SnapshotOutcome { file: path.display().to_string(), change })
}

/// The snapshot of a run, as it is committed.
pub fn render(run: &Run, surface: Option<&Surface>) -> String {
    let offered = surface.map_or_else(|| "surface: not seen\n".to_owned(), |surface| parts(&surface.value));
    format!("mcp-conform snapshot, {}\n\n{offered}\nverdicts:\n{}", run.label(), verdicts(run))
}

/// The snapshot on disk; line ends are those of the platform that checked it out.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn difference(old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(3)
        .header("committed", "this run")
        .to_string()
}

fn parts(surface: &Value) -> String {
    let Value::Object(fields) = surface else { return outline::outline(surface, 0) };
    let place = |key: &str| PARTS.iter().position(|part| *part == key).unwrap_or(PARTS.len());
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort_by_key(|key| (place(key), *key));
    keys.iter().map(|key| part(key, &fields[key.as_str()])).collect()
}

/// The order in which a server lists what it offers means nothing.
fn part(key: &str, value: &Value) -> String {
    match value {
        Value::Array(items) => outline::field(key, &Value::Array(outline::sorted(items)), 0),
        other => outline::field(key, other, 0),
    }
}

fn verdicts(run: &Run) -> String {
    let mut checks: Vec<_> =
        run.checks.iter().map(|check| (&check.id, &check.requirement, check.verdict)).collect();
    checks.sort_unstable();
    checks
        .iter()
        .map(|(id, requirement, verdict)| {
            format!("  {verdict:<14}  {}  {}\n", text::escape(id), text::escape(requirement))
        })
        .collect()
}
