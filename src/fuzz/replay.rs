//! Running one saved finding again.

use super::bench::Bench;
use super::finding::Finding;
use super::laid::Laid;
use crate::protocol::method::{self, LISTS};
use crate::runner::Secrets;
use crate::session::{OpenFailure, Options};
use crate::transport::Target;

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// It came each time.
    Reproduced,
    /// It came sometimes.
    Flaky,
    /// It does not come any more.
    Fixed,
}

const TIMES: usize = 3;

/// Runs the script of a finding three times, each on a fresh server.
pub async fn replay(
    finding: &Finding,
    target: &Target,
    options: &Options,
) -> Result<Replayed, Box<OpenFailure>> {
    let revision = finding.revision;
    let laid = Laid::new(finding.seed, revision)?;
    let target = laid.before(target);
    let mut bench = Bench {
        target: &target,
        revision,
        options: options.clone(),
        canaries: laid.canaries.clone(),
        secrets: Secrets::default(),
        first: None,
    };
    // A server that cannot be started has not fixed anything.
    let session = bench.open().await?;
    let is_offered = |name: &&str| {
        let capability = method::find(name, revision).and_then(|method| method.capability);
        capability.is_some_and(|path| method::declares(&session.server.capabilities, path))
    };
    let mut lists = LISTS.iter().map(|(method, _)| *method).filter(|_| revision.is_stateless());
    bench.first = lists.find(is_offered).map(str::to_owned);
    session.finish().await;
    let mut seen = 0;
    for _ in 0..TIMES {
        let bugs = bench.show(&[&finding.script], finding.kind).await;
        seen += usize::from(bugs.iter().any(|bug| bug.cause() == finding.cause));
    }
    Ok(match seen {
        0 => Replayed::Fixed,
        TIMES => Replayed::Reproduced,
        _ => Replayed::Flaky,
    })
}
