//! What this process has used so far, for benchmarks.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// CPU time in milliseconds, and the peak of the resident memory in MB.
pub fn usage() -> (f64, f64) {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
    let milliseconds = |time: TimeVal| time.tv_sec() as f64 * 1000.0 + time.tv_usec() as f64 / 1000.0;
    let cpu = milliseconds(usage.user_time()) + milliseconds(usage.system_time());
    (cpu, usage.max_rss() as f64 / 1000.0)
}
