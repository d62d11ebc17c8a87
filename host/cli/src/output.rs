//! Writing to the user. A reader that has seen enough closes its end, and that is nobody's fault.

use std::fmt;
use std::io::Write as _;

/// Writes a line of data to stdout.
pub(crate) fn write_data(line: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stdout(), "{line}");
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
