//! What is shown before a question: lines of our own making, so that a stranger's text cannot pass for ours or push
//! something out of sight.

use std::io::IsTerminal as _;

use skiff_text::wrap;

use crate::command_error::Result;
use crate::console::Console;
use crate::output::note;

/// The size of a terminal that does not say which it has.
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// Returns how wide lines may be.
pub(crate) fn columns() -> usize {
    size().0.clamp(40, 100)
}

fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or((COLUMNS, ROWS), |size| (size.ws_col.into(), size.ws_row.into()))
}

/// Writes a text in bold.
pub(crate) fn strong(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m")
}

/// Wraps a text into lines that start with spaces.
pub(crate) fn indented(spaces: usize, text: &str, columns: usize) -> Vec<String> {
    let lines = wrap(text, columns.saturating_sub(spaces));
    lines.into_iter().map(|line| format!("{:spaces$}{line}", "")).collect()
}

/// Shows lines, a page at a time where the terminal is too low for all of them. Returns whether the user read to the end.
pub(crate) fn show(console: &Console, lines: &[String]) -> Result<bool> {
    let page = size().1.saturating_sub(2).max(8);
    if !std::io::stdin().is_terminal() || lines.len() <= page {
        lines.iter().for_each(|line| note!("{line}"));
        return Ok(true);
    }
    let mut pages = lines.chunks(page).peekable();
    while let Some(page) = pages.next() {
        page.iter().for_each(|line| note!("{line}"));
        if pages.peek().is_some() && !console.go_on() {
            return Ok(false);
        }
    }
    Ok(true)
}
