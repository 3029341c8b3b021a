//! What runs in CI: the action's script with the variables that it would get, the examples as far as a machine without
//! their services can, the hooks, the Dockerfile, the library examples of the README.

mod command;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use command::{Folder, SELF, code, json, root, text};
use mcp_conform::catalogue::yaml;
use serde_json::Value;

/// A job: a folder, and programs that stand for what a runner has.
struct Job(Folder);

impl Job {
    /// `node` is the server; `npm` and `cargo` have nothing to do.
    fn new(name: &str, server: &str) -> Self {
        let folder = Folder::new(name);
        for (program, script) in [
            ("node", format!("exec {SELF} serve {server}")),
            ("mcp-conform", format!("exec {SELF} \"$@\"")),
            ("npm", String::new()),
            ("cargo", String::new()),
        ] {
            let path = folder.write(&format!("bin/{program}"), &format!("#!/bin/sh\n{script}\n"));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
        }
        Self(folder)
    }

    /// Runs a script as a runner does.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        let path = format!("{}:{}", self.0.file("bin"), std::env::var("PATH").expect("PATH"));
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.0.0)
            .env("PATH", path)
            .env("RUNNER_TEMP", &self.0.0)
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_OUTPUT", self.0.file("outputs"))
            .envs(variables.iter().copied())
            .output()
            .expect("bash runs")
    }

    /// Runs the action with these inputs, through action.yml.
    fn action(&self, inputs: &[(&str, &str)]) -> Output {
        let action = read("action.yml");
        let step = &action["runs"]["steps"][0];
        let input = |name: &str| {
            let given = inputs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            given.or_else(|| action["inputs"][name]["default"].as_str()).expect("a known input").to_owned()
        };
        for (name, _) in inputs {
            assert!(action["inputs"].get(*name).is_some(), "the action has no input {name}");
        }
        let variables: Vec<(String, String)> = step["env"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let value = value.as_str().unwrap_or_default();
                let of = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}"));
                (name.clone(), input(of.expect("an input")))
            })
            .collect();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.run(step["run"].as_str().expect("a script"), &variables)
    }

    /// The outputs of the action.
    fn output(&self, name: &str) -> String {
        let outputs = self.0.read("outputs");
        let line = outputs.lines().rfind(|line| line.starts_with(&format!("{name}=")));
        line.and_then(|line| line.split_once('=')).map(|(_, value)| value.to_owned()).expect("an output")
    }
}

fn read(name: &str) -> Value {
    yaml(&fs::read_to_string(root().join(name)).expect("a file"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

const QUICK: &str = "--revision 2025-11-25 --fuzz-cases 0";

#[test]
fn the_action_judges_and_tells_counts_and_paths() {
    let job = Job::new("action", "--fault resources.read.text-or-blob");
    let output = job.action(&[("command", "node 'dist/index.js'"), ("args", QUICK), ("junit", "mcp.xml")]);
    assert_eq!(code(&output), 1, "{}", text(&output));
    assert_eq!(
        (job.output("exit-code"), job.output("fail"), job.output("junit")),
        ("1".into(), "1".into(), "mcp.xml".into())
    );
    let report = json(&job.output("json"));
    for verdict in ["pass", "fail", "warn", "known", "not_observed", "not_applicable", "blocked", "error"] {
        assert_eq!(
            report["summary"][verdict].to_string(),
            job.output(&verdict.replace('_', "-")),
            "{verdict}"
        );
    }
    assert!(job.0.read("mcp.xml").contains("<testsuites"));
    let action = read("action.yml");
    for (name, _) in action["outputs"].as_object().expect("outputs") {
        job.output(name);
    }
    assert_eq!(code(&job.action(&[("command", "node x"), ("args", QUICK), ("fail", "false")])), 0);
}

#[test]
fn the_action_takes_baselines_profiles_addresses_and_configs() {
    let job = Job::new("inputs", "--fault resources.read.text-or-blob");
    job.0.write(
        "baseline.toml",
        "[[accepted]]\nrequirement = 'resources.read.text-or-blob'\nreason = 'known'\n",
    );
    job.0.write("profile.toml", "[options]\nrevision = '2025-11-25'\nfuzz-cases = 0\n");
    let output =
        job.action(&[("command", "node x"), ("profile", "profile.toml"), ("baseline", "baseline.toml")]);
    assert_eq!((code(&output), job.output("known")), (0, "1".to_owned()), "{}", text(&output));
    job.0.write(".mcp.json", r#"{"mcpServers": {"mine": {"command": "node", "args": ["x"]}}}"#);
    let output = job.action(&[("config", ".mcp.json"), ("profile", "profile.toml")]);
    assert!(code(&output) == 1 && text(&output).contains("mine · 2025-11-25"), "{}", text(&output));
    let url = [("url", "http://127.0.0.1:{port}/mcp"), ("command", "node --http '127.0.0.1:{port}'")];
    fs::write(job.0.0.join("bin/node"), format!("#!/bin/sh\nexec {SELF} serve \"$@\"\n")).expect("a program");
    let output = job.action(&[&url[..], &[("profile", "profile.toml"), ("shard", "1/2")]].concat());
    assert!(code(&output) == 0 && text(&output).contains("2025-11-25 · http"), "{}", text(&output));
    assert_eq!(code(&job.action(&[])), 2);
}

/// The scripts of a workflow's job, with its expressions filled in; steps that use an action of this repository run it.
fn run_workflow(job: &Job, steps: &Value, part: &str) {
    let fill = |text: &str| {
        let text = text.replace("${{ matrix.part }}", part).replace("${{ github.run_number }}", "7");
        text.replace("${{ steps.mcp.outputs.fail }}", &fill_output(job, &text, "fail"))
            .replace("${{ steps.mcp.outputs.pass }}", &fill_output(job, &text, "pass"))
    };
    for step in steps.as_array().expect("steps") {
        let output = match (step["run"].as_str(), step["uses"].as_str()) {
            (Some(script), _) => job.run(&fill(script), &[("FUZZ_TIME", "2s")]),
            (None, Some(action)) if action.starts_with("OWNER/mcp-conform@") => {
                let with = step["with"].as_object().expect("inputs");
                let inputs: Vec<(String, String)> = with
                    .iter()
                    .map(|(name, value)| (name.clone(), fill(value.as_str().expect("a text"))))
                    .collect();
                let inputs: Vec<(&str, &str)> =
                    inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                job.action(&inputs)
            }
            _ => continue,
        };
        assert_eq!(code(&output), 0, "{step}: {}", text(&output));
    }
}

fn fill_output(job: &Job, text: &str, name: &str) -> String {
    if text.contains("steps.mcp") { job.output(name) } else { String::new() }
}

#[test]
fn the_github_examples_run() {
    let job = Job::new("github", "--revision 2025-11-25");
    job.0.write("mcp-baseline.toml", "# Nothing is accepted.\n");
    let workflow = read("examples/github.yml");
    for part in ["1", "2", "3", "4"] {
        run_workflow(&job, &workflow["jobs"]["judge"]["steps"], part);
    }
    run_workflow(&job, &workflow["jobs"]["report"]["steps"], "");
    assert!(json(&job.0.file("all.json"))["summary"]["pass"].as_u64() > Some(100));

    let job = Job::new("nightly", "--revision 2025-11-25");
    let workflow = read("examples/nightly-fuzz.yml");
    run_workflow(&job, &workflow["jobs"]["fuzz"]["steps"], "2");
    run_workflow(&job, &workflow["jobs"]["report"]["steps"], "");
    assert!(json(&job.0.file("all.json"))["fuzz"]["executed"].as_u64() > Some(0));
}

#[test]
fn the_gitlab_example_runs() {
    let job = Job::new("gitlab", "--revision 2025-11-25");
    let file = read("examples/gitlab-ci.yml");
    let run = |name: &str, variables: &[(&str, &str)]| {
        for line in file[name]["script"].as_array().expect("a script") {
            let output = job.run(line.as_str().expect("a line"), variables);
            assert_eq!(code(&output), 0, "{line}: {}", text(&output));
        }
    };
    for index in ["1", "2", "3"] {
        run("mcp", &[("CI_NODE_INDEX", index), ("CI_NODE_TOTAL", "3")]);
    }
    run("mcp-report", &[]);
    run("mcp-fuzz", &[("FUZZ_TIME", "2s"), ("CI_PIPELINE_IID", "9")]);
    assert!(job.0.0.join("fuzz.xml").is_file());
}

#[test]
fn the_hooks_run() {
    let job = Job::new("hooks", "--revision 2025-11-25");
    let hooks = read(".pre-commit-hooks.yaml");
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let run = |id: &str, args: &[String]| {
        let hook = hooks.as_array().into_iter().flatten().find(|hook| hook["id"] == id).expect("a hook");
        job.run(&format!("{} {}", hook["entry"].as_str().expect("an entry"), args.join(" ")), &[])
    };
    let used = &read("examples/pre-commit.yaml")["repos"][0]["hooks"][0];
    let output = run(used["id"].as_str().expect("an id"), &words(&used["args"]));
    assert_eq!(code(&output), 0, "{}", text(&output));
    job.0.write(".mcp.json", r#"{"mcpServers": {"mine": {"command": "node"}}}"#);
    let output = run("mcp-conform-config", &words(&hooks[1]["args"]));
    assert_eq!(code(&output), 0, "{}", text(&output));
}

#[test]
fn the_dockerfile_copies_what_is_there() {
    let text = fs::read_to_string(root().join("Dockerfile")).expect("a file");
    let copies: Vec<&str> =
        text.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")).collect();
    let sources = copies.iter().flat_map(|line| line.split_whitespace().skip(1)).filter(|word| *word != "./");
    let sources: Vec<&str> = sources.collect();
    for needed in ["Cargo.toml", "Cargo.lock", "build.rs", "src", "cases", "benches"] {
        assert!(sources.contains(&needed), "{needed} is not copied");
    }
    assert!(sources.iter().all(|source| root().join(source).exists()), "{sources:?}");
    assert!(text.contains("ENTRYPOINT [\"mcp-conform\"]"));
}

#[test]
fn the_library_examples_of_the_readme_are_those_that_tests_run() {
    let root = root();
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    for name in ["judge", "probe"] {
        let test = root.join(format!("fixtures/rmcp/tests/{name}.rs"));
        let test = fs::read_to_string(test).expect("the test");
        let example =
            test.split("// README: begin\n").nth(1).and_then(|rest| rest.split("// README: end").next());
        let example = example.expect("marks in the test");
        assert!(readme.contains(&format!("```rust\n{example}```\n")), "the README shows another {name}");
    }
}
