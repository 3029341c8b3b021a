//! Findings as commands to the log of a GitHub job, which shows them on the page of the run.

use super::diagnostic::{Block, Bounds, Gravity};
use super::{Report, findings};

/// Each finding and the problem of the run, one command a line; with `strict`, a warning is an error.
pub fn lines(report: &Report, strict: bool) -> String {
    let blocks = Block::of_problem(report).into_iter().chain(findings::blocks(report, Bounds::of_width(110)));
    blocks.map(|block| of_block(&block, strict)).collect()
}

fn of_block(block: &Block, strict: bool) -> String {
    let name = match block.gravity(strict) {
        Gravity::Failure => "error",
        Gravity::Warning => "warning",
        Gravity::Advice => "notice",
    };
    let rows = ["expected", "got", "spec", "rerun"].into_iter();
    let rows = rows.filter_map(|label| Some(format!("{label}: {}", block.row(label)?)));
    let tags = Some(block.tags.clone()).filter(|tags| !tags.is_empty());
    let message: Vec<String> = tags.into_iter().chain(block.message.iter().cloned()).chain(rows).collect();
    command(name, &format!("{} {}", block.word, block.title), &message.join("\n"))
}

fn command(name: &str, title: &str, message: &str) -> String {
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{name} title={title}::{}\n", data(message))
}

/// What a command says: everything on one line, and nothing that would end it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_or_begins_another() {
        let line = command("error", "a,file=b::c", "100%\n::error::x");
        assert_eq!(line, "::error title=a%2Cfile=b%3A%3Ac::100%25%0A::error::x\n");
    }
}
