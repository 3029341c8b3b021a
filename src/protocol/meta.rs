//! Keys of `_meta` that the protocol defines and several parts of this tool read.

/// Names the task that a message belongs to (2025-11-25, tasks, associating task-related messages).
pub const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
