//! Runs: the plan, its execution, and the events that tell about it.

mod baseline;
mod check;
mod coded;
pub mod coverage;
mod event;
mod evidence;
mod exit;
mod interpret;
mod isolated;
mod offline;
mod plan;
mod policy;
mod revision;
mod run;
mod survey;
mod tally;

pub use baseline::Baseline;
pub use check::{Check, WireLine};
pub use event::{
    Event, Finished, FuzzFinding, Fuzzed, RunFinished, RunStarted, SnapshotChange, SnapshotOutcome, Started,
    Surface, TargetInfo,
};
pub use evidence::Secrets;
pub use exit::ExitCode;
pub use offline::judge_transcript;
pub use plan::{Choice, Filter, Plan, Rerun};
pub use policy::{Policy, Profile, PromptProfile, ToolProfile, Tools};
pub use run::{Judged, run, started};
pub use survey::Survey;
