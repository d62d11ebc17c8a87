//! Device nodes that load a module when they are opened.

use std::fmt;

/// A node that systemd makes before its module is loaded, `/dev/fuse` for one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeviceNode<'a> {
    /// The path below `/dev`.
    path: &'a str,
    number: DeviceNumber,
}

/// A kind of device with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DeviceNumber {
    /// `c` or `b`.
    kind: char,
    major: u32,
    minor: u32,
}

impl<'a> DeviceNode<'a> {
    /// Finds the node in the aliases of a module: `devname:fuse` and `char-major-10-229`. A later path or number replaces
    /// an earlier one until both are known.
    pub(crate) fn of(aliases: &'a [String]) -> Option<Self> {
        let (mut path, mut number) = (None, None);
        for alias in aliases {
            if let Some(name) = alias.strip_prefix("devname:") {
                path = Some(name);
            } else {
                number = DeviceNumber::parse(alias).or(number);
            }
            if let (Some(path), Some(number)) = (path, number) {
                return Some(Self { path, number });
            }
        }
        None
    }
}

impl DeviceNumber {
    /// Reads `char-major-10-229`. A pattern such as `block-major-8-*` names many devices and is not a number.
    fn parse(alias: &str) -> Option<Self> {
        let (kind, numbers) = match alias.strip_prefix("char-major-") {
            Some(numbers) => ('c', numbers),
            None => ('b', alias.strip_prefix("block-major-")?),
        };
        let (major, minor) = numbers.split_once('-')?;
        let minor = minor.split(|character: char| !character.is_ascii_digit()).next()?;
        Some(Self { kind, major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

/// As the lines of `modules.devname` have it: `net/tun c10:200`.
impl fmt::Display for DeviceNode<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeviceNumber { kind, major, minor } = self.number;
        write!(formatter, "{} {kind}{major}:{minor}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(aliases: &[&str]) -> Option<String> {
        let aliases: Vec<String> = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        DeviceNode::of(&aliases).map(|node| node.to_string())
    }

    #[test]
    fn a_node_has_a_path_and_the_number_of_one_device() {
        assert_eq!(node(&["devname:net/tun", "char-major-10-200"]).unwrap(), "net/tun c10:200");
        assert_eq!(node(&["block-major-7-0", "x", "devname:loop0"]).unwrap(), "loop0 b7:0");
        assert_eq!(node(&["char-major-1-2", "char-major-3-4", "devname:a", "char-major-5-6"]).unwrap(), "a c3:4");
        for aliases in [&["devname:a"][..], &["char-major-10-200"], &["devname:a", "char-major-10-*"], &[]] {
            assert_eq!(node(aliases), None, "{aliases:?}");
        }
        assert_eq!(node(&["devname:a", "char-major-99999999999-1", "char-major--1-1"]), None);
    }
}
