//! Where reports go.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::screen::When;
use super::{Usage, screen};
use crate::report::{self, AtEnd, Detail, Format, Look, Reporters, Terminal};

/// Which reports are written, and where.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reports")]
pub struct Output {
    /// Write a JUnit report (`-` = standard output)
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write a JSON report, which `merge` and `diff` read (`-` = standard output)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one page of HTML, with the wire of each finding (`-` = standard output)
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a SARIF 2.1.0 report, for code scanning (`-` = standard output)
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write a Markdown report (`-` = standard output); in a GitHub job, its summary gets one anyway
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write a TAP 14 report (`-` = standard output)
    #[arg(long, value_name = "FILE")]
    pub tap: Option<PathBuf>,
    /// Show findings and one line of summary only
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show every check with its verdict
    #[arg(short, long)]
    pub verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// When to show progress
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: Progress,
}

/// When to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// When a person watches; of several servers also line by line.
    Auto,
    /// Never.
    Never,
}

impl Output {
    /// Every reporter that was asked for; the terminal always. In a GitHub job its page is told, too.
    pub fn reporters(&self, strict: bool) -> Result<Reporters, Usage> {
        let mut reporters = Reporters::default();
        let files = self.files();
        let to_stdout = files.iter().filter(|(_, path, _)| is_stdout(path)).count();
        if to_stdout > 1 {
            return Err(Usage("only one report can go to standard output (`-`)".to_owned()));
        }
        for (option, path, format) in files {
            reporters.add(AtEnd::new(format, strict, sink(option, path)?));
        }
        if self.progress == Progress::Auto && !self.quiet {
            reporters.add(report::Progress::new(io::stderr(), screen::of(io::stderr().is_terminal())));
        }
        match to_stdout {
            0 => reporters.add(Terminal::new(io::stdout(), self.look(io::stdout().is_terminal()))),
            _ => reporters.add(Terminal::new(io::stderr(), self.look(io::stderr().is_terminal()))),
        }
        if to_stdout == 0 && std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
            reporters.add(AtEnd::new(Format::Annotations, strict, io::stdout()));
        }
        if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
            reporters.add(AtEnd::new(Format::Markdown, strict, summary(Path::new(&path))?));
        }
        Ok(reporters)
    }

    /// The files that were asked for.
    fn files(&self) -> Vec<(&'static str, &Path, Format)> {
        let all = [
            ("--json", &self.json, Format::Json),
            ("--junit", &self.junit, Format::Junit),
            ("--html", &self.html, Format::Html),
            ("--sarif", &self.sarif, Format::Sarif),
            ("--markdown", &self.markdown, Format::Markdown),
            ("--tap", &self.tap, Format::Tap),
        ];
        all.into_iter()
            .filter_map(|(option, path, format)| Some((option, path.as_deref()?, format)))
            .collect()
    }

    fn look(&self, watched: bool) -> Look {
        Look {
            colour: self.color.is_now(watched),
            width: screen::width(),
            detail: match (self.quiet, self.verbose) {
                (true, _) => Detail::Quiet,
                (_, true) => Detail::Verbose,
                _ => Detail::Normal,
            },
        }
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn sink(option: &str, path: &Path) -> Result<Box<dyn Write + Send>, Usage> {
    if is_stdout(path) {
        return Ok(Box::new(io::stdout()));
    }
    check_folder(option, path)?;
    Ok(Box::new(WholeFile { path: path.to_owned(), bytes: Vec::new() }))
}

/// Refuses a file that could not be written at the end of a run, as there is no such folder.
pub fn check_folder(option: &str, path: &Path) -> Result<(), Usage> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.is_dir() {
        true => Ok(()),
        false => {
            Err(Usage(format!("{option} {}: the folder {} does not exist", path.display(), folder.display())))
        }
    }
}

/// The summary of a GitHub job: other steps write to it, too.
fn summary(path: &Path) -> Result<std::fs::File, Usage> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    file.map_err(|error| Usage(format!("GITHUB_STEP_SUMMARY {}: {error}", path.display())))
}

/// A file that appears complete or not at all.
struct WholeFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(".part");
        // A device such as /dev/null cannot be replaced.
        if self.path.exists() && !self.path.is_file() {
            return std::fs::write(&self.path, &self.bytes).map_err(named);
        }
        std::fs::write(&unfinished, &self.bytes).map_err(named)?;
        std::fs::rename(&unfinished, &self.path).map_err(named)
    }
}
