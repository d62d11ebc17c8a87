//! Sizes as people write them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes. Written with the units of IEC 80000-13 (`KiB`, `MiB`, `GiB`, `TiB`; `K`, `M`, `G`, `T` are the same,
/// as for systemd), those of SI (`kB`, `MB`, `GB`, `TB`), or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size; expected 512MiB, 8GB or a number of bytes")]
pub struct BytesError(pub String);

const UNITS: [(&str, u64); 17] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("T", 1 << 40),
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
    ("k", 1 << 10),
    ("s", 512),
    ("B", 1),
    ("", 1),
];

impl Bytes {
    /// Returns the size as it can be given to skiff again, nothing lost: with a binary unit where one fits, as a number of
    /// bytes otherwise.
    pub fn exact(self) -> String {
        let shown = self.to_string();
        match shown.ends_with("iB") {
            true => shown,
            false => self.0.to_string(),
        }
    }
}

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, BytesError> {
        let wrong = || BytesError(text.to_owned());
        let trimmed = text.trim();
        let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
        let unit = trimmed.get(digits.len()..).ok_or_else(wrong)?.trim();
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(*factor).map(Self).ok_or_else(wrong)
    }
}

/// Shown with the greatest binary unit that loses nothing, and as decimal gigabytes, which cards are sold in, otherwise.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS
            .iter()
            .take(4)
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor) && self.0 / factor < 100_000);
        match exact {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None if self.0 >= 1_000_000_000 => write!(f, "{}.{}GB", self.0 / 1_000_000_000, self.0 / 100_000_000 % 10),
            None if self.0 >= 1_000_000 => write!(f, "{}.{}MB", self.0 / 1_000_000, self.0 / 100_000 % 10),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_they_say() {
        let bytes = |text: &str| text.parse::<Bytes>().map(|bytes| bytes.0).ok();
        assert_eq!(bytes("8MiB"), Some(8 << 20));
        assert_eq!((bytes("8GB"), bytes("8G"), bytes("7 KiB")), (Some(8_000_000_000), Some(8 << 30), Some(7168)));
        assert_eq!((bytes("2048s"), bytes("12")), (Some(1 << 20), Some(12)));
        for bad in ["", "MiB", "-1", "1.5G", "1Q", "99999999999999999999", "99999999999TiB", "0x10"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_shown_says_the_same() {
        assert_eq!([Bytes(8 << 20), Bytes(32_000_000_000), Bytes(1)].map(|b| b.to_string()), ["8MiB", "32.0GB", "1B"]);
        for bytes in [0, 1, 511, 1 << 10, 1_000_000_000, (8 << 20) + 512, 3 << 40, u64::MAX].map(Bytes) {
            assert_eq!(bytes.exact().parse(), Ok(bytes));
        }
    }
}
