//! lib
pub mod case;
pub mod catalogue;
pub mod pattern;
pub mod protocol;
pub mod rule;
pub mod report;
pub mod runner;
pub mod sample;
pub mod session;
pub mod transport;
