//! `--watch`: judge again whenever a file changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::signals::unless_ended;
use super::snapshots::Telling;
use super::work::Work;
use crate::report::text;
use crate::runner::{ExitCode, Filter};
use crate::transport::Target;

/// How often files are looked at. A change counts when nothing more happened until the next look.
const PACE: Duration = Duration::from_millis(250);
/// More files than this are not looked at.
const MOST_FILES: usize = 20_000;
/// Files of these kinds are watched: data and logs of a server would start it again and again.
const KINDS: [&str; 32] = [
    "js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx", "py", "pyi", "rs", "go", "java", "kt", "kts",
    "scala", "cs", "fs", "rb", "php", "ex", "exs", "swift", "lua", "dart", "zig", "c", "h", "cc", "cpp",
    "hpp", "toml",
];
/// Folders that hold what others wrote.
const FOREIGN: [&str; 6] = ["node_modules", "__pycache__", "venv", "site-packages", "target", "vendor"];

/// When each file was changed last.
type Stamps = BTreeMap<PathBuf, Option<SystemTime>>;

/// Judges, and judges again on each change, until the user has enough. What failed comes first; when that is mended,
/// everything.
pub async fn watch(mut work: Work, failed: bool, telling: &Telling) -> anyhow::Result<ExitCode> {
    let whole: Vec<Filter> = work.parts().iter().map(|part| part.plan.filter.clone()).collect();
    let own = own_files(&work);
    let mut narrow = failed;
    loop {
        let before = stamps(&own);
        let is_narrow = narrow && work.only_failed();
        let exit = work.once(telling).await?;
        if exit == ExitCode::Interrupted {
            return Ok(exit);
        }
        if is_narrow && exit == ExitCode::Clean {
            work.widen(&whole);
            narrow = false;
            continue;
        }
        eprintln!("\nwatching {} files; Ctrl-C ends it", before.len());
        // Signals are heard all the time, not only while waiting here.
        let Some(changed) = unless_ended(next_change(&own, before)).await else {
            return Ok(ExitCode::Interrupted);
        };
        eprintln!("changed: {}\n", text::escape(&changed.to_string_lossy()));
        work.widen(&whole);
        // Snapshots hold everything.
        narrow = !telling.snapshots.are_wanted();
    }
}

/// Waits until a file is another one than before.
async fn next_change(own: &[PathBuf], before: Stamps) -> PathBuf {
    let mut before = before;
    let mut changed = None;
    loop {
        tokio::time::sleep(PACE).await;
        let now = stamps(own);
        match (difference(&before, &now), changed.take()) {
            (Some(file), _) => changed = Some(file),
            (None, Some(file)) => return file,
            (None, None) => {}
        }
        before = now;
    }
}

fn difference(before: &Stamps, now: &Stamps) -> Option<PathBuf> {
    let other = now.iter().find(|(file, stamp)| before.get(*file) != Some(stamp));
    let gone = || before.keys().find(|file| !now.contains_key(*file));
    other.map(|(file, _)| file).or_else(gone).cloned()
}

/// Files of the command lines, of whatever kind: a program that was built anew, a script.
fn own_files(work: &Work) -> Vec<PathBuf> {
    let commands = work.parts().iter().flat_map(|part| {
        let target = match &part.plan.target {
            Target::Command(command) => Some(command),
            Target::Http(_) | Target::Sse(_) | Target::Memory(_) => None,
        };
        target.into_iter().chain(part.plan.target.host().map(|host| host.command()))
    });
    commands
        .flat_map(|command| {
            let folder = command.folder.clone().unwrap_or_default();
            let program = folder.join(&command.program);
            let scripts = command.args.iter().map(move |word| folder.join(word)).filter(|file| is_code(file));
            std::iter::once(program).chain(scripts)
        })
        .filter(|file| file.is_file())
        .collect()
}

fn is_code(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| KINDS.contains(&extension))
}

/// When each watched file was changed: those of the working folder, and those of the command lines.
fn stamps(own: &[PathBuf]) -> Stamps {
    let mut files = Stamps::new();
    let mut folders = vec![PathBuf::from(".")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&name.as_ref()) {
                folders.push(path);
            } else if kind.is_file() && is_code(&path) && files.len() < MOST_FILES {
                files.insert(path, entry.metadata().and_then(|data| data.modified()).ok());
            }
        }
    }
    let stamp = |file: &PathBuf| std::fs::metadata(file).and_then(|data| data.modified()).ok();
    files.extend(own.iter().map(|file| (file.clone(), stamp(file))));
    files
}
