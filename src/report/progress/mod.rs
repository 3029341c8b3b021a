//! What somebody sees who waits: what goes on now, in lines that are rewritten, where that can be done; elsewhere a line
//! whenever one of several servers begins or ends.

mod doing;

use std::io::{self, Write};

use super::{Reporter, text};
use crate::runner::Event;
use doing::Doing;

/// Lines are not continued in the next row: what is too wide is cut off.
const CUT: &str = "\u{1b}[?7l";
const WRAP: &str = "\u{1b}[?7h";
/// Clears everything from here on.
const CLEAR: &str = "\u{1b}[J";
const UP: &str = "\u{1b}[A";

/// A terminal on which lines can be rewritten.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Tells who waits.
pub struct Progress<W> {
    screen: Option<Screen>,
    alone: Doing,
    /// Those that are judged side by side, in the order in which they began.
    servers: Vec<(String, Doing)>,
    /// How many lines are there to be rewritten.
    drawn: usize,
    out: W,
}

impl<W: Write> Progress<W> {
    /// A reporter that rewrites its lines on a screen, or adds lines where there is none.
    pub fn new(out: W, screen: Option<Screen>) -> Self {
        Self { screen, alone: Doing::default(), servers: Vec::new(), drawn: 0, out }
    }

    /// One of several servers does something.
    fn beside(&mut self, server: &str, event: &Event) -> io::Result<()> {
        let known = self.servers.iter().position(|(name, _)| name == server);
        let at = known.unwrap_or_else(|| {
            self.servers.push((server.to_owned(), Doing::default()));
            self.servers.len() - 1
        });
        if !self.servers[at].1.on_event(event) {
            return Ok(());
        }
        let name = text::brief(server, 60);
        let begun = self.screen.is_none() && known.is_none();
        let end = self.servers[at].1.end();
        let kept = begun.then(|| "begun".to_owned()).into_iter().chain(end.map(str::to_owned));
        let kept: String = kept.map(|said| format!("  {name}: {said}\n")).collect();
        self.draw(&kept, &self.lines())
    }

    /// What every server that is not done yet is doing.
    fn lines(&self) -> Vec<String> {
        let waiting = self.servers.iter().filter(|(_, doing)| doing.end().is_none());
        waiting.map(|(name, doing)| format!("{}: {}", text::brief(name, 60), doing.line())).collect()
    }

    /// Writes what stays, and below it what is rewritten next time.
    fn draw(&mut self, kept: &str, lines: &[String]) -> io::Result<()> {
        let Some(screen) = self.screen else {
            self.out.write_all(kept.as_bytes())?;
            return self.out.flush();
        };
        let back = match self.drawn {
            0 => String::new(),
            drawn => format!("\r{}{CLEAR}", UP.repeat(drawn - 1)),
        };
        let width = screen.width.saturating_sub(3);
        let cut = |line: &String| format!("  {}", line.chars().take(width).collect::<String>());
        let shown: Vec<String> = lines.iter().take(screen.height.saturating_sub(1).max(1)).map(cut).collect();
        self.drawn = shown.len();
        write!(self.out, "{back}{kept}{CUT}{}{WRAP}", shown.join("\r\n"))?;
        self.out.flush()
    }
}

impl<W: Write + Send> Reporter for Progress<W> {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Beside(beside) => self.beside(&beside.server, &beside.event),
            Event::Finished(_) if self.drawn > 0 => self.draw("", &[]),
            Event::Finished(_) => Ok(()),
            // The whole story of one of several servers.
            _ if !self.servers.is_empty() => Ok(()),
            _ if self.alone.on_event(event) => self.draw("", &[self.alone.line()]),
            _ => Ok(()),
        }
    }
}
