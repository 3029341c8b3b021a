//! Cases: scripted scenarios, as data. The language is described in `cases/README.md`.

mod expect;
mod file;
mod load;
mod model;

pub use expect::{Alternative, Expectation, Judgement};
pub(crate) use load::duration;
pub use load::{CaseError, builtin, load, parse};
pub(crate) use model::all_steps;
pub use model::{Action, Body, Case, CheckSpec, Connection, Declared, HttpSpec, List, Step, Things};
