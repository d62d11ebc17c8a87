//! Names on FAT: long ones, and the short ones that each file has besides (FAT specification, sections 6 and 7).

use std::collections::HashMap;
use std::collections::HashSet;

use super::FatError;

/// Units of UTF-16 that a long name has at most.
const MAX_UNITS: usize = 255;

/// Numbers that tell short names of the same beginning apart.
const MAX_TAIL: u32 = 999_999;

/// A short name as it is in an entry: eight and three bytes, padded with blanks.
pub(crate) type Short = [u8; 11];

/// Checks a name of a file or directory, without `/`.
pub(crate) fn check(name: &str) -> Result<(), FatError> {
    let wrong = |why: String| Err(FatError::Name { name: name.to_owned(), why });
    if let Some(bad) = name.chars().find(|c| c.is_control() || "\"*:<>?|\\".contains(*c)) {
        return wrong(format!("holds {bad:?}"));
    }
    if name.ends_with(['.', ' ']) {
        return wrong("ends with a dot or a space, which systems leave out".into());
    }
    match name.encode_utf16().count() {
        0 => wrong("is empty".into()),
        1..=MAX_UNITS => Ok(()),
        units => wrong(format!("has {units} units of UTF-16, more than {MAX_UNITS}")),
    }
}

/// The short names of a directory.
#[derive(Debug, Default)]
pub(crate) struct Shorts {
    taken: HashSet<Short>,
    /// The next number by what is before and behind it, and its digits: a directory of names that all begin alike is filled in
    /// linear time.
    next: HashMap<(Vec<u8>, [u8; 3], u32), u32>,
}

impl Shorts {
    /// Takes the name that is its own short name; none if it is not of that form.
    pub(crate) fn take_plain(&mut self, name: &str) -> Option<Short> {
        let plain = plain(name)?;
        self.taken.insert(plain).then_some(plain)
    }

    /// Takes a short name for a long one.
    pub(crate) fn take(&mut self, name: &str) -> Result<Short, FatError> {
        let Basis { base, extension, is_lossy } = Basis::of(name);
        if !is_lossy && base.len() <= 8 {
            let short = joined(&base, extension);
            if self.taken.insert(short) {
                return Ok(short);
            }
        }
        for digits in 1..=6u32 {
            let kept = base.get(..base.len().min(7 - digits as usize)).unwrap_or_default().to_vec();
            let (first, end) = (10u32.pow(digits - 1), 10u32.pow(digits));
            let next = self.next.entry((kept.clone(), extension, digits)).or_insert(first);
            while *next < end && *next <= MAX_TAIL {
                let short = joined(&[kept.as_slice(), b"~", next.to_string().as_bytes()].concat(), extension);
                *next += 1;
                if self.taken.insert(short) {
                    return Ok(short);
                }
            }
        }
        Err(FatError::Folder(name.to_owned()))
    }
}

/// What a short name is made of.
struct Basis {
    base: Vec<u8>,
    extension: [u8; 3],
    /// Whether something of the name is not in it.
    is_lossy: bool,
}

impl Basis {
    fn of(name: &str) -> Self {
        let body = name.trim_start_matches('.');
        let (base, extension) = body.rsplit_once('.').unwrap_or((body, ""));
        let mut is_lossy = body.len() != name.len();
        let mut convert = |text: &str| {
            let mut bytes = Vec::new();
            for c in text.chars() {
                match c.to_ascii_uppercase() {
                    ' ' | '.' => is_lossy = true,
                    c if is_short(c) => bytes.push(c as u8),
                    _ => {
                        is_lossy = true;
                        bytes.push(b'_');
                    }
                }
            }
            bytes
        };
        let (base, extension) = (convert(base), convert(extension));
        is_lossy |= base.len() > 8 || extension.len() > 3 || base.is_empty();
        let mut three = [b' '; 3];
        three.iter_mut().zip(extension).for_each(|(place, byte)| *place = byte);
        Self { base, extension: three, is_lossy }
    }
}

/// Whether a character may be in a short name, in capitals.
fn is_short(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || "!#$%&'()-@^_`{}~".contains(c)
}

/// The short name that says all of a name, capitals included.
fn plain(name: &str) -> Option<Short> {
    let (base, extension) = name.split_once('.').unwrap_or((name, ""));
    let fits = (1..=8).contains(&base.len()) && extension.len() <= 3 && !name.ends_with('.');
    if !fits || !base.chars().chain(extension.chars()).all(is_short) {
        return None;
    }
    let mut three = [b' '; 3];
    three.iter_mut().zip(extension.bytes()).for_each(|(place, byte)| *place = byte);
    Some(joined(base.as_bytes(), three))
}

fn joined(base: &[u8], extension: [u8; 3]) -> Short {
    let mut short = [b' '; 11];
    short.iter_mut().zip(base.iter().take(8)).for_each(|(place, byte)| *place = *byte);
    short.iter_mut().skip(8).zip(extension).for_each(|(place, byte)| *place = byte);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_those_of_other_systems() {
        let mut shorts = Shorts::default();
        assert_eq!(shorts.take_plain("KERNEL8.IMG"), Some(*b"KERNEL8 IMG"));
        assert_eq!(shorts.take_plain("kernel8.img"), None);
        for (name, short) in [
            ("config.txt", b"CONFIG  TXT"),
            ("bcm2711-rpi-4-b.dtb", b"BCM271~1DTB"),
            ("bcm2711-rpi-400.dtb", b"BCM271~2DTB"),
            (".hidden", b"HIDDEN~1   "),
            ("a b.c", b"AB~1    C  "),
            ("caf\u{e9}", b"CAF_~1     "),
            ("x.y.z", b"XY~1    Z  "),
            ("kernel8.img", b"KERNEL~1IMG"),
            ("\u{e9}", b"_~1        "),
        ] {
            assert_eq!(shorts.take(name).unwrap(), *short, "{name}");
        }
        for number in 0..3000 {
            shorts.take(&format!("overlay-with-a-long-name-{number}.dtbo")).unwrap();
        }
        assert_eq!(shorts.taken.len(), 3010);
    }

    #[test]
    fn names_that_fat_cannot_hold_are_named() {
        for good in ["a", " a", "a b", "a+b;c=[d]", "caf\u{e9}", &"x".repeat(255), &"\u{1f600}".repeat(127)] {
            check(good).unwrap();
        }
        let long = ["x".repeat(256), "\u{1f600}".repeat(128)];
        for bad in ["", "a.", "a ", "a:b", "a\\b", "a\u{7}b", "what?", &long[0], &long[1]] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
