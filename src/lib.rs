//! lib
pub mod pattern;
pub mod protocol;
