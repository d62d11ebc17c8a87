//! Writing to the user. A reader may close its end early; that is not an error.

use std::fmt;
use std::io;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use skiff_text::harmless;

/// Whether output for stdout was lost for another reason than a reader that closed its end.
static LOST: AtomicBool = AtomicBool::new(false);

fn note_loss(result: &io::Result<()>) {
    if result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Returns whether data was lost on its way to stdout.
pub(crate) fn is_lost() -> bool {
    note_loss(&std::io::stdout().flush());
    LOST.load(Ordering::Relaxed)
}

/// The only control sequences that skiff writes: bold, dim, colours, and back to normal.
const STYLES: [&str; 9] =
    ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

/// Returns text with skiff's own styles and without any other control sequence.
fn plain(line: fmt::Arguments<'_>) -> String {
    let line = line.to_string();
    if !line.contains(|c: char| c.is_control() && c != '\n' || !c.is_ascii()) {
        return line;
    }
    let mut clean = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(at) = rest.find('\x1b') {
        let (text, sequence) = rest.split_at(at);
        clean += &harmless(text);
        match STYLES.iter().find(|style| sequence.starts_with(**style)) {
            Some(style) => {
                clean += style;
                rest = sequence.get(style.len()..).unwrap_or_default();
            }
            // The sequence as a whole is left out.
            None => {
                let next = sequence.get(1..).and_then(|later| later.find('\x1b')).map_or(sequence.len(), |at| at + 1);
                let (strange, later) = sequence.split_at(next);
                clean += &harmless(strange);
                rest = later;
            }
        }
    }
    clean + &harmless(rest)
}

/// Writes a line of data to stdout.
pub(crate) fn write_data(line: fmt::Arguments<'_>) {
    note_loss(&writeln!(anstream::stdout(), "{}", plain(line)));
}

/// Writes what a plugin printed to stdout: as it is to a file or a pipe, without control sequences to a terminal.
pub(crate) fn write_plugin(bytes: &[u8]) {
    let mut stdout = std::io::stdout();
    note_loss(&match stdout.is_terminal() {
        true => stdout.write_all(harmless(&String::from_utf8_lossy(bytes)).as_bytes()),
        false => stdout.write_all(bytes),
    });
}

/// Writes a line to stderr.
pub(crate) fn write_note(line: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{}", plain(line));
}

/// Writes a line of data to stdout.
macro_rules! data {
    ($($argument:tt)*) => { crate::output::write_data(format_args!($($argument)*)) };
}

/// Writes a line to stderr.
macro_rules! note {
    ($($argument:tt)*) => { crate::output::write_note(format_args!($($argument)*)) };
}

pub(crate) use data;
pub(crate) use note;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_styles_reach_a_terminal() {
        let text = "\x1b[1mname\x1b[0m a\x1b[2J\x1b]0;title\x07b\u{202e}\x1b[8mc\x1b[31md";
        assert_eq!(plain(format_args!("{text}")), "\x1b[1mname\x1b[0m ab".to_owned() + "c\x1b[31md");
        assert_eq!(plain(format_args!("é – “x”\tb\n")), "é – “x”\tb\n");
    }
}
