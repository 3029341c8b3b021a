//! One revision: the cases on their connections, the rules over every transcript.

use std::collections::HashSet;

use serde_json::Value;

use super::event::Event;
use super::evidence;
use super::interpret::{Surroundings, run_case};
use super::isolated::{Results, blocked, isolated};
use super::plan::{Plan, Planned, exclusion};
use super::tally::{Observed, Tally};
use crate::case::{Case, Connection};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::rule::{self, Context};
use crate::session::{Session, Transcript};

/// How often the shared connection is replaced after it died.
const REVIVALS: usize = 5;

/// The stage of one revision.
pub struct Scene<'s> {
    plan: &'s Plan,
    around: &'s Surroundings<'s>,
    capabilities: Value,
    wanted: HashSet<&'s str>,
    everything: bool,
    tally: Tally,
    spawns: usize,
    flooded: bool,
}

impl<'s> Scene<'s> {
    /// Prepares to judge the planned checks.
    pub fn new(
        plan: &'s Plan,
        around: &'s Surroundings<'s>,
        capabilities: Value,
        all: &'s [Planned],
    ) -> Self {
        let applicable = || all.iter().filter(|planned| planned.excluded.is_none());
        Self {
            plan,
            around,
            capabilities,
            wanted: applicable().map(|planned| planned.check.as_str()).collect(),
            // Rules and schemas judge whatever happens: to judge them, everything has to happen.
            everything: applicable().any(|planned| !planned.is_scripted()),
            tally: Tally::default(),
            spawns: 1,
            flooded: false,
        }
    }

    /// Runs every case that applies.
    pub async fn perform(&mut self, shared: Session, tell: &impl Fn(Event)) {
        let applies = |case: &&Case| {
            (self.everything || self.wanted.contains(case.id.as_str())) && exclusion(case, &shared).is_none()
        };
        let (common, alone): (Vec<&Case>, Vec<&Case>) = self
            .plan
            .cases
            .iter()
            .filter(applies)
            .partition(|case| case.connection == Connection::Shared && case.client.is_none());
        let revision = shared.revision;
        let plan = self.plan;
        let around = self.around;
        let learned = shared.learned();
        // Over HTTP all connections lead to one server: what changes it waits until nobody looks.
        let waits = |case: &&Case| shared.is_http() && case.client.is_some();
        let (later, alone): (Vec<&Case>, Vec<&Case>) = alone.iter().partition(|case| waits(case));
        let ((own, spawned), (common, revived)) = tokio::join!(
            Box::pin(isolated(plan, around, revision, &alone, &learned)),
            Box::pin(on_shared(plan, around, common, shared, tell)),
        );
        let (late, spawned_later) = Box::pin(isolated(plan, around, revision, &later, &learned)).await;
        self.spawns += spawned + spawned_later + revived;
        for (observed, transcripts) in [common, own, late] {
            observed.into_iter().for_each(|observed| self.tally.add(observed));
            for (name, transcript) in transcripts {
                self.judge(&transcript, revision, &name);
            }
        }
    }

    /// What became of every check, how many connections it took, and whether the server cut the run short.
    pub fn finish(self) -> (Tally, usize, bool) {
        (self.tally, self.spawns, self.flooded)
    }

    fn judge(&mut self, transcript: &Transcript, revision: Revision, name: &str) {
        self.save(transcript, revision, name);
        self.flooded |= transcript.is_flooded();
        let context = Context::new(transcript).with_server(&self.capabilities);
        let findings = rule::judge(&context);
        for kept in findings.observations() {
            let plain = Observed::plain(&kept.check, kept.requirement, Verdict::Pass, "as it must be");
            self.tally.add(Observed { times: kept.kept, ..plain });
        }
        for finding in findings.violations {
            let secrets = self.around.secrets;
            let plain =
                Observed::plain(&finding.check, finding.requirement, finding.verdict, finding.message);
            self.tally.add(Observed {
                expected: Some(finding.expected),
                got: Some(evidence::bounded(&secrets.mask(&finding.got))),
                wire: evidence::entries(transcript, &finding.entries, secrets),
                ..plain
            });
        }
    }

    fn save(&self, transcript: &Transcript, revision: Revision, name: &str) {
        let Some(folder) = &self.plan.transcripts else { return };
        let file =
            folder.join(format!("{revision}-{}-{}.jsonl", self.plan.info.transport, name.replace('/', "-")));
        let mut bytes = Vec::new();
        let written = crate::session::transcript::write(transcript, &mut bytes)
            .and_then(|()| std::fs::create_dir_all(folder))
            .and_then(|()| std::fs::write(&file, self.plan.secrets.mask(&String::from_utf8_lossy(&bytes))));
        if let Err(error) = written {
            eprintln!("cannot write the transcript {}: {error}", file.display());
        }
    }
}

async fn on_shared(
    plan: &Plan,
    around: &Surroundings<'_>,
    cases: Vec<&Case>,
    mut session: Session,
    tell: &impl Fn(Event),
) -> (Results, usize) {
    let (mut observed, mut transcripts, mut revivals) = (Vec::new(), Vec::new(), 0);
    let revision = session.revision;
    for case in cases {
        tell(Event::Progress(format!("{revision} {}", case.id)));
        if session.dead().is_some() {
            revivals += 1;
            let revived = match revivals {
                // One flood is enough.
                0..=REVIVALS if !session.transcript.is_flooded() => {
                    Session::open(&plan.target, revision, &plan.options).await.ok()
                }
                _ => None,
            };
            let Some(mut fresh) = revived else {
                observed.extend(blocked(
                    case,
                    session.dead().as_deref().unwrap_or("the server died again and again"),
                ));
                continue;
            };
            fresh.learn(&session.learned());
            let old = std::mem::replace(&mut session, fresh);
            transcripts.push((format!("shared-{revivals}"), old.finish().await));
        }
        observed.extend(run_case(case, &mut session, around).await);
    }
    transcripts.push(("shared".to_owned(), session.finish().await));
    ((observed, transcripts), revivals)
}
