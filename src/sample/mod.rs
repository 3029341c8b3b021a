//! Instances of JSON Schemas: valid ones to call tools with, and ones that break the schema in a known way.

mod invalid;
mod valid;
mod variants;

pub use invalid::{Broken, invalid};
pub use valid::{ADDRESS, asks_for_mail, valid};
pub use variants::{Variant, variants};
