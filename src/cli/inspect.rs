//! `mcp-conform inspect`: what a server offers, and one call on request.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use super::options::{Basics, Judging};
use super::over::Over;
use super::screen::{self, When};
use super::{Usage, complain};
use crate::report::Inspection;
use crate::report::paint::Paint;
use crate::runner::{ExitCode, Offer, Question, look};

/// Arguments of `inspect`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    target: Over<Looking>,
}

/// What to look at, and how to show it.
#[derive(clap::Args, Debug)]
struct Looking {
    #[command(flatten)]
    basics: Basics,
    /// Call a tool with these arguments, a JSON object; may be repeated
    #[arg(long, num_args = 2, value_names = ["TOOL", "JSON"], help_heading = "Requests")]
    call: Vec<String>,
    /// Read a resource; may be repeated
    #[arg(long, value_name = "URI", help_heading = "Requests")]
    read: Vec<String>,
    /// Get a prompt with these arguments, a JSON object; may be repeated
    #[arg(long, num_args = 2, value_names = ["PROMPT", "JSON"], help_heading = "Requests")]
    get: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Show every message that crossed the wire, too
    #[arg(short, long)]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
}

/// Runs the command: exit code 1 when a request was answered with an error, 4 when one was not answered.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (looking, part) = args.target.part(|own| Judging::of(own.basics.clone()))?;
    let questions = looking.questions()?;
    let plan = &part.plan;
    let seen = match part.start().await {
        Ok(_host) => look(plan, &questions).await,
        Err(error) => Err(error.to_string()),
    };
    let offers = match seen {
        Ok(offers) => offers,
        Err(problem) => {
            complain(&plan.secrets.mask(&problem));
            return Ok(ExitCode::Unreachable);
        }
    };
    let (target, secrets) = (&plan.info, &plan.secrets);
    let inspection = Inspection { target, offers: &offers, secrets, wire: looking.verbose };
    let mut out = std::io::stdout().lock();
    match looking.json {
        true => inspection.json(&mut out)?,
        false => {
            let paint = Paint { colour: looking.color.is_now(out.is_terminal()) };
            out.write_all(inspection.text(paint, screen::width()).as_bytes())?;
        }
    }
    Ok(exit(&offers))
}

fn exit(offers: &[Offer]) -> ExitCode {
    let answers = || offers.iter().flat_map(|offer| &offer.answers);
    let is_error = |reply: &Value| reply.get("error").is_some() || reply["result"]["isError"] == true;
    match () {
        () if answers().any(|answer| answer.problem.is_some()) => ExitCode::Inconclusive,
        () if answers().any(|answer| is_error(&answer.reply)) => ExitCode::Findings,
        () => ExitCode::Clean,
    }
}

impl Looking {
    fn questions(&self) -> Result<Vec<Question>, Usage> {
        let mut questions = Vec::new();
        for pair in self.call.chunks_exact(2) {
            questions.push(Question::call(&pair[0], arguments("--call", pair)?));
        }
        questions.extend(self.read.iter().map(|uri| Question::read(uri)));
        for pair in self.get.chunks_exact(2) {
            questions.push(Question::get(&pair[0], arguments("--get", pair)?));
        }
        Ok(questions)
    }
}

fn arguments(option: &str, pair: &[String]) -> Result<Value, Usage> {
    let (name, text) = (&pair[0], &pair[1]);
    let wrong = |problem: String| {
        Usage(format!(
            "{option} {name}: the arguments must be a JSON object such as '{{\"text\": \"hi\"}}': {problem}"
        ))
    };
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(wrong(format!("`{text}` is none"))),
        Err(error) => Err(wrong(error.to_string())),
    }
}
