//! The real binary, run in a folder of its own and watched while it runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The tester.
pub const SELF: &str = env!("CARGO_BIN_EXE_mcp-conform");
/// The variable by which everything that a run started is known.
const MARK: &str = "MCP_CONFORM_ATTACK";
/// The token that must go nowhere else.
pub const TOKEN: &str = "t0ken-of-the-attacked";

/// Nothing, or what is wrong.
pub type Done = Result<(), String>;
/// A trial that is no attack: its name, and what is tried.
pub type Plain = (&'static str, fn() -> Done);

/// A folder with a working folder far down, removed at its end.
pub struct Place {
    /// The whole.
    pub root: PathBuf,
    mark: String,
}

impl Place {
    /// A new one.
    pub fn new() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(format!("mcp-conform-attacks-{mark}"));
        let place = Self { root, mark };
        fs::create_dir_all(place.folder()).expect("a folder");
        place
    }

    /// The working folder.
    pub fn folder(&self) -> PathBuf {
        self.root.join("a/b/c/d")
    }

    /// What the tester printed.
    pub fn printed(&self) -> String {
        let bytes = fs::read(self.root.join("printed")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Every file below.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = walk(&self.root)
            .iter()
            .map(|path| path.strip_prefix(&self.root).unwrap_or(path).display().to_string())
            .collect();
        names.sort();
        names
    }

    /// The tester, ready to run here.
    pub fn tester(&self) -> Command {
        let printed = File::create(self.root.join("printed")).expect("a file");
        let mut command = Command::new(SELF);
        command.current_dir(self.folder()).env(MARK, &self.mark).env("NO_COLOR", "1").env("TOKEN", TOKEN);
        command.stdin(Stdio::null()).stderr(printed.try_clone().expect("a file")).stdout(printed);
        for name in ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
            command.env_remove(name);
        }
        command
    }

    /// The command lines of what a run here started and what still runs after a moment. They are ended.
    pub fn leftovers(&self) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let left = self.running();
            if left.is_empty() || Instant::now() > deadline {
                for (id, _) in &left {
                    drop(Command::new("kill").args(["-9", id]).status());
                }
                return left.into_iter().map(|(_, line)| line).collect();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ids and command lines of what a run here started.
    pub fn running(&self) -> Vec<(String, String)> {
        let mark = format!("{MARK}={}\0", self.mark);
        let is_ours = |path: &PathBuf| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark.as_bytes())
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
        let of = |path: PathBuf| {
            let line = fs::read_to_string(path.join("cmdline")).unwrap_or_default().replace('\0', " ");
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), line)
        };
        processes.filter(is_ours).map(of).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.root));
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// What a run took.
pub struct Ran {
    /// The exit code, unless a signal ended it, or it did not end.
    pub code: Option<i32>,
    /// How long it took.
    pub wall: Duration,
    /// Peak of its resident memory, in MB.
    pub peak: u64,
}

/// Whether a process has ended.
pub fn ends(child: &mut Child) -> bool {
    child.try_wait().is_ok_and(|status| status.is_some())
}

/// Waits until the tester ends, and no longer than this.
pub fn watch(mut child: Child, patience: Duration) -> Ran {
    let began = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    let line = format!("/proc/{}/cmdline", child.id());
    let (mut peak, mut is_tester) = (0, false);
    loop {
        // The high-water mark of its memory is gone with it. Until it is the tester, it is still this process.
        is_tester = is_tester || fs::read_to_string(&line).is_ok_and(|line| line.starts_with(SELF));
        if is_tester {
            peak = peak_of(&status).unwrap_or(0).max(peak);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Ran { code: status.code(), wall: began.elapsed(), peak };
        }
        if began.elapsed() > patience {
            drop(child.kill());
            drop(child.wait());
            return Ran { code: None, wall: began.elapsed(), peak };
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn peak_of(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes / 1000)
}
