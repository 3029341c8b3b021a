//! Runs: the plan, its execution, and the events that tell about it.

mod baseline;
mod check;
mod coded;
pub mod coverage;
mod depends;
mod event;
mod evidence;
mod example;
mod exit;
mod fixture;
mod gone;
mod interpret;
mod isolated;
mod look;
mod note;
mod observe;
mod offline;
mod plan;
mod policy;
mod profile;
mod revision;
mod role;
mod run;
mod shard;
mod side_by_side;
mod survey;
mod tally;
mod tokens;

pub use baseline::{Accepted, Baseline};
pub use check::{Check, WireLine};
pub use coded::derived;
pub use event::{
    Beside, Change, Difference, Event, Finished, FuzzFinding, Fuzzed, Judgement, RunFinished, RunStarted,
    SnapshotChange, SnapshotOutcome, Started, Surface, TargetInfo,
};
pub use evidence::Secrets;
pub use example::{Example, example, in_memory};
pub use exit::ExitCode;
pub use look::{Answer, Offer, Question, look};
pub use observe::{Sight, Unseen, observe};
pub use offline::judge_transcript;
pub use plan::{Choice, Filter, Plan, Rerun, fails};
pub use policy::{Policy, Tools};
pub use profile::{
    Handle, IconProfile, OptionTable, Profile, PromptProfile, ResourceProfile, ServerProfile,
    SnapshotProfile, ToolProfile, explained,
};
pub(crate) use role::told;
pub use run::{Judged, now, run, started};
pub(crate) use run::{open, problem};
pub use shard::Shard;
pub(crate) use side_by_side::side_by_side;
pub use survey::Survey;
pub(crate) use survey::call_of;
pub use tokens::{Documents, Refresh, Rotation, Tokens};
