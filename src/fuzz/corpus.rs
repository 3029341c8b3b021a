//! The corpus: scripts that showed something new, in memory and in a folder that campaigns share.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::finding::read_script;
use super::novelty::Rank;
use super::script::Script;
use crate::catalogue::fingerprint;

/// Scripts kept in memory, and as many that lead on, and bytes of one of them.
const MOST: usize = 2000;
const LONGEST: usize = 20_000;
/// What heavy scripts may weigh together, and from where on a script is heavy, in bytes.
const HEAVY: usize = 16 << 20;
const LIGHT: usize = 20_000;

/// The scripts of a corpus at a moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// All of them, oldest first.
    pub scripts: Arc<[Arc<Script>]>,
    /// Those that lead on.
    pub leads: Arc<[Arc<Script>]>,
}

/// Scripts that are mutated further.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    scripts: Vec<Arc<Script>>,
    /// Those that showed a reply like none before: they lead on. The newest of them, none of them heavy.
    leads: Vec<Arc<Script>>,
    known: HashSet<String>,
    /// What the heavy ones weigh.
    weight: usize,
    folder: Option<PathBuf>,
}

impl Corpus {
    /// The corpus of a folder, which is made if need be. Files that cannot be read are named.
    pub(super) fn open(folder: Option<&Path>) -> io::Result<(Self, Vec<String>)> {
        let mut corpus = Self { folder: folder.map(Path::to_owned), ..Self::default() };
        let Some(folder) = folder else { return Ok((corpus, Vec::new())) };
        std::fs::create_dir_all(folder)?;
        let mut unread = Vec::new();
        for path in files(folder)? {
            match std::fs::read_to_string(&path).map_err(|e| e.to_string()).and_then(|text| read(&text)) {
                Ok(script) => corpus.keep(&Arc::new(script), false)?,
                Err(problem) => unread.push(format!("{}: {problem}", path.display())),
            }
        }
        Ok((corpus, unread))
    }

    /// Adds a script that showed something new.
    pub(super) fn add(&mut self, script: &Arc<Script>, rank: Rank) -> io::Result<()> {
        if rank == Rank::Reply && script.weight() <= LIGHT {
            if self.leads.len() >= MOST {
                self.leads.remove(0);
            }
            self.leads.push(script.clone());
        }
        self.keep(script, true)
    }

    /// How far the campaign of this name has come.
    pub(super) fn progress(&self, campaign: &str) -> u64 {
        let text =
            self.folder.as_ref().and_then(|folder| std::fs::read_to_string(progress(folder, campaign)).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// Remembers how far a campaign has come, so that the next one goes on there.
    pub(super) fn set_progress(&self, campaign: &str, cases: u64) -> io::Result<()> {
        match &self.folder {
            Some(folder) => write_whole(&progress(folder, campaign), &format!("{cases}\n")),
            None => Ok(()),
        }
    }

    /// The scripts as the cases of an epoch see them.
    pub(super) fn seen(&self) -> Seen {
        Seen { scripts: self.scripts.as_slice().into(), leads: self.leads.as_slice().into() }
    }

    fn keep(&mut self, script: &Arc<Script>, write: bool) -> io::Result<()> {
        if self.scripts.len() >= MOST || !self.is_fit(script) {
            return Ok(());
        }
        let text: String = script.lines().map(|line| line + "\n").collect();
        let name = fingerprint(text.bytes());
        if !self.known.insert(name.clone()) {
            return Ok(());
        }
        self.weight += Some(script.weight()).filter(|weight| *weight > LIGHT).unwrap_or(0);
        self.scripts.push(script.clone());
        match &self.folder {
            Some(folder) if write => write_whole(&folder.join(format!("{name}.jsonl")), &text),
            _ => Ok(()),
        }
    }

    fn is_fit(&self, script: &Script) -> bool {
        script.size() <= LONGEST && (self.weight < HEAVY || script.weight() <= LIGHT)
    }

    /// The scripts, oldest first.
    pub(super) fn scripts(&self) -> &[Arc<Script>] {
        &self.scripts
    }
}

fn progress(folder: &Path, campaign: &str) -> PathBuf {
    folder.join(format!("{campaign}.progress"))
}

fn read(text: &str) -> Result<Script, String> {
    read_script(text).map_err(|error| error.to_string())
}

/// Every script of a folder, in a fixed order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    Ok(files)
}

/// Writes a file that is there whole or not at all: several campaigns may share the folder.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    // Campaigns in containers have the same process ids.
    let unfinished = path.with_extension(format!("part{:016x}", RandomState::new().hash_one(path)));
    std::fs::write(&unfinished, text)?;
    std::fs::rename(&unfinished, path)
}

/// Copies every script of `from` that `into` does not hold; how many.
pub fn merge(into: &Path, from: &[PathBuf]) -> io::Result<usize> {
    std::fs::create_dir_all(into)?;
    let mut added = 0;
    for path in from.iter().map(|folder| files(folder)).collect::<io::Result<Vec<_>>>()?.concat() {
        let text = std::fs::read_to_string(&path)?;
        if let Err(problem) = read(&text) {
            return Err(io::Error::other(format!("{}: {problem}", path.display())));
        }
        let target = into.join(format!("{}.jsonl", fingerprint(text.bytes())));
        if !target.exists() {
            write_whole(&target, &text)?;
            added += 1;
        }
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::script::Action;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mcp-conform-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn script(text: &str) -> Arc<Script> {
        Arc::new(Script::of(vec![Action::Text(text.to_owned())]))
    }

    #[test]
    fn a_corpus_survives_and_holds_each_script_once() {
        let folder = folder("corpus");
        let (mut corpus, _) = Corpus::open(Some(&folder)).unwrap();
        corpus.add(&script("a"), Rank::Pair).unwrap();
        corpus.add(&script("a"), Rank::Pair).unwrap();
        corpus.add(&script("b"), Rank::Reply).unwrap();
        std::fs::write(folder.join("broken.jsonl"), "?").unwrap();
        corpus.set_progress("a", 7).unwrap();
        let (again, unread) = Corpus::open(Some(&folder)).unwrap();
        assert_eq!((again.scripts().len(), unread.len()), (2, 1));
        assert_eq!((again.progress("a"), again.progress("b")), (7, 0));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn corpora_are_merged() {
        let (one, two) = (folder("merge-one"), folder("merge-two"));
        for (folder, text) in [(&one, "a"), (&two, "a"), (&two, "b")] {
            Corpus::open(Some(folder)).unwrap().0.add(&script(text), Rank::Pair).unwrap();
        }
        assert_eq!(merge(&one, std::slice::from_ref(&two)).unwrap(), 1);
        assert_eq!(Corpus::open(Some(&one)).unwrap().0.scripts().len(), 2);
        std::fs::remove_dir_all(one).unwrap();
        std::fs::remove_dir_all(two).unwrap();
    }
}
