//! What a plugin may be able to do, as its manifest declares it: a module for each kind of capability.
//!
//! This is plain data. What the host does for each kind is the runtime's, in a module of the same name.

mod fetch;
mod files;
mod id;
mod tool;
mod variable;
mod zone;

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use skiff_digest::Digest;
use skiff_text::Line;

pub use self::fetch::Address;
pub use self::files::Access;
pub use self::id::CapabilityId;
pub use self::id::SHELL;
pub use self::id::UnknownCapability;
pub use self::id::shown_capabilities;
pub use self::tool::ArgumentPattern;
pub use self::tool::PatternPiece;
pub use self::tool::ToolCapability;
pub use self::variable::Variable;
pub(crate) use self::variable::is_declarable;
pub use self::variable::is_variable;
pub use self::zone::Zone;

/// The reason for a capability: a sentence that the user reads before agreeing.
pub type Why = Line<240>;

/// Characters of a pattern of arguments.
const MAX_PATTERN: usize = 160;

/// One power that a plugin asks for. The list is closed: an unknown word in a manifest is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Access to files.
    Files(Access),
    /// Running one program of the host.
    Tool(ToolCapability),
    /// Having the host download files whose digests are known.
    Fetch(Address),
    /// Being told an environment variable.
    Variable(Variable),
}

/// A kind of capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapabilityKind {
    /// [`Capability::Files`].
    Files,
    /// [`Capability::Tool`].
    Tool,
    /// [`Capability::Fetch`].
    Fetch,
    /// [`Capability::Variable`].
    Variable,
}

/// The kinds, in the order in which messages list their keys.
const KINDS: &[Kind] = &[files::KIND, tool::KIND, fetch::KIND, variable::KIND];

impl CapabilityKind {
    /// Returns the words before the `:` of its names. All but `variable` are keys of a manifest, too.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Files => files::KIND.words,
            Self::Tool => tool::KIND.words,
            Self::Fetch => fetch::KIND.words,
            Self::Variable => variable::KIND.words,
        }
    }
}

impl Capability {
    /// Returns its kind.
    pub fn kind(&self) -> CapabilityKind {
        self.parts().0
    }

    fn declared(&self) -> &dyn Declared {
        self.parts().1
    }

    fn parts(&self) -> (CapabilityKind, &dyn Declared) {
        match self {
            Self::Files(access) => (CapabilityKind::Files, access),
            Self::Tool(tool) => (CapabilityKind::Tool, tool),
            Self::Fetch(address) => (CapabilityKind::Fetch, address),
            Self::Variable(variable) => (CapabilityKind::Variable, variable),
        }
    }

    /// Returns the name under which it is granted.
    pub fn id(&self) -> CapabilityId {
        let (name, digest) = (self.declared().name(), self.declared().digest());
        CapabilityId::of(digest.map_or_else(|| name.clone(), |digest| format!("{name}#{digest}")))
    }

    /// Returns the reason that the manifest gives.
    pub fn why(&self) -> &str {
        self.declared().why()
    }

    /// Returns how far it reaches.
    pub fn reach(&self) -> Reach {
        self.declared().reach()
    }

    /// Returns the patterns that each use of it must fit, if it has patterns.
    pub fn terms(&self) -> Option<Vec<&str>> {
        self.declared().terms()
    }

    /// Returns what the user must know of it, besides its name and reason, before agreeing.
    pub fn warning(&self) -> Option<&'static str> {
        self.declared().warning()
    }

    /// Returns whether a call with it sees more of the system than the plugin's own layer and state.
    pub fn needs_plan(&self) -> bool {
        self.declared().needs_plan()
    }

    /// Returns whether a call with it leaves something in the workspace.
    pub fn uses_workspace(&self) -> bool {
        self.declared().uses_workspace()
    }

    /// Returns whether it lets a plugin change files of a zone.
    pub fn writes(&self, zone: Zone) -> bool {
        matches!(self, Self::Files(access) if access.write && access.zone == zone)
    }
}

impl fmt::Display for Capability {
    /// Writes the name as people are shown it: `read:layers/resources/docker`, `tool:mkimage`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.declared().name())
    }
}

/// How far a capability reaches. A question lists what reaches furthest last, beside the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It is told something.
    Told,
    /// It reads files.
    Reads,
    /// It changes files.
    Changes,
    /// It has the host talk to other machines.
    Fetches,
    /// It runs programs of the host.
    Runs,
    /// It runs programs at the user's terminal.
    Terminal,
}

/// What a declared capability says of itself.
trait Declared {
    /// Returns its name without the digest.
    fn name(&self) -> String;

    /// Returns a digest of what else a grant is bound to.
    fn digest(&self) -> Option<Digest> {
        None
    }

    /// See [`Capability::why`].
    fn why(&self) -> &str;

    /// See [`Capability::reach`].
    fn reach(&self) -> Reach;

    /// See [`Capability::terms`].
    fn terms(&self) -> Option<Vec<&str>> {
        None
    }

    /// See [`Capability::warning`].
    fn warning(&self) -> Option<&'static str> {
        None
    }

    /// See [`Capability::needs_plan`].
    fn needs_plan(&self) -> bool;

    /// See [`Capability::uses_workspace`].
    fn uses_workspace(&self) -> bool;
}

/// What a module says of its kind of capability.
struct Kind {
    /// The words before the `:` of a name. If there is a form, they are its keys, too.
    words: &'static [&'static str],
    /// Returns whether a word and the text behind the `:` are a name.
    is_name: fn(&str, &str) -> bool,
    /// Returns whether a grant includes another capability of the kind. Each is a word and the text
    /// behind the `:`, and they differ.
    covers: fn((&str, &str), (&str, &str)) -> bool,
    /// How a list of capabilities declares one; `None` if other parts of a manifest do.
    form: Option<Form>,
}

/// How a list of capabilities declares one of a kind.
struct Form {
    /// Returns how many keys of the kind an entry has.
    given: fn(&RawCapability) -> usize,
    /// Returns what is wrong if an entry has no key of the kind, and other fields that need one.
    stray: fn(&RawCapability) -> Option<&'static str>,
    /// Checks an entry. `None` if it has no key of the kind. The error is a sentence.
    declare: fn(&RawCapability) -> Option<Result<Capability, String>>,
}

impl Kind {
    fn of(word: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.words.contains(&word))
    }
}

/// The manifest's form: exactly one of `read`, `write`, `tool` and `fetch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Capability")]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCapability {
    /// A zone whose files may be read.
    read: Option<Zone>,
    /// A zone whose files may be changed.
    write: Option<Zone>,
    /// The bare name of a program of the host that may be run.
    tool: Option<String>,
    /// Where the host may download from: a whole URL, or the start of one, ending in `/`.
    fetch: Option<String>,
    /// For `read` and `write`: the directory of the zone that is meant, instead of all of it.
    #[serde(default)]
    path: Option<String>,
    /// For `tool`: the groups of arguments that may be used, such as `-d {path:images}`.
    #[serde(default, deserialize_with = "tool::written_patterns")]
    #[schemars(with = "Vec<Line<MAX_PATTERN>>")]
    arguments: Vec<Line<MAX_PATTERN>>,
    /// For `tool`: whether it may be connected to the user's terminal.
    #[serde(default)]
    terminal: bool,
    /// For `tool`: seconds after which a run without terminal is ended (60).
    #[serde(default)]
    timeout_s: Option<u32>,
    /// What the plugin needs it for. The user reads this before agreeing.
    why: Why,
}

impl RawCapability {
    /// Checks an entry of a list of capabilities. The error is a sentence.
    pub(crate) fn check(&self) -> Result<Capability, String> {
        if !self.why.chars().any(char::is_alphanumeric) {
            return Err("`why` needs a reason in words".into());
        }
        let (mut keys, mut given) = (Vec::new(), 0);
        for Kind { words, form, .. } in KINDS {
            let Some(form) = form else { continue };
            let here = (form.given)(self);
            if let Some(stray) = (form.stray)(self).filter(|_| here == 0) {
                return Err(stray.to_owned());
            }
            keys.extend(words.iter().map(|word| format!("`{word}`")));
            given += here;
        }
        let declare = |kind: &Kind| kind.form.as_ref().and_then(|form| (form.declare)(self));
        KINDS.iter().find_map(declare).filter(|_| given == 1).unwrap_or_else(|| {
            let last = keys.pop().unwrap_or_default();
            Err(format!("a capability is exactly one of {} and {last}", keys.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_key_of_a_kind_is_a_field_of_a_manifest() {
        let schema = schemars::schema_for!(RawCapability).to_value();
        let fields: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let forms = KINDS.iter().filter(|kind| kind.form.is_some());
        let keys: Vec<&str> = forms.flat_map(|kind| kind.words).copied().collect();
        assert_eq!(keys, ["read", "write", "tool", "fetch"]);
        assert!(keys.iter().all(|key| fields.contains(key)), "{fields:?}");
    }
}
