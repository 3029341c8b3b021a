//! One task: work that goes on after its request was answered. Where it stands is worked out from the clock.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::answer::{Failure, Owner};
use crate::protocol::{Id, code};

/// How often a client may ask, in milliseconds.
const POLL_MS: u64 = 5;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What a new task has to do.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// How long it takes, and again after each round of questions.
    pub pace: Duration,
    /// What it has to ask before it can end: requests by key, one round after the other.
    pub rounds: VecDeque<Map<String, Value>>,
    /// What comes of it.
    pub outcome: Result<Value, Failure>,
}

/// A task.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub id: String,
    /// Who created it.
    pub owner: Owner,
    /// Whether it was created in the handshake era, where a failed tool makes a failed task.
    pub is_legacy: bool,
    created: OffsetDateTime,
    born: Instant,
    ttl: Duration,
    /// When the present stretch of work began.
    begun: Instant,
    work: Work,
    cancelled: Option<Instant>,
}

impl Task {
    pub(super) fn new(
        id: String,
        owner: Owner,
        is_legacy: bool,
        ttl: Duration,
        work: Work,
        born: Instant,
    ) -> Self {
        let created = OffsetDateTime::now_utc();
        Self { id, owner, is_legacy, created, born, ttl, begun: born, work, cancelled: None }
    }

    /// What everything that is sent later about the task goes by, so that it can be taken back.
    pub(super) fn key(id: &str) -> Id {
        Id::Text(format!("task {id}"))
    }

    /// When the present stretch of work ends.
    pub(super) fn end(&self) -> Instant {
        self.begun + self.work.pace
    }

    pub(super) fn is_expired(&self, at: Instant) -> bool {
        at > self.born + self.ttl
    }

    pub(super) fn status(&self, at: Instant) -> Status {
        match &self.work.outcome {
            _ if self.cancelled.is_some() => Status::Cancelled,
            _ if at < self.end() => Status::Working,
            _ if !self.work.rounds.is_empty() => Status::InputRequired,
            Ok(result) if self.is_legacy && result["isError"] == true => Status::Failed,
            Ok(_) => Status::Completed,
            Err(_) => Status::Failed,
        }
    }

    /// When the task came to where it stands.
    fn since(&self, at: Instant) -> Instant {
        match self.status(at) {
            Status::Working => self.begun,
            Status::Cancelled => self.cancelled.unwrap_or(at),
            Status::InputRequired | Status::Completed | Status::Failed => self.end(),
        }
    }

    pub(super) fn cancel(&mut self, at: Instant) {
        self.cancelled.get_or_insert(at);
    }

    /// Takes the answers to what is asked at present; the work goes on once nothing is missing. False if nothing fits.
    pub(super) fn answer(&mut self, answers: &Map<String, Value>, at: Instant) -> bool {
        if self.status(at) != Status::InputRequired {
            return false;
        }
        let Some(round) = self.work.rounds.front_mut() else { return false };
        let before = round.len();
        round.retain(|key, _| !answers.contains_key(key));
        let is_news = round.len() < before;
        if round.is_empty() {
            self.work.rounds.pop_front();
            self.begun = at;
        }
        is_news
    }

    /// What the work came to, whether it is done yet or not.
    pub(super) fn outcome(&self) -> Result<Value, Failure> {
        match self.cancelled {
            Some(_) => Err(Failure::new(code::INTERNAL_ERROR, "The task was cancelled")),
            None => self.work.outcome.clone(),
        }
    }

    /// The task as 2025-11-25 shows it.
    pub(super) fn show(&self, at: Instant) -> Value {
        let mut shown = self.bare(at);
        shown["ttl"] = millis(self.ttl);
        shown["pollInterval"] = POLL_MS.into();
        shown
    }

    /// The task as the extension shows it where it is created.
    pub(super) fn seed(&self, at: Instant) -> Value {
        let mut shown = self.bare(at);
        shown["ttlMs"] = millis(self.ttl);
        shown["pollIntervalMs"] = POLL_MS.into();
        shown
    }

    /// The task as the extension shows it later: with what it asks, or what came of it.
    pub(super) fn detail(&self, at: Instant) -> Value {
        let mut shown = self.seed(at);
        match (self.status(at), &self.work.outcome) {
            (Status::InputRequired, _) => {
                shown["inputRequests"] = self.work.rounds.front().cloned().unwrap_or_default().into();
            }
            (Status::Completed, Ok(result)) => shown["result"] = result.clone(),
            (Status::Failed, Err(failure)) => shown["error"] = failure.to_value(),
            (Status::Failed, Ok(_)) => {
                shown["error"] = Failure::new(code::INTERNAL_ERROR, "The tool failed").to_value();
            }
            (Status::Working | Status::Cancelled | Status::Completed, _) => {}
        }
        shown
    }

    fn bare(&self, at: Instant) -> Value {
        let status = self.status(at);
        let mut shown = json!({
            "taskId": self.id,
            "status": status.as_str(),
            "createdAt": self.stamp(self.born),
            "lastUpdatedAt": self.stamp(self.since(at)),
        });
        if status == Status::Failed {
            let why = self.work.outcome.as_ref().err().map_or("The tool failed", |failure| &failure.message);
            shown["statusMessage"] = why.into();
        }
        shown
    }

    fn stamp(&self, at: Instant) -> String {
        (self.created + (at - self.born)).format(&Rfc3339).unwrap_or_default()
    }
}

fn millis(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(rounds: &[&[&str]], outcome: Result<Value, Failure>) -> Task {
        let questions = |keys: &&[&str]| keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
        let owner = Owner { conversation: 1, user: None };
        let work =
            Work { pace: Duration::from_secs(1), rounds: rounds.iter().map(questions).collect(), outcome };
        Task::new("t".into(), owner, false, Duration::from_secs(60), work, Instant::now())
    }

    #[test]
    fn a_task_works_then_ends() {
        let task = task(&[], Ok(json!({"content": []})));
        assert_eq!(task.status(task.born), Status::Working);
        assert_eq!(task.status(task.end()), Status::Completed);
        assert_eq!(task.detail(task.end())["result"], json!({"content": []}));
        assert!(task.detail(task.born).get("result").is_none());
    }

    #[test]
    fn answers_in_parts_end_a_round_and_the_next_one_begins() {
        let mut task = task(&[&["a", "b"], &["c"]], Ok(json!({})));
        let asking = task.end();
        let answers = |key: &str| Map::from_iter([(key.to_owned(), json!({}))]);
        assert!(!task.answer(&answers("x"), asking));
        assert!(task.answer(&answers("a"), asking));
        assert_eq!(task.status(asking), Status::InputRequired);
        assert!(task.answer(&answers("b"), asking));
        assert_eq!(task.status(asking), Status::Working);
        assert!(!task.answer(&answers("c"), asking));
        assert!(task.answer(&answers("c"), task.end()));
        assert_eq!(task.status(task.end()), Status::Completed);
    }

    #[test]
    fn a_cancelled_task_stays_cancelled() {
        let mut task = task(&[], Ok(json!({})));
        task.cancel(task.born);
        assert_eq!(task.status(task.end()), Status::Cancelled);
        assert!(task.outcome().is_err());
    }
}
