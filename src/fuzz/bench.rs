//! The server under fire: started as often as needed, always in the same way.

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::Instant;

use super::oracle::{self, Bug, Canaries, Kind};
use super::player::{Flight, Player};
use super::script::Script;
use super::{memory, pace, state};
use crate::case::List;
use crate::protocol::Revision;
use crate::runner::{Policy, Secrets, Survey};
use crate::session::{Learned, OpenFailure, Options, Session};
use crate::transport::{StartError, Target};

/// A server to play scripts on, which is started again when it dies.
#[derive(Clone)]
pub(super) struct Bench<'t> {
    pub target: &'t Target,
    pub revision: Revision,
    pub options: Options,
    /// Secrets that must not come back.
    pub canaries: Canaries,
    /// Secrets of the user, which must not be shown.
    pub secrets: Secrets,
    /// A legal request that begins each connection of the stateless era: some servers of both eras take the era of a
    /// connection from its first message after discovery.
    pub first: Option<String>,
    /// What later requests depend on: arguments of tools that go into headers as well.
    pub learned: Learned,
}

/// How long a reply may take while a script is made smaller: what is lost is lost soon, on a quick server sooner.
const HASTE: RangeInclusive<Duration> = Duration::from_millis(200)..=Duration::from_millis(800);
/// How much longer than a cheap request that is.
const FACTOR: u32 = 100;

impl Bench<'_> {
    /// Looks at what the server offers, and from then on opens connections as it needs them.
    pub(super) async fn look(&mut self, session: &mut Session, policy: &Policy) -> Survey {
        let survey = Survey::take(session, policy).await;
        let lists = survey.things(List::Lists);
        let first = lists.first().and_then(|list| list["method"].as_str());
        self.first = first.filter(|_| self.revision.is_stateless()).map(str::to_owned);
        self.learned = session.learned();
        survey
    }

    /// The same with less patience, as far as the server is quick.
    pub(super) async fn hasty(&self) -> Self {
        let mut haste = *HASTE.end();
        if let Ok(mut session) = self.open().await {
            let began = Instant::now();
            session.fence().await;
            haste = (began.elapsed() * FACTOR).clamp(*HASTE.start(), *HASTE.end());
            session.finish().await;
        }
        let timeout = self.options.timeout.min(haste);
        Self { options: Options { timeout, ..self.options.clone() }, ..self.clone() }
    }

    /// A connection that is ready for requests.
    pub(super) async fn open(&self) -> Result<Session, Box<OpenFailure>> {
        // How often a server may send too much is for a campaign to say.
        self.options.quota.renew();
        if let Some(host) = self.target.host() {
            let revived = host.revive(self.options.startup_timeout).await;
            revived.map_err(|error| OpenFailure::before(self.revision, error))?;
        }
        let mut session = Session::open(self.target, self.revision, &self.options).await?;
        session.learn(&self.learned);
        if let Some(method) = &self.first {
            session.request(method, None).await;
        }
        Ok(session)
    }

    /// A connection on which nothing was said.
    pub(super) fn connect(&self) -> Result<Session, StartError> {
        let mut session = Session::connect(self.target, self.revision, &self.options)?;
        session.learn(&self.learned);
        Ok(session)
    }

    /// Plays scripts one after the other on a new server: what they show together. `wanted` says what to look for
    /// besides what is always looked for.
    pub(super) async fn show(&self, scripts: &[&Script], wanted: Kind) -> Vec<Bug> {
        match wanted {
            Kind::State => state::show(self, scripts).await,
            Kind::Leak => memory::show(self, scripts).await,
            Kind::Slow => pace::show(self, scripts).await,
            _ => self.watch(scripts).await.map(|flight| self.judge(&flight)).unwrap_or_default(),
        }
    }

    /// Plays scripts on a new server, to the end of what they owe: everything that came of it.
    pub(super) async fn watch(&self, scripts: &[&Script]) -> Option<Flight> {
        let mut player = Player::open(self).await.ok()?;
        for (place, script) in scripts.iter().enumerate() {
            player.play(script, place).await;
        }
        player.wait_for_all().await;
        Some(player.finish().await)
    }

    /// Everything that is wrong with what came of a flight.
    pub(super) fn judge(&self, flight: &Flight) -> Vec<Bug> {
        oracle::judge(flight, &self.canaries, &self.secrets)
    }
}
