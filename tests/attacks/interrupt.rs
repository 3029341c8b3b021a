//! The tester is ended from outside, and its reports cannot be written.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::expect::{REPORTS, reports};
use crate::peer::SERVE;
use crate::tester::{Done, Place, Plain, Ran, watch};

/// How long an end may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A server that no signal ends but SIGKILL, with a grandchild that has left its group.
const STUBBORN: &str = "trap '' TERM INT HUP; (setsid sleep 300 &); sleep 301; sleep 302";

pub const TRIALS: &[Plain] = &[
    ("Ctrl-C ends a run with whole reports", || run_ended_by("-INT")),
    ("SIGTERM ends a run with whole reports", || run_ended_by("-TERM")),
    ("Ctrl-C ends the waiting for a server", waiting_is_ended),
    ("Ctrl-C ends a campaign with what it found", campaign_is_ended),
    ("Ctrl-C twice ends at once", twice),
    ("kill -9 leaves nothing running", || killed("-KILL", "stdio")),
    ("kill -9 leaves no host running", || killed("-KILL", "http")),
    ("a closed terminal leaves nothing running", || killed("-HUP", "stdio")),
    ("a full disk is an error, and other reports are whole", full_disk),
    ("a full disk behind standard output is an error", full_output),
    ("a closed pipe is no error, and the reports are whole", closed_pipe),
    ("closed standard streams do no harm", closed_streams),
];

/// Starts the tester with reports, and waits until what it launched holds this text.
fn start(place: &Place, words: &[&str], text: &str) -> Result<Child, String> {
    let mut tester = place.tester();
    tester.args(words);
    let child = tester.process_group(0).spawn().map_err(|error| error.to_string())?;
    let began = Instant::now();
    // The words of the tester itself hold it, too.
    let own = child.id().to_string();
    let is_launched = |(pid, line): &(String, String)| *pid != own && line.contains(text);
    while !place.running().iter().any(is_launched) {
        if began.elapsed() > SOON {
            return Err(format!("`{text}` does not run: {}", place.printed()));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(child)
}

fn with_reports<'w>(command: &[&'w str], reports: &'w [String], server: &[&'w str]) -> Vec<&'w str> {
    command.iter().copied().chain(reports.iter().map(String::as_str)).chain(server.iter().copied()).collect()
}

fn report_options() -> Vec<String> {
    REPORTS.iter().flat_map(|form| [format!("--{form}"), format!("report.{form}")]).collect()
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal}");
}

/// It ended with this code, its reports are whole, and nothing is left.
fn ended(place: &Place, ran: &Ran, code: i32) -> Done {
    let mut wrong = reports(place, code);
    if ran.code != Some(code) {
        wrong.push(format!("exit {:?} after {:?}", ran.code, ran.wall));
    }
    wrong.extend(place.leftovers().iter().map(|line| format!("left running: {line}")));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", wrong.join("\n"), place.printed())) }
}

fn run_ended_by(how: &str) -> Done {
    let (place, options) = (Place::new(), report_options());
    let child =
        start(&place, &with_reports(&["stdio"], &options, &["--", "sh", "-c", STUBBORN]), "sleep 301")?;
    sleep(Duration::from_millis(100));
    signal(&child, how);
    ended(&place, &watch(child, SOON), 130)
}

fn waiting_is_ended() -> Done {
    let (place, options) = (Place::new(), report_options());
    let server = ["http://127.0.0.1:{port}/mcp", "--", "sh", "-c", STUBBORN];
    let child = start(&place, &with_reports(&["http"], &options, &server), "sleep 301")?;
    sleep(Duration::from_millis(100));
    signal(&child, "-INT");
    ended(&place, &watch(child, SOON), 130)
}

fn fuzzing(place: &Place, server: &str) -> Result<Child, String> {
    let (options, own) = (report_options(), std::env::current_exe().map_err(|error| error.to_string())?);
    let own = own.display().to_string();
    let command = ["fuzz", "stdio", "--revision", "2025-11-25", "--time", "300s", "--timeout", "60s"];
    start(place, &with_reports(&command, &options, &["--", &own, SERVE, server]), SERVE)
}

fn campaign_is_ended() -> Done {
    let place = Place::new();
    let child = fuzzing(&place, "nothing")?;
    sleep(Duration::from_secs(2));
    signal(&child, "-INT");
    ended(&place, &watch(child, SOON), 130)?;
    let bytes = fs::read(place.folder().join("report.json")).map_err(|error| error.to_string())?;
    let report: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    match report["fuzz"]["executed"].as_u64() {
        Some(1..) => Ok(()),
        _ => Err(format!("nothing was told of the cases: {}", report["fuzz"])),
    }
}

fn twice() -> Done {
    let place = Place::new();
    let child = fuzzing(&place, "silence for what is malformed")?;
    sleep(Duration::from_secs(1));
    signal(&child, "-INT");
    sleep(Duration::from_millis(300));
    let began = Instant::now();
    signal(&child, "-INT");
    let ran = watch(child, SOON);
    match (ran.code, began.elapsed()) {
        (Some(130), took) if took < Duration::from_secs(2) => match place.leftovers() {
            left if left.is_empty() => Ok(()),
            left => Err(format!("left running: {left:?}")),
        },
        (code, took) => Err(format!("exit {code:?} after {took:?}")),
    }
}

fn killed(how: &str, over: &str) -> Done {
    let place = Place::new();
    let url = if over == "http" { vec!["http://127.0.0.1:{port}/mcp"] } else { Vec::new() };
    let words: Vec<&str> = [&[over][..], &url, &["--", "sh", "-c", STUBBORN]].concat();
    let child = start(&place, &words, "sleep 301")?;
    sleep(Duration::from_millis(100));
    signal(&child, how);
    let ran = watch(child, SOON);
    match (ran.code, place.leftovers()) {
        (None, left) if left.is_empty() => Ok(()),
        (code, left) => Err(format!("exit {code:?}, left running: {left:?}")),
    }
}

fn full_disk() -> Done {
    let place = Place::new();
    let mut tester = place.tester();
    tester.args(["stdio", "--fuzz-cases", "0", "--junit", "/dev/full", "--json", "report.json"]);
    let ran = watch(tester.spawn().map_err(|error| error.to_string())?, SOON);
    let said = place.printed();
    let is_whole = fs::read(place.folder().join("report.json"))
        .is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok());
    match ran.code == Some(2) && said.contains("/dev/full: No space left") && is_whole {
        true => Ok(()),
        false => Err(format!("exit {:?}, the other report is whole: {is_whole}\n{said}", ran.code)),
    }
}

fn full_output() -> Done {
    let place = Place::new();
    let mut tester = place.tester();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").map_err(|error| error.to_string())?;
    tester.args(["stdio", "--fuzz-cases", "0", "--json", "-"]).stdout(full);
    let ran = watch(tester.spawn().map_err(|error| error.to_string())?, SOON);
    match ran.code == Some(2) && place.printed().contains("No space left") {
        true => Ok(()),
        false => Err(format!("exit {:?}\n{}", ran.code, place.printed())),
    }
}

fn closed_pipe() -> Done {
    let place = Place::new();
    let mut tester = place.tester();
    tester.args(["stdio", "--fuzz-cases", "0", "-v"]).args(report_options()).stdout(Stdio::piped());
    let mut child = tester.spawn().map_err(|error| error.to_string())?;
    drop(child.stdout.take());
    ended(&place, &watch(child, SOON), 0)
}

fn closed_streams() -> Done {
    let place = Place::new();
    let mut shell = Command::new("sh");
    let tester = place.tester();
    let words = format!(
        "exec {} stdio --fuzz-cases 0 {} <&- >&- 2>&-",
        crate::tester::SELF,
        report_options().join(" ")
    );
    shell.args(["-c", &words]).current_dir(place.folder());
    shell.envs(tester.get_envs().filter_map(|(name, value)| Some((name, value?))));
    ended(&place, &watch(shell.spawn().map_err(|error| error.to_string())?, SOON), 0)
}
