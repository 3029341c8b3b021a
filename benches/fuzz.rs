//! What fuzzing costs beside the server: `cargo bench --bench fuzz` fuzzes a trivial server (this program itself) and then
//! sends the very same bytes in a bare loop that only parses the replies. It prints cases and messages per second of both.
//!
//! `cargo bench --bench fuzz -- soak N` runs N cases and prints the memory of this process as it goes on.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Command as Process, Stdio};
use std::time::Instant;

use mcp_conform::fuzz::{self, Budget, Campaign, Shard, Summary};
use mcp_conform::protocol::Revision;
use mcp_conform::runner::{Policy, Secrets};
use mcp_conform::session::Options;
use mcp_conform::transport::{Command, Target};
use serde_json::{Value, json};

const CASES: u64 = 20_000;
/// Lines in flight in the bare loop: about as many as the campaign has.
const IN_FLIGHT: usize = 512;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["echo"] => echo(None),
        ["echo", file] => echo(Some(file)),
        ["soak", cases] => soak(cases.parse().expect("a number of cases")),
        _ => compare(),
    }
}

/// A server that answers everything and does nothing.
fn echo(record: Option<&str>) {
    let mut record = record
        .map(|file| BufWriter::new(File::options().create(true).append(true).open(file).expect("a file")));
    let mut input = BufReader::with_capacity(1 << 20, std::io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        if let Some(record) = &mut record {
            record.write_all(&line).expect("written");
        }
        if let Some(reply) = answer(&line) {
            writeln!(output, "{reply}").expect("written");
        }
        line.clear();
        if input.buffer().is_empty() {
            output.flush().expect("flushed");
        }
    }
}

fn answer(line: &[u8]) -> Option<String> {
    let Ok(message) = serde_json::from_slice::<Value>(line) else {
        return Some(
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "x"}}).to_string(),
        );
    };
    let id = message.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64())?;
    let result = match message["method"].as_str()? {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "echo", "version": "1"}
        }),
        "ping" => json!({}),
        _ => {
            return Some(
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "x"}}).to_string(),
            );
        }
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

fn own() -> String {
    std::env::current_exe().expect("a path").display().to_string()
}

fn campaign(arguments: &[&str], cases: u64) -> Summary {
    let args = arguments.iter().map(Into::into).collect();
    let target = Target::Command(Command { program: own().into(), args, ..Command::default() });
    let campaign = Campaign {
        target: &target,
        revision: Revision::V2025_11_25,
        options: Options::default(),
        policy: &Policy::default(),
        secrets: &Secrets::default(),
        seed: 1,
        budget: Budget::Cases(cases),
        shard: Shard::WHOLE,
        known: &HashSet::new(),
        max_findings: 5,
        minimize: true,
        guided: true,
        folder: None,
        corpus: None,
        stopped: &std::sync::atomic::AtomicBool::new(false),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(fuzz::run(&campaign, &|_| ())).expect("the server starts")
}

fn compare() {
    let file = std::env::temp_dir().join(format!("mcp-conform-bench-{}", std::process::id()));
    let path = file.display().to_string();
    campaign(&["echo", &path], CASES / 5);
    let began = Instant::now();
    let summary = campaign(&["echo"], CASES);
    let ours = began.elapsed().as_secs_f64();
    let recorded = std::fs::read(&file).expect("the record");
    std::fs::remove_file(&file).expect("removed");
    let lines: Vec<&[u8]> = recorded.split_inclusive(|byte| *byte == b'\n').collect();
    let per_case = lines.len() as f64 / (CASES / 5) as f64;
    let began = Instant::now();
    let replies = bare(&lines);
    let bare = began.elapsed().as_secs_f64();
    let (fuzzed, looped) = (CASES as f64 * per_case / ours, lines.len() as f64 / bare);
    println!("findings {}, connections {}", summary.findings.len(), summary.connections);
    println!("{:<12} {:>10} {:>12}", "", "cases/s", "messages/s");
    println!("{:<12} {:>10.0} {:>12.0}", "fuzzer", CASES as f64 / ours, fuzzed);
    println!("{:<12} {:>10.0} {:>12.0}   ({replies} replies)", "bare loop", looped / per_case, looped);
    println!("share of the bare loop: {:.0} %", 100.0 * fuzzed / looped);
}

/// Sends lines, so many at a time, and parses what comes back.
fn bare(lines: &[&[u8]]) -> usize {
    let mut child = Process::new(own())
        .arg("echo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut input = child.stdin.take().expect("stdin");
    let mut output = BufReader::with_capacity(1 << 20, child.stdout.take().expect("stdout"));
    let (mut replies, mut line) = (0, Vec::new());
    for (number, chunk) in lines.chunks(IN_FLIGHT).enumerate() {
        let fence = format!("fence-{number}");
        let ping = json!({"jsonrpc": "2.0", "id": fence, "method": "ping"});
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for line in chunk {
                    input.write_all(line).expect("written");
                }
                writeln!(input, "{ping}").expect("written");
            });
            loop {
                line.clear();
                output.read_until(b'\n', &mut line).expect("read");
                let reply: Value = serde_json::from_slice(&line).expect("JSON");
                replies += 1;
                if reply["id"] == fence.as_str() {
                    break;
                }
            }
        });
    }
    drop(input);
    child.wait().expect("the end");
    replies
}

fn soak(cases: u64) {
    std::thread::spawn(|| {
        let began = Instant::now();
        loop {
            std::thread::sleep(std::time::Duration::from_secs(10));
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let memory = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
            println!("{:>5} s  {memory}", began.elapsed().as_secs());
        }
    });
    let began = Instant::now();
    let summary = campaign(&["echo"], cases);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} cases in {seconds:.0} s: {:.0} cases/s",
        summary.executed,
        summary.executed as f64 / seconds
    );
}
