//! Sizes as people write them: `8KiB`, `953MiB`, `4GB`, or a number of bytes.

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => {
                let wrong = || {
                    D::Error::custom(format!("`{text}` is not a size; expected 512MiB, 8GB, 64s, or a number of bytes"))
                };
                bytes(&text).map(Self).ok_or_else(wrong)
            }
        }
    }
}

/// Units, longer names first: powers of 1024, powers of 1000, and sectors of 512 bytes.
const UNITS: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("s", 512),
    ("", 1),
];

fn bytes(text: &str) -> Option<u64> {
    let (digits, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse::<u64>().ok().filter(|_| plain)?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_they_say() {
        assert_eq!([bytes("8KiB"), bytes("2GB"), bytes("64s"), bytes("7")], [8192, 2_000_000_000, 32768, 7].map(Some));
        assert_eq!([bytes("MiB"), bytes("1.5GiB"), bytes("-1"), bytes("99999999999999GB")], [None; 4]);
    }
}
