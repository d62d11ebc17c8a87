//! The terminal: where lines are shown and questions asked.

use std::io::IsTerminal as _;
use std::io::Write as _;

use rustix::termios::QueueSelector;
use skiff_project::Dialog;
use skiff_project::Line;

use crate::interrupt::Interrupt;
use crate::output::note;

/// The size of a terminal that does not say which it has.
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// The terminal of this process.
#[derive(Debug)]
pub(crate) struct Terminal {
    interrupt: Interrupt,
}

impl Terminal {
    pub(crate) fn new(interrupt: Interrupt) -> Self {
        Self { interrupt }
    }
}

impl Dialog for Terminal {
    fn is_answered(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn is_attended(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    fn columns(&self) -> usize {
        columns_for(size().0)
    }

    /// Shows a page at a time where the terminal is too low for all of them.
    fn show(&self, lines: &[Line]) -> bool {
        if !self.is_answered() {
            lines.iter().for_each(print);
            return true;
        }
        let mut pages = pages(lines, size()).into_iter().peekable();
        while let Some(page) = pages.next() {
            page.iter().for_each(print);
            let goes_on = |answer: Option<String>| answer.is_some_and(|answer| answer.is_empty());
            if pages.peek().is_some() && !goes_on(self.answer("-- more: Enter goes on, q refuses -- ")) {
                return false;
            }
        }
        true
    }

    /// Text that was typed before the question is not an answer: the user had not read the question.
    fn answer(&self, question: &str) -> Option<String> {
        let mut stderr = anstream::stderr();
        // It fails only where there is no terminal.
        let _ = rustix::termios::tcflush(std::io::stdin(), QueueSelector::IFlush);
        // If the question cannot be shown, the answer is not yes.
        let _ = write!(stderr, "{question}");
        let _ = stderr.flush();
        let mut answer = String::new();
        let read = self.interrupt.asking(|| std::io::stdin().read_line(&mut answer).is_ok_and(|count| count > 0));
        read.then(|| answer.trim().to_owned())
    }

    fn lend(&self) {
        self.interrupt.pass();
    }

    fn take_back(&self) {
        self.interrupt.listen_again();
    }
}

/// Returns how wide lines are on a terminal of so many columns.
fn columns_for(columns: usize) -> usize {
    columns.clamp(40, 100)
}

/// Divides lines into pages that fit a terminal of so many columns and rows, with room for a question below the last.
fn pages(lines: &[Line], (columns, rows): (usize, usize)) -> Vec<&[Line]> {
    // Below the last page stands one row of a question, which a narrow terminal breaks, and the row of the cursor.
    let asked = columns_for(columns).div_ceil(columns.max(1));
    let page = rows.saturating_sub(1 + asked).max(1);
    let (mut pages, mut start, mut used) = (Vec::new(), 0, 0);
    for (number, line) in lines.iter().enumerate() {
        // A terminal that is narrower than any line breaks it.
        let takes = skiff_text::width(&line.text).div_ceil(columns.max(1)).max(1);
        if used + takes > page && number > start {
            pages.extend(lines.get(start..number));
            (start, used) = (number, 0);
        }
        used += takes;
    }
    pages.extend(lines.get(start..));
    pages
}

fn print(line: &Line) {
    match line.strong {
        true => note!("\x1b[1m{}\x1b[0m", line.text),
        false => note!("{}", line.text),
    }
}

fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or((COLUMNS, ROWS), |size| (size.ws_col.into(), size.ws_row.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fit_the_rows_of_the_terminal() {
        let lines: Vec<Line> = (0..50).map(|number| Line::plain(number.to_string())).collect();
        assert_eq!(pages(&lines, (80, 24)).iter().map(|page| page.len()).collect::<Vec<_>>(), [22, 22, 6]);
        let wide: Vec<Line> = (0..6).map(|_| Line::plain("x".repeat(80))).collect();
        assert_eq!(pages(&wide, (40, 8)).len(), 2);
        assert_eq!(pages(&wide, (20, 9)).len(), 6);
        assert_eq!(pages(&wide, (1, 1)).len(), 6);
    }
}
