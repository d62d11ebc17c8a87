//! Writing to the user. A reader that has seen enough closes its end, and that is nobody's fault.

use std::fmt;
use std::io::IsTerminal as _;
use std::io::Write as _;

use skiff_plan::harmless;

/// Writes a line of data to stdout.
pub(crate) fn write_data(line: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stdout(), "{line}");
}

/// Writes what a plugin printed to stdout: as it is to a file or a pipe, without control sequences to a terminal.
pub(crate) fn write_plugin(bytes: &[u8]) {
    let mut stdout = std::io::stdout();
    let _ = match stdout.is_terminal() {
        true => stdout.write_all(harmless(&String::from_utf8_lossy(bytes)).as_bytes()),
        false => stdout.write_all(bytes),
    };
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
