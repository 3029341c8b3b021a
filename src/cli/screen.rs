//! What the terminal can show.

use clap::ValueEnum;

use crate::report::Screen;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// When a person watches, NO_COLOR is not set and the terminal is not dumb.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Whether colours are wanted now.
    pub fn is_now(self, watched: bool) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Auto => watched && !is_set("NO_COLOR") && !is_dumb(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The screen on which lines can be rewritten, if a person watches one.
pub fn of(watched: bool) -> Option<Screen> {
    (watched && !is_dumb()).then(|| Screen { width: width(), height: height() })
}

fn height() -> usize {
    terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0))
}

/// Columns: what COLUMNS says, else those of the terminal, else 110.
pub fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or_else(measured).unwrap_or(110).clamp(60, 160)
}
