//! Exit codes. They are a contract with CI jobs.

/// The exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Judged, and nothing at or above the failing level.
    Clean,
    /// Violations, findings, a changed snapshot or a stale baseline entry.
    Findings,
    /// Wrong usage, or a bad file from the user.
    Usage,
    /// The target could not be started or reached, or never spoke MCP.
    Unreachable,
    /// Nothing was judged, or the target cut the run short.
    Inconclusive,
    /// A bug in this tool.
    Bug,
    /// Interrupted by the user.
    Interrupted,
}

impl ExitCode {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Clean,
        Self::Findings,
        Self::Usage,
        Self::Unreachable,
        Self::Inconclusive,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The one of that number.
    pub fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// The one that counts when both came about side by side: a violation is one whatever became of the rest; else the
    /// gravest end.
    pub fn worse(self, other: Self) -> Self {
        let gravity = |exit: Self| match exit {
            Self::Clean => 0,
            Self::Inconclusive => 1,
            Self::Unreachable => 2,
            Self::Interrupted => 3,
            Self::Usage => 4,
            Self::Bug => 5,
            Self::Findings => 6,
        };
        if gravity(other) > gravity(self) { other } else { self }
    }

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Inconclusive => 4,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}
