//! Running one saved finding again.

use super::execute::Bench;
use super::script::Finding;
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
    let bench = Bench { target, revision: finding.revision, options, canary: "mcp-conform-canary" };
    // A server that cannot be started has not fixed anything.
    bench.open().await?.finish().await;
    let mut seen = 0;
    for _ in 0..TIMES {
        let bugs = bench.show(&[&finding.script]).await;
        seen += usize::from(bugs.iter().any(|bug| bug.fingerprint() == finding.finding));
    }
    Ok(match seen {
        0 => Replayed::Fixed,
        TIMES => Replayed::Reproduced,
        _ => Replayed::Flaky,
    })
}
