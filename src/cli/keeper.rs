//! Nothing that was launched outlives us, however we end: a small process of its own waits for our end, and then ends
//! whatever still runs. It knows it by a variable of its environment, so that neither sessions of their own nor the death of
//! a parent hide it. Linux only: elsewhere environments of other processes cannot be read.
//!
//! A death signal of the parent (`PR_SET_PDEATHSIG`) would not do: it is set between fork and exec, which is unsafe code; it
//! comes when the thread ends that launched the child; and it reaches no grandchild.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::transport::{MARK, mark};

/// Arguments of the hidden command.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The value of the variable that tells what to end.
    mark: String,
}

/// The waiting process. Dropping it lets it do its work, and waits for that.
pub struct Keeper(Option<Child>);

impl Keeper {
    /// Starts it. Without it all goes on as well, unless we are killed.
    pub fn start() -> Self {
        if !cfg!(target_os = "linux") {
            return Self(None);
        }
        let Ok(own) = std::env::current_exe() else { return Self(None) };
        let mut command = Command::new(own);
        command.args(["keep", mark()]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C in a terminal reaches a whole group.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self(command.spawn().ok())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            drop(child.stdin.take());
            // It ends in any case.
            let _ = child.wait();
        }
    }
}

/// How often, and how fast, what was killed is looked for again: it may have started others meanwhile.
const LOOKS: usize = 100;
const PACE: Duration = Duration::from_millis(10);

/// Waits until our input ends, as it does when whoever holds it is gone, and ends what carries the mark.
pub fn run(args: &Args) {
    // Nothing is ever written there.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    let wanted = format!("{MARK}={}\0", args.mark);
    for _ in 0..LOOKS {
        let left = marked(wanted.as_bytes());
        if left.is_empty() {
            return;
        }
        left.into_iter().for_each(kill);
        sleep(PACE);
    }
}

/// The ids of the processes whose environment holds these bytes.
fn marked(wanted: &[u8]) -> Vec<i32> {
    let is_marked = |environment: &[u8]| memchr::memmem::find(environment, wanted).is_some();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    // Those of others cannot be read, and are not ours.
    ids.filter(|id| std::fs::read(format!("/proc/{id}/environ")).is_ok_and(|bytes| is_marked(&bytes)))
        .collect()
}

#[cfg(unix)]
fn kill(id: i32) {
    use nix::sys::signal::{Signal, kill};
    // Fails only for a process that has ended.
    let _ = kill(nix::unistd::Pid::from_raw(id), Signal::SIGKILL);
}

#[cfg(not(unix))]
fn kill(_: i32) {}
