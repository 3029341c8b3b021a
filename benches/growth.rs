//! How time and memory grow with what a server offers: `cargo bench --bench growth` judges a server of its own (this program
//! itself) with more and more tools, resources, pages, longer and longer messages, and more and more cases in flight. It
//! prints a table, and draws `docs/growth.svg`.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "growth/draw.rs"]
mod draw;
#[path = "growth/server.rs"]
mod server;
#[path = "../tests/common/usage.rs"]
mod usage;

use std::process::Command as Process;

use common::plan;
use mcp_conform::protocol::Revision;
use mcp_conform::runner::{Tools, run};
use mcp_conform::transport::{Command, Target};
use tokio::sync::mpsc::unbounded_channel;
use usage::usage;

/// What grows, and how far.
pub struct Axis {
    /// Its name.
    pub name: &'static str,
    /// What is counted.
    pub unit: &'static str,
    sizes: &'static [usize],
}

const AXES: [Axis; 5] = [
    Axis { name: "tools", unit: "tools", sizes: &[50, 100, 150, 200, 250, 300] },
    Axis { name: "resources", unit: "resources", sizes: &[100, 200, 400, 600, 800, 1_000] },
    Axis { name: "pages", unit: "pages of one tool", sizes: &[8, 16, 24, 32, 40, 48] },
    Axis { name: "message", unit: "kB in a tool's result", sizes: &[100, 400, 800, 1_200, 1_600, 2_000] },
    Axis { name: "flight", unit: "cases in flight", sizes: &[1, 2, 4, 8, 12, 16] },
];

/// What one judging took.
#[derive(Clone, Copy)]
pub struct Point {
    /// How large it was.
    pub size: usize,
    /// CPU time of the tester alone, in milliseconds.
    pub cpu: f64,
    /// Peak of its resident memory, in MB.
    pub memory: f64,
}

const ROUNDS: usize = 7;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", axis, size] => server::serve(axis, size.parse().expect("a number")),
        ["judge", axis, size] => judge(axis, size.parse().expect("a number")),
        _ => measure(),
    }
}

fn measure() {
    let mut curves = Vec::new();
    for axis in &AXES {
        println!("{:<12} {:>8} {:>10} {:>8}   {}", axis.name, "size", "CPU ms", "MB", axis.unit);
        let points: Vec<Point> = axis.sizes.iter().map(|size| best(axis, *size)).collect();
        for point in &points {
            println!("{:<12} {:>8} {:>10.0} {:>8.0}", "", point.size, point.cpu, point.memory);
        }
        let (cpu, memory) =
            (slope(&points, |point| point.cpu), slope(&points, |point| point.memory * 1000.0));
        println!("{:<12} {:>8} {cpu:>10.3} ms and {memory:.1} kB more for each\n", "", "");
        curves.push((axis, points));
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/growth.svg");
    draw::draw(file, &curves);
    println!("{file}");
}

/// By how much a value grows with each unit: the line of least squares.
fn slope(points: &[Point], of: fn(&Point) -> f64) -> f64 {
    let mean = |value: &dyn Fn(&Point) -> f64| points.iter().map(value).sum::<f64>() / points.len() as f64;
    let (size, value) = (mean(&|point| point.size as f64), mean(&of));
    let together = mean(&|point| (point.size as f64 - size) * (of(point) - value));
    together / mean(&|point| (point.size as f64 - size).powi(2))
}

/// The best of a few judgings, each by a process of its own: everything else on the machine only adds to it.
fn best(axis: &Axis, size: usize) -> Point {
    let one = |_| {
        let own = std::env::current_exe().expect("a path");
        let output =
            Process::new(own).args(["judge", axis.name, &size.to_string()]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut figures = text.split_whitespace().map(|figure| figure.parse().expect("a figure"));
        let mut next =
            || figures.next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        Point { size, cpu: next(), memory: next() }
    };
    let mut points: Vec<Point> = (0..ROUNDS).map(one).collect();
    points.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    points[0]
}

/// Judges a server of that size, and prints CPU time and memory of this process.
fn judge(axis: &str, size: usize) {
    let args = ["serve", axis, &size.to_string()].map(Into::into).to_vec();
    let program = std::env::current_exe().expect("a path").into();
    let mut plan =
        plan(Target::Command(Command { program, args, ..Command::default() }), Revision::V2025_11_25);
    plan.policy.tools = Tools::ReadOnly;
    plan.jobs = if axis == "flight" { size } else { 4 };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (events, mut incoming) = unbounded_channel();
        let judging = async {
            run(&plan, &events).await;
            drop(events);
        };
        tokio::join!(judging, async { while incoming.recv().await.is_some() {} });
    });
    let (cpu, memory) = usage();
    println!("{cpu} {memory}");
}
