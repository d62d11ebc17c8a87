//! Access to files: `read:layers/resources/docker`, `write:target/etc/docker`.

use super::Capability;
use super::Declared;
use super::Form;
use super::Kind;
use super::RawCapability;
use super::Reach;
use super::Why;
use super::Zone;

/// Bytes of a path in a zone.
const MAX_PATH: usize = 128;

const READ: &str = "read";
const WRITE: &str = "write";

pub(super) const KIND: Kind = Kind { words: &[READ, WRITE], is_name, covers, form: Some(FORM) };

const FORM: Form = Form {
    given: |raw| usize::from(raw.read.is_some()) + usize::from(raw.write.is_some()),
    stray: |raw| raw.path.is_some().then_some("`path` belongs to `read` and `write`"),
    declare,
};

/// Access to a directory inside a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The zone.
    pub zone: Zone,
    /// The directory in it, relative and without `..`; empty for the whole zone.
    pub path: String,
    /// Whether files may be changed.
    pub write: bool,
    /// The reason that the user is shown.
    pub why: Why,
}

impl Access {
    fn new(zone: Zone, path: String, write: bool, why: Why) -> Result<Self, String> {
        if write && !zone.writable() {
            return Err(format!("zone `{zone}` is read-only"));
        }
        if path.len() > MAX_PATH {
            return Err(format!("a path of more than {MAX_PATH} bytes does not fit into the question to the user"));
        }
        if !is_inner_path(&path) {
            return Err(format!(
                "`{path}` is not a relative path of plain characters without `.`, `..` and empty parts"
            ));
        }
        Ok(Self { zone, path, write, why })
    }

    /// Returns whether it includes another access: the same directory or one in it, to read or, if it
    /// may change files, to change.
    pub fn covers(&self, other: &Self) -> bool {
        covers((self.word(), &self.place()), (other.word(), &other.place()))
    }

    fn word(&self) -> &'static str {
        if self.write { WRITE } else { READ }
    }

    fn place(&self) -> String {
        match self.path.as_str() {
            "" => self.zone.to_string(),
            path => format!("{}/{path}", self.zone),
        }
    }
}

impl Declared for Access {
    fn name(&self) -> String {
        format!("{}:{}", self.word(), self.place())
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn reach(&self) -> Reach {
        if self.write { Reach::Changes } else { Reach::Reads }
    }

    fn needs_plan(&self) -> bool {
        match self.zone {
            Zone::Layer | Zone::State => false,
            Zone::Layers | Zone::Target | Zone::Images => true,
        }
    }

    fn uses_workspace(&self) -> bool {
        self.zone == Zone::State
    }
}

fn declare(raw: &RawCapability) -> Option<Result<Capability, String>> {
    let path = raw.path.clone().unwrap_or_default();
    Some(Access::new(raw.read.or(raw.write)?, path, raw.write.is_some(), raw.why.clone()).map(Capability::Files))
}

fn is_name(word: &str, place: &str) -> bool {
    let (zone, path) = place.split_once('/').map_or((place, None), |(zone, path)| (zone, Some(path)));
    let can_be = |zone: Zone| word == READ || zone.writable();
    Zone::named(zone).is_some_and(can_be) && path.is_none_or(|path| !path.is_empty() && is_inner_path(path))
}

fn covers((word, place): (&str, &str), (wanted, inner): (&str, &str)) -> bool {
    let is_inside = || inner.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (word == WRITE || wanted == READ) && is_inside()
}

/// Returns whether a path can only lead inside, and can stand in a command line as it is: relative, no `.` or
/// `..`, no empty part, plain characters.
fn is_inner_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+@-/".contains(&b);
    path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | "..")) && path.bytes().all(plain)
}
