//! Instances of JSON Schemas: valid ones to call tools with, and ones that break the schema in a known way.

mod invalid;
mod valid;

pub use invalid::{Broken, invalid};
pub use valid::valid;
