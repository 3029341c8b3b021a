//! Runs: the plan, its execution, and the events that tell about it.

mod check;
mod event;
mod exit;

pub use check::{Check, WireLine};
pub use event::{
    Event, Finished, RunFinished, RunStarted, SnapshotChange, SnapshotOutcome, Started, Surface, TargetInfo,
};
pub use exit::ExitCode;
