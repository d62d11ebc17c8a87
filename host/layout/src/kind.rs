//! Types of partitions: by name, by UUID on a GPT, by code in an MBR.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use crate::LayoutError;
use crate::Table;

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

/// A name of a type: those of the Discoverable Partitions Specification, and `basic-data` for what Windows and cameras use.
#[derive(Debug, PartialEq, Eq)]
pub struct Name {
    name: &'static str,
    uuid: Uuid,
    /// The code that means the same in an MBR, if there is one.
    code: Option<u8>,
}

macro_rules! names {
    ($($name:literal $uuid:literal $code:expr;)*) => {
        /// The Discoverable Partitions Specification's table; codes as sfdisk lists them.
        static NAMES: &[Name] = &[$(Name { name: $name, uuid: uuid::uuid!($uuid), code: $code }),*];
    };
}

names! {
    "basic-data" "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7" Some(0x0c);
    "esp" "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" Some(0xef);
    "xbootldr" "bc13c2ff-59e6-4262-a352-b275fd6f7172" Some(0xea);
    "bios-boot" "21686148-6449-6e6f-744e-656564454649" None;
    "swap" "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f" Some(0x82);
    "linux-generic" "0fc63daf-8483-4772-8e79-3d69d8477de4" Some(0x83);
    "home" "933ac7e1-2eb4-4f13-b844-0e14e2aef915" None;
    "srv" "3b8f8425-20e0-4f3b-907f-1a25a76f98e8" None;
    "var" "4d21b016-b534-45c2-a9fb-5c16e091fd2d" None;
    "tmp" "7ec6f557-3bc5-4aca-b293-16ef5df639d1" None;
    "root-x86" "44479540-f297-41b2-9af7-d131d5f0458a" None;
    "root-x86-64" "4f68bce3-e8cd-4db1-96e7-fbcaf984b709" None;
    "root-arm" "69dad710-2ce4-4e3c-b16c-21a1d49abed3" None;
    "root-arm64" "b921b045-1df0-41c3-af44-4c6f280d3fae" None;
    "root-riscv64" "72ec70a6-cf74-40e6-bd49-4bda08e8f224" None;
    "usr-x86-64" "8484680c-9521-48c6-9c11-b0720656f69e" None;
    "usr-arm" "7d0359a3-02b3-4f0a-865c-654403e70625" None;
    "usr-arm64" "b0e01050-ee5f-4390-949a-9101b17104e9" None;
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
    /// A UUID means nothing there; nor do 0, which says that there is no partition, and codes of extended partitions.
    pub fn code(&self) -> Result<u8, LayoutError> {
        let code = match self {
            Self::Named(name) => name.code,
            Self::Code(0 | 0x05 | 0x0f | 0x85 | 0xee) | Self::Uuid(_) => None,
            Self::Code(code) => Some(*code),
        };
        code.ok_or_else(|| self.has_no_place(Table::Mbr))
    }

    /// The same in a table: a GPT has no codes, and the UUIDs of most of them are known.
    pub(crate) fn on(self, table: Table) -> Self {
        match (table, self) {
            (Table::Gpt, Self::Code(code)) => {
                let plain = if matches!(code, 0x0b | 0x0e) { 0x0c } else { code };
                NAMES.iter().find(|name| name.code == Some(plain)).map_or(Self::Code(code), Self::Named)
            }
            (_, kind) => kind,
        }
    }

    fn has_no_place(&self, table: Table) -> LayoutError {
        LayoutError::TypeOfOtherTable { kind: self.to_string(), table }
    }

    /// The type that a GPT holds.
    pub(crate) fn of_uuid(uuid: Uuid) -> Self {
        NAMES.iter().find(|known| known.uuid == uuid).map_or(Self::Uuid(uuid), Self::Named)
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
        let code = text.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (code, text.parse()) {
            (Some(code), _) => Ok(Self::Code(code)),
            (None, Ok(uuid)) => Ok(Self::Uuid(uuid)),
            (None, Err(_)) => Err(LayoutError::UnknownType { text: text.to_owned() }),
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
        assert_eq!(kind("0x0c").code().unwrap(), 0x0c);
        assert_eq!(Kind::of_uuid(kind("var").uuid().unwrap()), kind("var"));
        assert!(kind("var").code().is_err() && kind("0x83").uuid().is_err() && kind("0x05").code().is_err());
        assert!("linux".parse::<Kind>().is_err() && "0x123".parse::<Kind>().is_err());
    }
}
