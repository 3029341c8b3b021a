//! Running one saved finding again.

use super::bench::Bench;
use super::finding::Finding;
use super::laid::Laid;
use crate::runner::{Policy, Secrets};
use crate::session::{Learned, OpenFailure, Options};
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
        learned: Learned::default(),
    };
    // A server that cannot be started has not fixed anything.
    let mut session = bench.open().await?;
    bench.look(&mut session, &Policy::default()).await;
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
