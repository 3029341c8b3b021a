//! Tasks of both kinds: the utility of 2025-11-25, and the extension of 2026-07-28.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::answer::{Ask, Failure, Later, Outcome, object};
use super::jobs;
use super::page::page;
use super::server::Change;
use super::task::{Task, Work};
use crate::protocol::{RELATED_TASK, code};

pub(super) const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// What a task takes longer than its work, so that every task is seen working, and its progress is told before its end.
const LEAST: Duration = Duration::from_millis(5);
const TTL_MS: u64 = 60_000;
const MOST_TTL_MS: u64 = 3_600_000;
/// Tasks at once.
const MOST: usize = 256;

/// The tasks of a server.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<Vec<Task>>);

impl Tasks {
    /// Those whose time is not over.
    fn open(&self) -> MutexGuard<'_, Vec<Task>> {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tasks.retain(|task| !task.is_expired(now));
        tasks
    }

    pub(super) fn find(&self, id: &str) -> Option<Task> {
        self.open().iter().find(|task| task.id == id).cloned()
    }
}

/// Answers a call of a tool: with what comes of it, or with a task for that.
pub(super) fn call(ask: &Ask<'_>, name: &str, work: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
    match is_task(ask, name)? {
        true => create(ask, name, work),
        false => work,
    }
}

/// Whether the call is to run as a task.
fn is_task(ask: &Ask<'_>, name: &str) -> Result<bool, Failure> {
    if !jobs::offered(ask.server, ask.revision) {
        return Ok(false);
    }
    let support = jobs::support(name);
    if ask.revision.is_stateless() {
        return match (support, declares(ask.client)) {
            (Some("required"), false) => Err(missing_capability()),
            (support, declared) => Ok(support.is_some() && declared),
        };
    }
    match (support, object(ask.params, "task")?) {
        (Some("required"), None) => {
            Err(Failure::new(code::METHOD_NOT_FOUND, format!("`{name}` runs as a task only")))
        }
        (None, Some(_)) => {
            Err(Failure::new(code::METHOD_NOT_FOUND, format!("`{name}` does not run as a task")))
        }
        (_, asked) => Ok(asked.is_some()),
    }
}

fn declares(client: &Value) -> bool {
    client["extensions"][EXTENSION].is_object()
}

/// Refuses a client that did not declare the extension.
pub(super) fn need_extension(client: &Value) -> Result<(), Failure> {
    match declares(client) {
        true => Ok(()),
        false => Err(missing_capability()),
    }
}

fn missing_capability() -> Failure {
    Failure::new(code::MISSING_CLIENT_CAPABILITY, "Missing required client capability")
        .with_data(json!({"requiredCapabilities": {"extensions": {EXTENSION: {}}}}))
        .with_status(400)
}

fn create(ask: &Ask<'_>, name: &str, work: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
    let is_legacy = !ask.revision.is_stateless();
    let (pace, news, outcome) = match work {
        Ok(outcome) => (outcome.delay, outcome.notifications, Ok(outcome.result)),
        Err(failure) => (jobs::TIME, Vec::new(), Err(failure)),
    };
    let rounds = jobs::questions(ask, name);
    let work = Work { pace: pace + LEAST, rounds, outcome };
    let now = ask.now;
    let task = Task::new(new_id()?, ask.owner, is_legacy, ttl(ask)?, work, now);
    let mut created = match is_legacy {
        true => Outcome::from(json!({"task": task.show(now)})),
        false => Outcome::from(task.seed(now)),
    };
    match is_legacy {
        true => created.later = later(&task, news, now),
        false => created.result["resultType"] = "task".into(),
    }
    keep(ask, task)?;
    Ok(created)
}

/// What is told while the work goes on: its progress, and how it ended.
fn later(task: &Task, news: Vec<(Duration, Value)>, now: Instant) -> Vec<Later> {
    let mut later: Vec<(Instant, Value)> = news
        .into_iter()
        .map(|(delay, mut message)| {
            message["params"]["_meta"] = related(task);
            (now + delay, message)
        })
        .collect();
    later.push((task.end(), status_message(task, task.end())));
    later.into_iter().map(|(at, message)| Later { at, message, key: Task::key(&task.id) }).collect()
}

/// How 2025-11-25 tells where a task stands.
pub(super) fn status_message(task: &Task, at: Instant) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": task.show(at)})
}

fn related(task: &Task) -> Value {
    json!({RELATED_TASK: {"taskId": task.id}})
}

fn keep(ask: &Ask<'_>, task: Task) -> Result<(), Failure> {
    let mut tasks = ask.server.tasks.open();
    if tasks.len() >= MOST {
        return Err(Failure::new(code::INTERNAL_ERROR, "Too many tasks at once"));
    }
    tasks.push(task);
    Ok(())
}

/// The time that the client wants, within reason.
fn ttl(ask: &Ask<'_>) -> Result<Duration, Failure> {
    let wanted = match ask.params.pointer("/task/ttl") {
        None | Some(Value::Null) => TTL_MS,
        Some(Value::Number(wanted)) => wanted.as_u64().unwrap_or(MOST_TTL_MS),
        Some(_) => return Err(Failure::params("`ttl` must be a number")),
    };
    Ok(Duration::from_millis(wanted.min(MOST_TTL_MS)))
}

/// 128 bits that nobody can guess.
/// A name that nobody can guess.
pub(super) fn new_id() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    match random.fill(&mut bytes) {
        Ok(()) => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        Err(_) => Err(Failure::new(code::INTERNAL_ERROR, "No random numbers")),
    }
}

/// Does something with the task that the request names.
fn with<T>(ask: &Ask<'_>, work: impl FnOnce(&mut Task, Instant) -> T) -> Result<T, Failure> {
    let id = ask.text("taskId")?;
    let mut tasks = ask.server.tasks.open();
    // Without users, the id is all that protects a task.
    let task = tasks.iter_mut().find(|task| task.id == id && task.owner.user == ask.owner.user);
    if ask.revision.is_stateless() {
        // Tasks of the older kind are served to clients that know only those.
        let is_old = task.as_ref().is_some_and(|task| task.is_legacy) && ask.client["tasks"].is_object();
        if !(declares(ask.client) || is_old) {
            return Err(missing_capability());
        }
    }
    match task {
        Some(task) => Ok(work(task, ask.now)),
        None => Err(Failure::params("Task not found")),
    }
}

pub(super) fn get(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let is_stateless = ask.revision.is_stateless();
    with(ask, |task, now| if is_stateless { task.detail(now) } else { task.show(now) }.into())
}

/// Answered when the task has ended.
pub(super) fn result(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let (delay, outcome, meta) = with(ask, |task, now| {
        let delay = if task.status(now).is_terminal() { Duration::ZERO } else { task.end() - now };
        (delay, task.outcome(), related(task))
    })?;
    match outcome {
        Ok(mut result) => {
            result["_meta"] = meta;
            Ok(Outcome { delay, ..result.into() })
        }
        Err(failure) => Err(Failure { delay, ..failure }),
    }
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let now = ask.now;
    let tasks = ask.server.tasks.open();
    // Where nobody is known everything is everybody's.
    let is_own = |task: &&Task| task.owner.is(ask.owner) || !ask.server.knows_clients();
    let own = tasks.iter().filter(is_own).map(|task| task.show(now)).collect();
    page(ask, "tasks", own).map(Outcome::from)
}

pub(super) fn cancel(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let (was_over, shown, id) = with(ask, |task, now| {
        let was_over = task.status(now).is_terminal();
        if !was_over {
            task.cancel(now);
        }
        (was_over, task.show(now), task.id.clone())
    })?;
    let mut outcome: Outcome = match ask.revision.is_stateless() {
        true => json!({}).into(),
        false if was_over => return Err(Failure::params("Cannot cancel a task that has ended")),
        false => shown.into(),
    };
    outcome.changes.extend((!was_over).then_some(Change::Task(id)));
    Ok(outcome)
}

pub(super) fn update(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let answers: Map<String, Value> = match ask.params.get("inputResponses") {
        Some(Value::Object(answers)) => answers.clone(),
        _ => return Err(Failure::params("`inputResponses` must be an object")),
    };
    let news = with(ask, |task, now| task.answer(&answers, now).then(|| task.id.clone()))?;
    let mut outcome = Outcome::from(json!({}));
    outcome.changes.extend(news.map(Change::Task));
    Ok(outcome)
}
