use std::ffi::OsStr;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use crate::character::is_deceptive;

/// Text that cannot be refused, as messages show it: on one line, with escapes such as `\n` and `\u{202e}` for every
/// character that a terminal obeys or a reader cannot see.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'t>(Source<'t>);

#[derive(Debug, Clone, Copy)]
enum Source<'t> {
    Text(&'t str),
    System(&'t OsStr),
}

/// Shows a text.
pub fn shown<T: AsRef<str> + ?Sized>(text: &T) -> Escaped<'_> {
    Escaped(Source::Text(text.as_ref()))
}

/// Things that messages show escaped. Messages use this for paths instead of [`Path::display`], which lets line ends and
/// control sequences in names through.
pub trait Shown {
    /// Returns the escaped form.
    fn shown(&self) -> Escaped<'_>;
}

impl Shown for Path {
    fn shown(&self) -> Escaped<'_> {
        self.as_os_str().shown()
    }
}

impl Shown for OsStr {
    fn shown(&self) -> Escaped<'_> {
        Escaped(Source::System(self))
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::Text(text) => write(f, text),
            Source::System(text) => write(f, &text.to_string_lossy()),
        }
    }
}

fn write(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if !text.chars().any(is_deceptive) {
        return f.pad(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_deceptive(c) {
            true => write!(escaped, "{}", c.escape_default())?,
            false => escaped.push(c),
        }
    }
    f.pad(&escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_on_their_line() {
        assert_eq!(
            Path::new("a\nhint: run x\u{1b}[2J\u{202e}").shown().to_string(),
            r"a\nhint: run x\u{1b}[2J\u{202e}"
        );
        assert_eq!(format!("{:6}|{}", shown("ab"), shown("é \\")), "ab    |é \\");
    }
}
