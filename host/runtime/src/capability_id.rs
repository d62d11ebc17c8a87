//! The names under which capabilities are granted.

use skiff_digest::DigestBuilder;
use skiff_layers::Capability;

use crate::script::SHELL;

/// Returns the name under which a capability is granted.
///
/// That of a tool ends in the SHA-256 of its argument patterns, so that a manifest with other patterns asks again:
/// `tool:mkimage#` and 64 hexadecimal digits. Not fewer: whoever writes the manifest chooses the patterns on both sides,
/// and finds two lists with the same few digits.
pub fn capability_id(capability: &Capability) -> String {
    let Capability::Tool(tool) = capability else { return capability.to_string() };
    let mut builder = DigestBuilder::default();
    builder.field([u8::from(tool.terminal)]).field(tool.timeout_s.to_le_bytes());
    for pattern in &tool.arguments {
        builder.field(&pattern.text);
    }
    format!("{capability}#{}", builder.finish())
}

/// Returns the name of a granted capability as people are shown it and may write it: of a tool without the digest, which
/// stands for the patterns of the present manifest.
pub fn shown_capability(id: &str) -> &str {
    id.split('#').next().unwrap_or(id)
}

/// Returns granted capabilities as people are shown them.
pub fn shown_capabilities<'i>(ids: impl IntoIterator<Item = &'i String>) -> String {
    ids.into_iter().map(|id| shown_capability(id)).collect::<Vec<_>>().join(" ")
}

/// Returns whether who was granted something has thereby been granted something else: the same, or less of it.
pub(crate) fn covers(granted: &str, wanted: &str) -> bool {
    if granted == wanted {
        return true;
    }
    let (Some((power, of)), Some((wants, what))) = (granted.split_once(':'), wanted.split_once(':')) else {
        return false;
    };
    let below = || what == of || what.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'));
    match (power, wants) {
        ("read", "read") | ("write", "write" | "read") => below(),
        ("fetch", "fetch") => of.ends_with('/') && what.starts_with(of),
        _ => false,
    }
}

/// Returns whether a name is one that a capability can have: anything else in a file with grants is a mistake.
pub(crate) fn is_known(id: &str) -> bool {
    let of = |verb: &str| id.strip_prefix(verb).and_then(|rest| rest.strip_prefix(':')).filter(|rest| !rest.is_empty());
    let zone = |path: &str| matches!(path.split('/').next(), Some("layer" | "layers" | "target" | "images" | "state"));
    id == SHELL
        || of("read").or_else(|| of("write")).is_some_and(zone)
        || ["tool", "fetch", "variable"].iter().any(|verb| of(verb).is_some())
}

#[cfg(test)]
mod tests {
    use skiff_digest::Digest;

    use super::*;

    #[test]
    fn names_that_no_capability_has_are_mistakes() {
        for known in
            ["read:layers/metadata", "write:images", "tool:sh#1", "fetch:https://e.org/", "variable:X", "shell"]
        {
            assert!(is_known(known), "{known}");
        }
        for wrong in ["", "read", "read:", "raed:layer", "write:host", "tool:", "all", "shell:x"] {
            assert!(!is_known(wrong), "{wrong}");
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
        ];
        assert!(less.iter().all(|(granted, wanted)| covers(granted, wanted)));
        let other = [
            ("write:target/etc", "write:target"),
            ("write:target/etc", "write:target/etcetera"),
            ("read:target", "write:target"),
            ("read:layer", "read:layers"),
            ("tool:x#1", "tool:x#2"),
            ("tool:x", "tool:xy"),
            ("fetch:https://e.org/a", "fetch:https://e.org/ab"),
            ("shell", "read:target"),
        ];
        assert!(other.iter().all(|(granted, wanted)| !covers(granted, wanted)));
    }

    #[test]
    fn a_tool_is_granted_with_all_of_its_patterns() {
        let tool = |pattern: &str| {
            let manifest = format!(
                "schema: 1\nplugins:\n  - {{name: p, version: 1.0.0, component: p.wasm, interface: ^1.0, hooks: [pre], \
                 capabilities: [{{tool: sh, why: runs, arguments: ['{pattern}']}}]}}"
            );
            let manifest = skiff_layers::parse_manifest(std::path::Path::new("/l"), &manifest).unwrap();
            capability_id(&manifest.plugins[0].capabilities[0])
        };
        let (one, other) = (tool("-c a"), tool("-c b"));
        assert_ne!(one, other);
        assert!(Digest::parse(one.split_once('#').unwrap().1).is_some(), "{one}");
    }
}
