//! Running the real binary.

#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

pub const SELF: &str = env!("CARGO_BIN_EXE_mcp-conform");

/// A folder of a test's own, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mcp-conform-{}-{number}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The binary in a folder, as a CI job without a terminal runs it.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(SELF);
    command.args(args).current_dir(folder).env("NO_COLOR", "1");
    for name in ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command
}

pub fn run_in(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the binary runs")
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

/// What was printed, with one space between words: lines are broken at the width of the terminal.
pub fn text(output: &Output) -> String {
    let all =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The output has this exit code and says these words.
pub fn says(output: &Output, exit: i32, words: &[&str]) -> String {
    let shown = text(output);
    assert_eq!(code(output), exit, "{shown}");
    for word in words {
        assert!(shown.contains(word), "it does not say `{word}`: {shown}");
    }
    shown
}

/// Runs in a folder, and expects this exit code and these words.
pub fn expect_in(folder: &Path, args: &[&str], exit: i32, words: &[&str]) -> String {
    says(&run_in(folder, args), exit, words)
}

pub fn json(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a report")).expect("JSON")
}

/// The project's own folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
