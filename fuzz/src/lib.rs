//! What is fuzzed: functions that panic when bytes show a bug of this tool. Each has a target in `fuzz_targets/`; inputs
//! that once failed are kept in `regressions/` and tried by `tests/regressions.rs`.

mod parsers;
mod sample;
mod servers;

pub use parsers::{case, events, frame};
pub use sample::sample;
pub use servers::{reference, session};
