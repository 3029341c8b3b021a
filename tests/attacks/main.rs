//! Servers that attack their tester: for each, the real binary must end by itself, in bounded memory, with the right exit
//! code and whole reports, and leave nothing running. `cargo test --test attacks -- NAME` runs those whose name holds NAME,
//! `-- --nocapture` shows what each took, and `-- --ignored` soaks.
//!
//! An attack is a line in a table: a name, what the server does, and the exit code that is right. `messages` and `schemas` attack with
//! what a server says, over stdio and HTTP alike, `processes` with what a process does, `http` with what a connection does.
//! The servers are this binary itself: launched over stdio, threads over HTTP.

#[cfg(target_os = "linux")]
mod attack;
#[cfg(target_os = "linux")]
mod expect;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod interrupt;
#[cfg(target_os = "linux")]
mod messages;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod schemas;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(target_os = "linux")]
mod tester;
#[cfg(target_os = "linux")]
mod trap;

/// What memory, descriptors and processes are is read from `/proc`.
#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use libtest_mimic::{Arguments, Trial};

    let words: Vec<String> = std::env::args().collect();
    if let [_, flag, name] = &words[..]
        && flag == peer::SERVE
    {
        return peer::serve(name);
    }
    let trial = |(attack, over): (&'static attack::Attack, attack::Over)| {
        Trial::test(format!("{over}: {}", attack.name), move || Ok(expect::survives(attack, over)?))
    };
    let mut arguments = Arguments::from_args();
    // Most of the time goes into waiting.
    arguments.test_threads.get_or_insert(4);
    let plain = |(name, run): &tester::Plain| {
        let run = *run;
        Trial::test(*name, move || Ok(run()?))
    };
    let interrupts = interrupt::TRIALS.iter().map(plain);
    let soaks = soak::TRIALS.iter().map(|named| plain(named).with_ignored_flag(true));
    let trials = attack::all().map(trial).chain(interrupts).chain(soaks).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
