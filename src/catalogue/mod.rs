//! What the specification demands, embedded: requirements and wire schemas (the data under `cases/`).

mod embedded;
mod level;
mod memo;
mod requirement;
mod schema;
mod verdict;

pub use embedded::{SourceFile, files};
pub use level::Level;
pub use requirement::{
    Observable, Reach, Requirement, SpecLink, did_you_mean, digest, fingerprint, requirement, requirements,
};
pub use schema::{Position, Schemas, Tag, Violation};
pub use verdict::Verdict;

/// Reads YAML strictly: `yes` is a text, unknown and duplicate keys are errors with line and column.
pub fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options)
}
