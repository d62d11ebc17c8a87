//! Writing to the user. A reader that has seen enough closes its end, and that is nobody's fault.

use std::fmt;
use std::io;
use std::io::IsTerminal as _;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use skiff_text::harmless;

/// Whether something that was meant for stdout is lost, other than because nobody wanted to read on.
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

/// Writes a line of data to stdout.
pub(crate) fn write_data(line: fmt::Arguments<'_>) {
    note_loss(&writeln!(anstream::stdout(), "{line}"));
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
    let _ = writeln!(anstream::stderr(), "{line}");
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
