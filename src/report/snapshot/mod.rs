//! Snapshots: what a server offers and how it was judged, as YAML that is made to be committed.

mod yaml;

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};
use similar::TextDiff;

use super::{Report, Run, change};
use crate::catalogue;
use crate::pattern::{Mask, mask};
use crate::runner::{Difference, SnapshotChange, SnapshotOutcome, Surface};

/// The parts of a surface in the order of their appearance; whatever else there is comes after them.
const PARTS: [&str; 7] =
    ["server", "capabilities", "instructions", "tools", "resources", "resourceTemplates", "prompts"];
/// The part with the verdicts.
pub(super) const VERDICTS: &str = "verdicts";
/// How a snapshot begins.
const HEAD: &str = "# mcp-conform snapshot of ";

/// Compares each run with its snapshot in `dir`. A missing snapshot is written; a different one is only written when
/// `update` says so.
pub fn compare(
    dir: &Path,
    report: &Report,
    surfaces: &[Surface],
    masks: &[Mask],
    update: bool,
) -> io::Result<Vec<SnapshotOutcome>> {
    fs::create_dir_all(dir)?;
    report.runs.iter().map(|run| compare_run(dir, run, surfaces, masks, update)).collect()
}

fn compare_run(
    dir: &Path,
    run: &Run,
    surfaces: &[Surface],
    masks: &[Mask],
    update: bool,
) -> io::Result<SnapshotOutcome> {
    let surface = surfaces.iter().find(|it| (it.revision, it.transport) == (run.revision, run.transport));
    let path = dir.join(format!("{}-{}.snap.yaml", run.revision.as_str(), run.transport));
    let new = render(run, surface, masks);
    let change = match old(&path)? {
        None => SnapshotChange::Created,
        Some(old) if old == new => SnapshotChange::Same,
        Some(_) if update => SnapshotChange::Updated,
        Some(old) => {
            SnapshotChange::Changed(difference(&old, &new).map_err(|problem| unreadable(&path, &problem))?)
        }
    };
    match &change {
        SnapshotChange::Created | SnapshotChange::Updated => fs::write(&path, new)?,
        SnapshotChange::Same | SnapshotChange::Changed(_) => {}
    }
    Ok(SnapshotOutcome { file: path.display().to_string(), change })
}

fn unreadable(path: &Path, problem: &str) -> io::Error {
    let advice = "--update-snapshots writes it anew";
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {problem}; {advice}", path.display()))
}

/// The snapshot of a run, as it is committed.
pub fn render(run: &Run, surface: Option<&Surface>, masks: &[Mask]) -> String {
    let offered = surface.map_or_else(
        || "surface: null\n".to_owned(),
        |surface| parts(&mask(Value::clone(&surface.value), masks)),
    );
    format!("{HEAD}{}\n\n{offered}\n{VERDICTS}:\n{}", run.label(), verdicts(run))
}

/// Whether a text begins as snapshots do.
pub fn is_snapshot(text: &str) -> bool {
    text.starts_with(HEAD)
}

/// What changed between two snapshots; the error says which is none, and why.
pub fn difference(old: &str, new: &str) -> Result<Difference, String> {
    let changes = change::of_snapshots(&read(old)?, &read(new)?);
    let text =
        TextDiff::from_lines(old, new).unified_diff().context_radius(3).header("before", "now").to_string();
    Ok(Difference { changes, text })
}

fn read(text: &str) -> Result<Value, String> {
    match catalogue::yaml(text) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        Ok(_) => Err("not a snapshot of mcp-conform".to_owned()),
        Err(error) => Err(format!("not a snapshot of mcp-conform: {error}")),
    }
}

/// The snapshot on disk; line ends are those of the platform that checked it out.
fn old(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn parts(surface: &Value) -> String {
    let empty = Map::new();
    let fields = surface.as_object().unwrap_or(&empty);
    let place = |key: &str| PARTS.iter().position(|part| *part == key).unwrap_or(PARTS.len());
    let mut keys: Vec<&String> = fields.keys().collect();
    keys.sort_by_key(|key| (place(key), *key));
    keys.iter().map(|key| part(key, &fields[key.as_str()])).collect()
}

/// The order in which a server lists what it offers means nothing.
fn part(key: &str, value: &Value) -> String {
    match value {
        Value::Array(items) => yaml::field(key, &Value::Array(yaml::sorted(items)), 0),
        other => yaml::field(key, other, 0),
    }
}

/// One line per check: the verdict, then what was judged.
fn verdicts(run: &Run) -> String {
    let mut lines: Vec<String> = run
        .checks
        .iter()
        .map(|check| format!("  - {}\n", yaml::quoted(&change::verdict_line(check))))
        .collect();
    lines.sort_unstable();
    lines.concat()
}
