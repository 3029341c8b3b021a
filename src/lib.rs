//! `mcp-conform` judges Model Context Protocol servers: any server, as it is, in every revision of the specification.
//!
//! This page is the map of the house. A module uses only those below it:
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | one file per subcommand; arguments become validated options |
//! | [`judge`] | judging from a test of your own, in a few lines |
//! | [`config`] | the configuration files that people already have: servers, variables |
//! | [`report`] | the terminal, report files of every format and snapshots, all from one stream of events |
//! | [`fuzz`] | malformed messages: generated, judged by the rules, shrunk, saved, replayed |
//! | [`runner`] | the plan, the main loop, the interpreter of cases, the events |
//! | [`rule`] | always-on rules over a transcript |
//! | [`case`] | the case language: model, loading with line numbers, expectations |
//! | [`session`] | one conversation, both eras behind one interface; the transcript |
//! | [`transport`] | stdio, Streamable HTTP, memory: bytes without meaning; child processes |
//! | [`catalogue`] | requirements and wire schemas, embedded |
//! | [`sample`] | instances of JSON Schemas, valid and invalid |
//! | [`pattern`] | patterns over JSON, and templates |
//! | [`protocol`] | revisions, frames, messages, ids, error codes, methods: data, no I/O |
//!
//! Beside them stands [`mod@reference`]: the built-in conforming server with its faults and quirks. It uses `protocol` and
//! `pattern` only.
//!
//! A **target** is launched or reached; a **session** speaks one era with it over a **transport**; every byte lands in a
//! **transcript**. **Cases** provoke situations, **rules** watch every transcript; both judge **requirements**. One
//! stream of events feeds every reporter.

pub mod case;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod fuzz;
pub mod judge;
pub mod pattern;
pub mod protocol;
pub mod reference;
pub mod report;
pub mod rule;
pub mod runner;
pub mod sample;
pub mod session;
pub mod transport;
