//! A block as text for a terminal or a file.

use super::{Block, Frame, Row, Value};
use crate::report::paint::{Paint, Tone};
use crate::report::text;

/// Where the values begin: labels end two columns before.
const COLUMN: usize = 12;
/// The widest line on which the tags still stand at the right edge, and to which sentences are set.
const WIDEST: usize = 110;

/// The columns for a value.
pub(super) fn room(width: usize) -> usize {
    width.saturating_sub(COLUMN).max(40)
}

impl Block {
    /// The block as lines of text, each with its line end.
    pub fn render(&self, paint: Paint, width: usize) -> String {
        let mut out = self.heading(paint, width);
        let message =
            self.message.iter().flat_map(|line| text::wrap(line, width.saturating_sub(5).min(WIDEST)));
        message.for_each(|line| out.push_str(&format!("     {line}\n")));
        self.rows.iter().for_each(|row| out.push_str(&row.render(paint, width)));
        out
    }

    fn heading(&self, paint: Paint, width: usize) -> String {
        let used =
            [self.word, &self.title, &self.tags].map(|text| text.chars().count()).iter().sum::<usize>() + 1;
        if self.tags.is_empty() {
            let word = paint.paint(Tone::of(self.verdict), self.word);
            return format!("{word} {}\n", paint.paint(Tone::Strong, &self.title));
        }
        let gap = width.min(WIDEST).saturating_sub(used).max(3);
        format!(
            "{} {}{:gap$}{}\n",
            paint.paint(Tone::of(self.verdict), self.word),
            paint.paint(Tone::Strong, &self.title),
            "",
            paint.paint(Tone::Dim, &self.tags)
        )
    }
}

impl Row {
    fn render(&self, paint: Paint, width: usize) -> String {
        if let Value::Diff(lines) = &self.value {
            return lines.iter().map(|line| format!("     {}\n", diff_line(line, paint))).collect();
        }
        let labels = std::iter::once(self.label).chain(std::iter::repeat(""));
        let labels =
            labels.map(|label| paint.paint(Tone::Dim, &format!("{label:>place$}  ", place = COLUMN - 2)));
        labels.zip(self.lines(paint, width)).map(|(label, line)| format!("{label}{line}\n")).collect()
    }

    fn lines(&self, paint: Paint, width: usize) -> Vec<String> {
        match &self.value {
            Value::Lines(lines) | Value::Diff(lines) => {
                lines.iter().flat_map(|line| text::fold(line, room(width))).collect()
            }
            Value::Wire(frames) => frames.iter().map(|frame| frame.render(paint, width)).collect(),
            Value::Link(text) | Value::Command(text) => vec![text.clone()],
        }
    }
}

impl Frame {
    fn render(&self, paint: Paint, width: usize) -> String {
        let data = self.brief(room(width).saturating_sub(40).max(40));
        let line = format!("{:<4} {:>7}  {}  {data}", self.number, self.at, self.dir);
        match self.culprit {
            true => paint.paint(Tone::Bad, &format!("{line}   <<")),
            false => line,
        }
    }
}

fn diff_line(line: &str, paint: Paint) -> String {
    let tone = match line.as_bytes().first() {
        Some(b'+') => Tone::Good,
        Some(b'-') => Tone::Bad,
        Some(b'@') => Tone::Dim,
        Some(_) | None => Tone::Plain,
    };
    paint.paint(tone, line)
}
