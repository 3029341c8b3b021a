//! The loop of a campaign: generate, play, judge, learn.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::bench::Bench;
use super::campaign::{Budget, Campaign, Summary};
use super::corpus::{Corpus, Seen};
use super::finding::{Finding, Stability};
use super::generate::Context;
use super::inquest::{Inquest, Past};
use super::line::{self, Judging, Line};
use super::memory;
use super::novelty::{Novelty, Rank};
use super::oracle::{self, Bug, Severity};
use super::pace;
use super::player::{Flight, Played};
use super::script::{Action, Script};
use super::source::{Case, Source};
use super::state;
use super::supply::Supply;
use crate::session::{FLOOD, Session};

/// Cases on the first connection and on later ones, each twice as long as the one before: what a connection keeps is
/// tried from the beginning and in the long run.
const FIRST_CONNECTION: usize = 256;
const CONNECTION: usize = 4096;
/// Bytes of the cases that are remembered on one connection.
const REMEMBERED: usize = 64 << 20;
/// Cases in flight.
const FEWEST: usize = 4;
const MOST: usize = 256;
/// After so many cases the server is asked what it offers.
const OFFER: usize = 512;
/// How long a flight should last.
const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_millis(600);
/// So many times in a row a server may send more than is kept, although after the first time as little as can be is asked at
/// once.
const FLOODS: usize = 3;
/// How often a bug is looked into that looks like one that is known.
const TRIES: usize = 3;

/// A running campaign.
pub(super) struct Hunt<'h> {
    campaign: &'h Campaign<'h>,
    bench: &'h Bench<'h>,
    supply: Supply,
    corpus: Corpus,
    /// Scripts that showed something new in this epoch.
    fresh: Vec<(Option<u64>, Rank, Arc<Script>)>,
    novelty: Novelty,
    /// How often each cause was looked into.
    causes: HashMap<String, usize>,
    /// Cases on this connection.
    longest: usize,
    /// Whether deaths were found that do not come each time.
    has_races: bool,
    /// Connections in a row on which the server sent too much.
    floods: usize,
    size: usize,
    began: Instant,
    pub summary: Summary,
}

impl<'h> Hunt<'h> {
    pub(super) fn new(
        campaign: &'h Campaign<'h>,
        bench: &'h Bench<'h>,
        context: Context,
        corpus: Corpus,
    ) -> Self {
        let (next, source) = (corpus.progress(&campaign.name()), Source::new(campaign.seed, context));
        Self {
            campaign,
            bench,
            // Played once more, the scripts of earlier campaigns tell what is known.
            supply: Supply::new(source, campaign.shard, next, corpus.seen()),
            corpus,
            fresh: Vec::new(),
            novelty: Novelty::default(),
            causes: HashMap::new(),
            longest: FIRST_CONNECTION,
            has_races: false,
            floods: 0,
            size: 16,
            began: Instant::now(),
            summary: Summary { connections: 1, ..Summary::default() },
        }
    }

    /// The first case, where an earlier campaign came so far.
    pub(super) fn resumes_at(&self) -> Option<u64> {
        let done = self.supply.handed();
        (done > 0).then_some(done + 1)
    }

    pub(super) fn into_summary(mut self) -> Summary {
        self.summary.duration = self.began.elapsed();
        self.summary.behaviours = self.novelty.len();
        self.summary.corpus = self.corpus.scripts().len();
        self.summary
    }

    fn is_over(&self) -> bool {
        let spent = match self.campaign.budget {
            Budget::Cases(cases) => self.summary.executed >= cases,
            Budget::Time(time) => self.began.elapsed() >= time,
        };
        spent
            || self.is_stopped()
            || self.summary.ended.is_some()
            || self.found() >= self.campaign.max_findings
    }

    fn is_stopped(&self) -> bool {
        self.campaign.stopped.load(Relaxed)
    }

    /// Findings, without advice.
    fn found(&self) -> usize {
        self.summary.findings.iter().filter(|finding| finding.severity == Severity::Finding).count()
    }

    /// Runs the campaign, beginning on an open connection.
    pub(super) async fn go(&mut self, session: Session, tell: &dyn Fn(String)) {
        let mut line = Some(Line::begin(self.bench, session).await);
        while !self.is_over() {
            let mut current = match line.take() {
                Some(line) => line,
                None => match self.bench.open().await {
                    Ok(session) => {
                        self.summary.connections += 1;
                        Line::begin(self.bench, session).await
                    }
                    Err(failure) => {
                        let after = self.summary.executed;
                        let why =
                            format!("after {after} cases there was no new connection: {}", failure.error);
                        self.summary.ended = Some(why);
                        break;
                    }
                },
            };
            self.fly(&mut current, tell).await;
            let is_used_up = current.past.len() >= self.longest || current.weight >= REMEMBERED;
            let is_due = current.past.len() >= current.offered + OFFER;
            if is_used_up {
                self.wait_out(&mut current, tell).await;
            }
            if current.player.is_alive() && (is_due || is_used_up || self.is_over()) {
                self.check_offer(&mut current, tell).await;
            }
            if is_used_up {
                self.longest = CONNECTION.min(self.longest * 2);
            } else if current.player.is_alive() {
                line = Some(current);
            }
        }
        if let Some(mut last) = line {
            self.wait_out(&mut last, tell).await;
        }
        self.summary.skipped = self.supply.left() as u64;
        self.end_epoch();
    }

    /// Plays some cases, and looks at what came of those before, while the server is busy.
    async fn fly(&mut self, line: &mut Line<'h>, tell: &dyn Fn(String)) {
        let cases = self.cases().await;
        let began = Instant::now();
        line.player.play_together(cases.iter().map(|case| &*case.script)).await;
        let flight = line.player.land().await;
        self.summary.connections += std::mem::take(&mut line.player.connections);
        let died = !line.player.is_alive();
        self.note_flood(line.player.session.is_flooded());
        self.adapt(began.elapsed(), died);
        let done = if died { executed(&cases, &flight) } else { cases.len() };
        self.summary.executed += cases[..done].iter().filter(|case| case.number.is_some()).count() as u64;
        tell(format!("fuzzing: {} cases, {} findings", self.summary.executed, self.summary.findings.len()));
        line.told |= state::is_told(&flight);
        let suspicions = pace::pause(&flight.transcripts).map(pace::bug).into_iter();
        let suspicions = suspicions.chain(line.watch.look(&line.player).then(memory::bug)).collect();
        let before = line.past.len();
        for (place, case) in cases.into_iter().enumerate() {
            let played = flight.of(place);
            if place < done {
                self.learn(&case, played);
            }
            line.weight += case.script.weight();
            line.past.push(Past::new(case, played));
        }
        let judging = self.judge(flight, suspicions, before..line.past.len());
        if let Some(earlier) = line.judging.replace(judging) {
            self.conclude(earlier, line, tell).await;
        }
        if died && let Some(last) = line.judging.take() {
            self.conclude(last, line, tell).await;
        }
        // Those that the server may not have seen are played again, unless one of them killed it.
        for lost in line.past.drain(before + done..).rev() {
            let number = lost.case.number;
            let is_culprit = number.is_some() && self.summary.findings.iter().any(|f| f.case == number);
            if !is_culprit {
                self.supply.put_back(lost.case);
            }
        }
    }

    /// Waits for what is still owed at the end of a connection.
    async fn wait_out(&mut self, line: &mut Line<'h>, tell: &dyn Fn(String)) {
        if let Some(last) = line.judging.take() {
            self.conclude(last, line, tell).await;
        }
        if line.player.is_alive() && line.player.owes() && !self.is_stopped() {
            line.player.wait_for_all().await;
            let flight = line.player.land().await;
            let judging = self.judge(flight, Vec::new(), 0..line.past.len());
            self.conclude(judging, line, tell).await;
        }
    }

    fn judge(&self, flight: Flight, suspicions: Vec<Bug>, cases: Range<usize>) -> Judging {
        let (canaries, secrets) = (self.bench.canaries.clone(), self.bench.secrets.clone());
        let verdict = spawn_blocking(move || oracle::judge(&flight, &canaries, &secrets));
        Judging { verdict, suspicions, flight: cases }
    }

    /// Looks into everything that was found in a flight.
    async fn conclude(&mut self, judging: Judging, line: &mut Line<'h>, tell: &dyn Fn(String)) {
        let Judging { verdict, suspicions, flight } = judging;
        let bugs = match verdict.await {
            Ok(bugs) => bugs,
            // A bug of ours is never told as one of the server.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        for bug in bugs.into_iter().chain(suspicions) {
            self.consider(&bug, flight.start, &line.past[..flight.end], tell).await;
        }
    }

    /// The next cases, all of one epoch.
    async fn cases(&mut self) -> Vec<Case> {
        if self.supply.is_epoch_over() {
            self.end_epoch();
        }
        let left = match self.campaign.budget {
            Budget::Cases(cases) => cases.saturating_sub(self.summary.executed),
            Budget::Time(_) => u64::MAX,
        };
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let most = self.size.min(left);
        self.supply.take(most, self.size.min(left - most)).await
    }

    fn end_epoch(&mut self) {
        self.fresh.sort_by_key(|(number, ..)| *number);
        for (_, rank, script) in std::mem::take(&mut self.fresh) {
            if let Err(error) = self.corpus.add(&script, rank) {
                self.summary.problems.push(format!("the corpus cannot be written: {error}"));
            }
        }
        if let Err(error) = self.corpus.set_progress(&self.campaign.name(), self.supply.handed()) {
            self.summary.problems.push(format!("the corpus cannot be written: {error}"));
        }
        self.supply.begin_epoch(if self.campaign.guided { self.corpus.seen() } else { Seen::default() });
    }

    fn note_flood(&mut self, is_flooded: bool) {
        if !is_flooded {
            self.floods = 0;
            return;
        }
        self.floods += 1;
        self.size = FEWEST;
        if self.floods == FLOODS {
            self.summary.ended = Some(format!("{FLOODS} connections in a row: {FLOOD}"));
        }
    }

    /// More cases at once on a fast server, fewer on a slow one, very few on one that dies.
    fn adapt(&mut self, took: Duration, died: bool) {
        self.size = match (died, took) {
            (true, _) => self.size / 4,
            (false, took) if took < SHORT => self.size * 2,
            (false, took) if took > LONG => self.size / 2,
            (false, _) => self.size,
        }
        .clamp(FEWEST, MOST);
    }

    fn learn(&mut self, case: &Case, played: &[Played]) {
        let rank = self.novelty.rank(&case.script, played);
        // What costs a launch each time is not followed up.
        if let Some(rank) = rank.filter(|_| !case.script.is_costly()) {
            self.fresh.push((case.number, rank, case.script.clone()));
        }
    }

    /// Looks into a bug that is news.
    async fn consider(&mut self, bug: &Bug, before: usize, past: &[Past], tell: &dyn Fn(String)) {
        let is_known = bug.requirement.as_ref().is_some_and(|id| self.campaign.known.contains(id));
        let tries = self.causes.entry(bug.cause()).or_default();
        let is_enough = *tries >= TRIES || self.found() >= self.campaign.max_findings;
        if is_known || is_enough || self.is_stopped() {
            return;
        }
        *self.causes.entry(bug.cause()).or_default() += 1;
        tell(format!("found: {}; looking for the smallest script", bug.message));
        let (campaign, bench, source) = (self.campaign, self.bench, &**self.supply.source());
        let inquest = Inquest { has_races: self.has_races, campaign, bench, source };
        let Some(finding) = inquest.hold(bug, before, past).await else { return };
        self.has_races |= finding.kind.is_death() && finding.stability == Stability::Flaky;
        if self.summary.findings.iter().any(|known| finding.is_told_by(known)) {
            // The same once more: what looks like it is not looked into again.
            self.causes.insert(bug.cause(), TRIES);
            return;
        }
        self.save(&finding);
        self.summary.findings.push(finding);
    }

    /// Whether the server still offers what it offered at first.
    async fn check_offer(&mut self, line: &mut Line<'h>, tell: &dyn Fn(String)) {
        let (now, asked) = line::offer(&mut line.player.session).await;
        let is_changed = line.player.is_alive() && now != line.offer;
        let is_told = std::mem::take(&mut line.told);
        line.offered = line.past.len();
        line.offer = now;
        if is_changed && !is_told {
            let before = line.past.len();
            self.consider(&state::bug(), before, &line.past, tell).await;
        }
        line.past.push(asked);
    }

    fn save(&mut self, finding: &Finding) {
        let Some(folder) = &self.campaign.folder else { return };
        let file = folder.join(finding.file_name());
        let text = self.campaign.secrets.mask(&finding.write());
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, text));
        if let Err(error) = written {
            self.summary.problems.push(format!("cannot save the finding {}: {error}", file.display()));
        }
    }
}

/// How many cases a server that died has seen: those up to the first that owes a reply.
fn executed(cases: &[Case], flight: &Flight) -> usize {
    let is_owed = |at: &(usize, usize)| {
        let action = cases.get(at.0).and_then(|case| case.script.actions.get(at.1));
        matches!(action, Some(Action::Request { .. } | Action::Together(_)))
    };
    let first = flight.played.iter().find(|played| played.reply.is_none() && is_owed(&played.at));
    let last = flight.played.last();
    let place = first.or(last).map_or(0, |played| played.at.0);
    (place + 1).min(cases.len())
}
