//! Types of partitions: by name, by UUID on a GPT, by code in an MBR.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::LayoutError;
use crate::Table;
use crate::type_name::NAMES;
use crate::type_name::Name;

/// A type of partition: a name, a UUID, or a code of an MBR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Kind {
    /// A name that has a UUID or a code or both.
    Named(&'static Name),
    /// What a GPT holds.
    Uuid(Uuid),
    /// What an MBR holds.
    Code(u8),
}

impl Kind {
    /// The type of partitions with Linux file systems.
    pub fn linux() -> Self {
        Self::named("linux-generic")
    }

    /// The type of partitions with FAT that are for everybody.
    pub fn basic_data() -> Self {
        Self::named("basic-data")
    }

    fn named(name: &str) -> Self {
        NAMES.iter().find(|known| known.name == name).map_or(Self::Code(0x83), Self::Named)
    }

    /// What a GPT holds for it.
    ///
    /// # Errors
    /// A code of an MBR means nothing there.
    pub fn uuid(&self) -> Result<Uuid, LayoutError> {
        match self {
            Self::Named(name) => Ok(name.uuid),
            Self::Uuid(uuid) if !uuid.is_nil() => Ok(*uuid),
            Self::Uuid(_) | Self::Code(_) => Err(self.has_no_place(Table::Gpt)),
        }
    }

    /// What an MBR holds for it.
    ///
    /// # Errors
    /// A UUID means nothing there; nor do codes of extended partitions, and that of a whole GPT.
    pub fn code(&self) -> Result<u8, LayoutError> {
        let code = match self {
            Self::Named(name) => name.code,
            Self::Code(0x05 | 0x0f | 0x85 | 0xee) | Self::Uuid(_) => None,
            Self::Code(code) => Some(*code),
        };
        code.ok_or_else(|| self.has_no_place(Table::Mbr))
    }

    fn has_no_place(&self, table: Table) -> LayoutError {
        LayoutError::TypeOfOtherTable { kind: self.to_string(), table }
    }

    /// The type that a GPT holds.
    pub(crate) fn of_uuid(uuid: Uuid) -> Self {
        NAMES.iter().find(|known| known.uuid == uuid).map_or(Self::Uuid(uuid), Self::Named)
    }

    /// The type of the root or `/usr` partition of the processor that this program runs on, which systemd-repart calls `root` and
    /// `usr` (with `-verity` or `-verity-sig`).
    pub fn of_machine(name: &str) -> Option<Self> {
        let (tree, end) = name.split_once('-').unwrap_or((name, ""));
        let arch = match std::env::consts::ARCH {
            "x86_64" => "x86-64",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64-le",
            other => other,
        };
        let is_known = matches!(tree, "root" | "usr") && matches!(end, "" | "verity" | "verity-sig");
        let full = if end.is_empty() { format!("{tree}-{arch}") } else { format!("{tree}-{arch}-{end}") };
        is_known.then(|| NAMES.iter().find(|known| known.name == full).map(Self::Named)).flatten()
    }

    /// The names that are known.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|name| name.name)
    }
}

impl FromStr for Kind {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        if let Some(name) = NAMES.iter().find(|known| known.name == text) {
            return Ok(Self::Named(name));
        }
        let code = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) if digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u8::from_str_radix(digits, 16).ok()
            }
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        match (code, text.parse()) {
            (Some(code), _) => Ok(Self::Code(code)),
            // The shorter forms that the crate takes are no UUIDs of a table.
            (None, Ok(uuid)) if text.len() == 36 => Ok(Self::Uuid(uuid)),
            _ => Err(LayoutError::UnknownType { text: crate::shown(text) }),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name.name),
            Self::Uuid(uuid) => write!(f, "{uuid}"),
            Self::Code(code) => write!(f, "0x{code:02x}"),
        }
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_takes_what_it_can_hold() {
        let kind = |text: &str| text.parse::<Kind>().unwrap();
        assert_eq!(kind("esp").code().unwrap(), 0xef);
        assert_eq!(["0x0c", "0XC", "12"].map(|text| kind(text).code().unwrap()), [0x0c; 3]);
        assert_eq!(kind("root-riscv64-verity-sig").to_string(), "root-riscv64-verity-sig");
        assert_eq!(Kind::of_uuid(kind("var").uuid().unwrap()), kind("var"));
        assert!(kind("var").code().is_err() && kind("0x83").uuid().is_err() && kind("0x05").code().is_err());
        assert!("linux".parse::<Kind>().is_err() && "0x123".parse::<Kind>().is_err());
        assert!(["256", "0x", "+1", "-1", "0x+1", "1e1", ""].iter().all(|text| text.parse::<Kind>().is_err()));
        let mut names: Vec<&str> = Kind::names().collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]) && names.len() == 137);
    }
}
