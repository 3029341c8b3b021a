//! What must hold whatever a server does.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::attack::{Attack, Deed, Over};
use crate::peer::{self, Listening, PEACEFUL, SERVE, TRAP};
use crate::tester::{Place, TOKEN, watch};
use crate::trap::Trap;

/// Peak of memory that is allowed, in MB.
const MOST_MEMORY: u64 = 300;
/// How long a run may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The reports that each run writes.
pub const REPORTS: [&str; 6] = ["json", "junit", "html", "sarif", "markdown", "tap"];

/// Attacks the tester.
pub fn survives(attack: &Attack, over: Over) -> Result<(), String> {
    let (place, trap) = (Place::new(), Trap::set());
    let (mut tester, _listening) = command(attack, over, &place, &trap);
    let ran = watch(tester.spawn().map_err(|error| error.to_string())?, PATIENCE);
    let leftovers = place.leftovers();
    let code = ran.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let took = format!("exit {code}, {:.1} s, {} MB", ran.wall.as_secs_f64(), ran.peak);
    println!("{over}: {}: {took}", attack.name);
    let mut wrong = Vec::new();
    match ran.code {
        None => wrong.push("it does not end by itself".to_owned()),
        Some(code) if !attack.exit.contains(&code) => wrong.push(format!("right is {:?}", attack.exit)),
        Some(code) => wrong.extend(reports(&place, code)),
    }
    if ran.peak > MOST_MEMORY {
        wrong.push(format!("more than {MOST_MEMORY} MB"));
    }
    wrong.extend(leftovers.iter().map(|line| format!("left running: {line}")));
    wrong.extend(strange_files(&place));
    wrong.extend(visits(attack, &trap));
    if place.printed().contains(TOKEN) {
        wrong.push("it prints the token".to_owned());
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{took}\n{}\n{}", wrong.join("\n"), brief(&place.printed()))),
    }
}

fn brief(text: &str) -> String {
    let told = text.lines().filter(|line| line.starts_with("FAIL"));
    let tail: Vec<&str> = text.lines().rev().take(12).collect();
    let lines = told.chain(tail.into_iter().rev());
    lines.map(|line| line.chars().take(300).collect::<String>() + "\n").collect()
}

/// The tester with a server that attacks it.
fn command(attack: &Attack, over: Over, place: &Place, trap: &Trap) -> (Command, Option<Listening>) {
    let own = std::env::current_exe().expect("this binary").display().to_string();
    let mut tester = place.tester();
    tester.env(TRAP, &trap.url).env("SERVER", format!("{own} {SERVE} {PEACEFUL}"));
    // Who is all right in the end is waited for, even on a busy machine.
    let patience = if attack.exit == [0] { ["20s", "10s"] } else { ["2s", "300ms"] };
    tester.arg(over.to_string()).args([
        "--startup-timeout",
        patience[0],
        "--timeout",
        patience[1],
        "--quiet",
    ]);
    tester.args(REPORTS.iter().flat_map(|form| [format!("--{form}"), format!("report.{form}")]));
    if !attack.options.contains(&"--revision") {
        tester.args(["--revision", "2025-11-25"]);
    }
    if !attack.options.contains(&"--fuzz-cases") {
        tester.args(["--fuzz-cases", "0"]);
    }
    tester.args(attack.options);
    let listening = match (attack.deed, over) {
        (Deed::Lives(script), _) => {
            tester.args(["--", "sh", "-c", script]);
            None
        }
        (Deed::Hosts(script), _) => {
            tester.args(["http://127.0.0.1:{port}/mcp", "--", "sh", "-c", script]);
            None
        }
        (_, Over::Stdio) => {
            tester.args(["--", &own, SERVE, attack.name]);
            None
        }
        (_, Over::Http) => {
            let listening = peer::listen(attack.name, &trap.url);
            tester.args(["--bearer-env", "TOKEN", &listening.url]);
            Some(listening)
        }
    };
    (tester, listening)
}

/// What is wrong with the reports.
pub fn reports(place: &Place, code: i32) -> Vec<String> {
    let of = |form: &str| {
        let bytes = fs::read(place.folder().join(format!("report.{form}")));
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => is_whole(form, &text, code).map_err(|wrong| format!("{form}: {wrong}")),
            Ok(Err(_)) => Err(format!("{form}: it is not UTF-8")),
            Err(error) => Err(format!("{form}: {error}")),
        }
    };
    REPORTS.into_iter().filter_map(|form| of(form).err()).collect()
}

fn is_whole(form: &str, text: &str, code: i32) -> Result<(), String> {
    let json = || serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    if text.contains(TOKEN) {
        return Err("it holds the token".to_owned());
    }
    let is_whole = match form {
        "json" => json()?["exit_code"] == code,
        "junit" => junit_parser::from_reader(text.as_bytes()).map(|_| true).map_err(|e| e.to_string())?,
        "html" => text.trim_end().ends_with("</html>"),
        "sarif" => json()?["runs"].is_array(),
        "tap" => {
            let points = text.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok "));
            text.lines().any(|line| line == format!("1..{}", points.clone().count()))
        }
        _ => !text.is_empty(),
    };
    is_whole.then_some(()).ok_or_else(|| "it is not whole".to_owned())
}

/// Files that nobody asked for.
fn strange_files(place: &Place) -> Vec<String> {
    let is_known = |name: &str| {
        let Some(name) = name.strip_prefix("a/b/c/d/") else { return name == "printed" };
        let report = |form: &str| name == format!("report.{form}");
        let folders = [".mcp-conform/", "wire/", "snapshot/", "findings/", "corpus/"];
        REPORTS.iter().any(|form| report(form)) || folders.iter().any(|folder| name.starts_with(folder))
    };
    let strange = place.files().into_iter().filter(|name| !is_known(name));
    strange.map(|name| format!("a strange file: {name}")).collect()
}

/// Visits elsewhere: a document about authorization may be asked for where the server says that it is, without the token.
fn visits(attack: &Attack, trap: &Trap) -> Vec<String> {
    let may_visit = attack.name.contains("metadata");
    let visits = trap.visits().into_iter();
    let bad = visits.filter(|head| !may_visit || head.to_lowercase().contains("authorization:"));
    bad.map(|head| format!("a visit elsewhere: {head}")).collect()
}
