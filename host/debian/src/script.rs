use std::ops::Deref;

use crate::gap::Gap;
use crate::shell::Call;
use crate::shell::calls;

/// A package: its name, and the text of its `postinst` if it has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// The name.
    pub name: String,
    /// The script.
    pub postinst: Option<String>,
}

/// A command of a postinst.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    call: Call,
    /// Whether a mechanism carried it out.
    pub(crate) is_taken: bool,
}

impl Deref for Command {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

/// The commands of a package.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) package: String,
    pub(crate) calls: Vec<Command>,
}

impl Script {
    /// Reads the postinst of a package. A script that cannot be read is a gap, and has no commands.
    pub(crate) fn read(package: &str, text: Option<&str>) -> (Self, Option<Gap>) {
        let (calls, gap) = match text.map_or(Ok(Vec::new()), calls) {
            Ok(calls) => (calls, None),
            Err(error) => (Vec::new(), Some(Gap::Script { package: package.to_owned(), reason: error.to_string() })),
        };
        let calls = calls.into_iter().map(|call| Command { call, is_taken: false }).collect();
        (Self { package: package.to_owned(), calls }, gap)
    }
}
