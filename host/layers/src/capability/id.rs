//! The names under which capabilities are granted.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::de::Error;
use serde::de::Visitor;
use skiff_text::shown;

use super::Kind;

/// The name under which running the scripts of a layer is granted. No manifest declares it.
pub const SHELL: &str = "shell";

/// The name under which a capability is granted: `write:target/etc`, `tool:mkimage#` and a digest, `shell`.
///
/// The name of a tool ends in the SHA-256 of its argument patterns, so that a manifest with other
/// patterns asks again. All 64 digits are there: the author of a manifest chooses the patterns on both
/// sides, and finds two lists with the same few digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CapabilityId(String);

/// A text is not the name of a capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a capability", shown(.0))]
pub struct UnknownCapability(pub String);

impl CapabilityId {
    /// Names what a manifest declares.
    pub(super) fn of(name: String) -> Self {
        Self(name)
    }

    /// Names running the scripts of a layer.
    pub fn shell() -> Self {
        Self(SHELL.to_owned())
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as people are shown it and may write it: of a tool without the digest, which
    /// stands for the patterns of the present manifest.
    pub fn shown(&self) -> &str {
        self.0.split('#').next().unwrap_or(&self.0)
    }

    /// Returns whether the user means it by a word.
    pub fn is_meant(&self, word: &str) -> bool {
        word == self.0 || word == self.shown()
    }

    /// Returns whether a grant of it includes another capability: the same, or less of it.
    pub fn covers(&self, wanted: &Self) -> bool {
        if self == wanted {
            return true;
        }
        match (split(&self.0), split(&wanted.0)) {
            (Some((kind, granted)), Some((_, wanted))) if kind.words.contains(&wanted.0) => {
                (kind.covers)(granted, wanted)
            }
            _ => false,
        }
    }
}

/// Splits a name into its kind, its word and the rest.
fn split(name: &str) -> Option<(&'static Kind, (&str, &str))> {
    let (word, rest) = name.split_once(':')?;
    Kind::of(word).map(|kind| (kind, (word, rest)))
}

/// Returns names as people are shown them.
pub fn shown_capabilities<'i>(ids: impl IntoIterator<Item = &'i CapabilityId>) -> String {
    ids.into_iter().map(CapabilityId::shown).collect::<Vec<_>>().join(" ")
}

impl FromStr for CapabilityId {
    type Err = UnknownCapability;

    fn from_str(name: &str) -> Result<Self, UnknownCapability> {
        let is_known = name == SHELL || split(name).is_some_and(|(kind, (word, rest))| (kind.is_name)(word, rest));
        if is_known { Ok(Self(name.to_owned())) } else { Err(UnknownCapability(name.to_owned())) }
    }
}

impl fmt::Display for CapabilityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CapabilityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

/// Checks a name while its place in the document is known, so that an error has its line.
struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = CapabilityId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a capability")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<CapabilityId, E> {
        name.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use skiff_digest::Digest;

    use super::*;

    fn id(name: &str) -> CapabilityId {
        name.parse().unwrap()
    }

    #[test]
    fn names_that_no_capability_has_are_mistakes() {
        for known in [
            "read:layer",
            "read:layers/metadata",
            "write:images",
            "tool:sh#1",
            "tool:sh",
            "fetch:https://e.org/",
            "variable:X",
            "shell",
        ] {
            assert_eq!(id(known).as_str(), known);
        }
        for wrong in [
            "",
            "read",
            "read:",
            "read:layer/",
            "read:target/../etc",
            "raed:layer",
            "write:host",
            "write:layers",
            "tool:",
            "tool:/bin/sh",
            "tool:sh#",
            "fetch:ftp://e.org/",
            "variable:1",
            "all",
            "shell:x",
        ] {
            assert_eq!(wrong.parse::<CapabilityId>(), Err(UnknownCapability(wrong.to_owned())));
        }
    }

    #[test]
    fn less_of_what_was_granted_is_granted_and_nothing_else() {
        let less = [
            ("write:target", "write:target/etc"),
            ("write:target/etc", "read:target/etc/x"),
            ("read:layers", "read:layers/resources"),
            ("fetch:https://e.org/a/", "fetch:https://e.org/a/b"),
            ("tool:x#1", "tool:x#1"),
            ("shell", "shell"),
        ];
        assert!(less.iter().all(|(granted, wanted)| id(granted).covers(&id(wanted))));
        let other = [
            ("write:target/etc", "write:target"),
            ("write:target/etc", "write:target/etcetera"),
            ("read:target", "write:target"),
            ("read:layer", "read:layers"),
            ("tool:x#1", "tool:x#2"),
            ("tool:x", "tool:xy"),
            ("tool:x", "tool:x#1"),
            ("fetch:https://e.org/a", "fetch:https://e.org/ab"),
            ("variable:X", "variable:XY"),
            ("shell", "read:target"),
            ("read:target", "shell"),
        ];
        assert!(other.iter().all(|(granted, wanted)| !id(granted).covers(&id(wanted))));
    }

    #[test]
    fn a_tool_is_granted_with_all_of_its_patterns() {
        let tool = |pattern: &str| {
            let manifest = format!(
                "schema: 1\nplugins:\n  - {{name: p, version: 1.0.0, component: p.wasm, interface: ^1.0, hooks: [pre], \
                 capabilities: [{{tool: sh, why: runs, arguments: ['{pattern}']}}]}}"
            );
            let manifest = crate::parse_manifest(std::path::Path::new("/l"), &manifest).unwrap();
            manifest.plugins[0].capabilities[0].id()
        };
        let (one, other) = (tool("-c a"), tool("-c b"));
        assert_ne!(one, other);
        assert!(Digest::parse(one.as_str().split_once('#').unwrap().1).is_some(), "{one}");
        assert!(one.is_meant("tool:sh") && one.shown() == "tool:sh" && id(one.as_str()) == one);
    }
}
