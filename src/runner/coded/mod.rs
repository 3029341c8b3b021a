//! Coded cases: what a script cannot say. One file each; the YAML head names the function and what it judges.

use super::interpret::CaseRun;
use crate::catalogue::Verdict;

/// Every coded case, by the name in its YAML head.
pub const NAMES: &[&str] = &[];

/// Runs a coded case.
pub async fn run(name: &str, run: &mut CaseRun<'_>) {
    for requirement in run.judges() {
        run.note(requirement, Verdict::Error, format!("there is no coded case `{name}`"));
    }
}
