//! What the emulated client runs as tasks for the server (2025-11-25). How they go is found out by asking: nothing is told.

use serde_json::{Value, json};

use super::{Client, Manner};
use crate::protocol::{Message, RELATED_TASK, ask, code};

/// How long the server is to wait between two questions about a task, in milliseconds.
pub const POLL_INTERVAL_MS: u64 = 400;
/// A cursor that only who hands it back as it is gets right.
pub const CURSOR: &str = "mcp-conform/ü+%2F==";
/// A task works until this question about it, waits for the user from then on, and is completed at the last one.
const WAITS: usize = 2;
const COMPLETED: usize = 4;

/// The tasks of a client.
#[derive(Debug, Default)]
pub struct Jobs {
    jobs: Vec<Job>,
    /// How many there ever were.
    made: usize,
}

#[derive(Debug)]
struct Job {
    id: String,
    result: Value,
    asked: usize,
    is_over: bool,
    /// Whether it works for ever.
    is_stalled: bool,
}

impl Jobs {
    /// Whether a request stays without an answer: it asks for the result of a task that never ends.
    pub fn keeps_waiting(&mut self, request: &Message) -> bool {
        request.method() == Some("tasks/result")
            && self.find(request.params()).is_some_and(|job| job.is_stalled)
    }

    /// Completes a task, and returns how the server is told of that.
    pub fn complete(&mut self, id: &Value) -> Option<Value> {
        let job = self.jobs.iter_mut().find(|job| *id == job.id)?;
        job.is_over = true;
        Some(json!({"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": job.shown()}))
    }

    /// Cancels a task; one that never ends is forgotten.
    fn cancel(&mut self, params: &Value) -> Option<Value> {
        let cancelled = self.find(params)?.reply("tasks/cancel");
        self.jobs.retain(|job| !(job.is_stalled && params["taskId"] == job.id));
        Some(cancelled)
    }

    /// The reply to a request about tasks, or to one that is to run as a task; `None` for every other one.
    pub fn answer(&mut self, client: &Client, request: &Message) -> Option<Value> {
        if !ask::declares(&client.capabilities, "tasks") {
            return None;
        }
        let (method, params) = (request.method()?, request.params());
        let result = match method {
            "tasks/list" => Ok(list(params)),
            "tasks/cancel" => self.cancel(params).ok_or("No such task"),
            "tasks/get" | "tasks/result" => {
                self.find(params).map(|job| job.reply(method)).ok_or("No such task")
            }
            _ => Ok(self.create(client, method, params)?),
        };
        let id = request.get("id").cloned().unwrap_or_default();
        Some(match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(message) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code::INVALID_PARAMS, "message": message}})
            }
        })
    }

    fn find(&mut self, params: &Value) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| params["taskId"] == job.id)
    }

    /// A new task, if the request asks for one and the client does not refuse what it is about.
    fn create(&mut self, client: &Client, method: &str, params: &Value) -> Option<Value> {
        let capability = format!("tasks.requests.{}", method.replace('/', "."));
        if !params["task"].is_object() || !ask::declares(&client.capabilities, &capability) {
            return None;
        }
        let result = client.reply(method, params).ok()?;
        self.made += 1;
        let id = format!("mcp-conform-client-task-{}", self.made);
        let is_stalled = client.manner == Manner::Stalling;
        let job = Job { id, result, asked: 0, is_over: false, is_stalled };
        let task = job.shown();
        self.jobs.push(job);
        Some(json!({"task": task}))
    }
}

impl Job {
    fn shown(&self) -> Value {
        let status = match self.asked {
            _ if self.is_over => "completed",
            _ if self.is_stalled => "working",
            0..WAITS => "working",
            WAITS..COMPLETED => "input_required",
            _ => "completed",
        };
        // Nobody holds a clock against a client; a fixed time keeps transcripts the same.
        let time = "2025-11-25T00:00:00Z";
        json!({
            "taskId": self.id,
            "status": status,
            "createdAt": time,
            "lastUpdatedAt": time,
            "ttl": 600_000,
            "pollInterval": POLL_INTERVAL_MS,
        })
    }

    fn reply(&mut self, method: &str) -> Value {
        match method {
            "tasks/result" => {
                self.is_over = true;
                let mut result = self.result.clone();
                result["_meta"] = json!({RELATED_TASK: {"taskId": self.id}});
                result
            }
            "tasks/cancel" => {
                self.is_over = true;
                let mut shown = self.shown();
                shown["status"] = "cancelled".into();
                shown
            }
            _ => {
                self.asked += 1;
                self.shown()
            }
        }
    }
}

/// Two pages, both empty.
fn list(params: &Value) -> Value {
    match params["cursor"].is_null() {
        true => json!({"tasks": [], "nextCursor": CURSOR}),
        false => json!({"tasks": []}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, params: Value) -> Message {
        Message::from_value(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).unwrap()
    }

    #[test]
    fn a_task_works_waits_and_ends_as_often_as_it_is_asked() {
        let capabilities =
            json!({"elicitation": {"form": {}}, "tasks": {"requests": {"elicitation": {"create": {}}}}});
        let client = Client { capabilities, ..Client::default() };
        let mut jobs = Jobs::default();
        let form = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
        assert_eq!(jobs.answer(&client, &request("elicitation/create", form.clone())), None);
        let mut augmented = form;
        augmented["task"] = json!({"ttl": 1});
        let made = jobs.answer(&client, &request("elicitation/create", augmented.clone())).unwrap();
        assert_eq!(made["result"]["task"]["status"], "working");
        let about = json!({"taskId": made["result"]["task"]["taskId"]});
        let mut ask = |method: &str| jobs.answer(&client, &request(method, about.clone())).unwrap();
        let states: Vec<Value> = (0..4).map(|_| ask("tasks/get")["result"]["status"].take()).collect();
        assert_eq!(states, ["working", "input_required", "input_required", "completed"]);
        assert_eq!(ask("tasks/result")["result"]["action"], "accept");
        assert_eq!(jobs.answer(&Client::default(), &request("elicitation/create", augmented)), None);
    }

    #[test]
    fn a_task_that_stalls_is_forgotten_once_it_is_cancelled() {
        let capabilities =
            json!({"sampling": {}, "tasks": {"requests": {"sampling": {"createMessage": {}}}}});
        let client = Client { capabilities, manner: Manner::Stalling, ..Client::default() };
        let mut jobs = Jobs::default();
        let asked = request("sampling/createMessage", json!({"messages": [], "task": {}}));
        let made = jobs.answer(&client, &asked).unwrap();
        let about = json!({"taskId": made["result"]["task"]["taskId"]});
        let mut ask = |method: &str| jobs.answer(&client, &request(method, about.clone())).unwrap();
        assert!((0..9).all(|_| ask("tasks/get")["result"]["status"] == "working"));
        assert_eq!(ask("tasks/cancel")["result"]["status"], "cancelled");
        assert_eq!(ask("tasks/get")["error"]["code"], code::INVALID_PARAMS);
        let again = jobs.answer(&client, &asked).unwrap();
        assert_ne!(again["result"]["task"]["taskId"], about["taskId"], "an id is never given twice");
        assert!(
            jobs.keeps_waiting(&request(
                "tasks/result",
                json!({"taskId": again["result"]["task"]["taskId"]})
            ))
        );
    }
}
