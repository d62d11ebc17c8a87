//! The table of mounted file systems.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// A mounted file system: a line of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The number of its device, major and minor. Some file systems, such as btrfs, have numbers of their own.
    pub number: (u32, u32),
    /// Where it is mounted.
    pub place: PathBuf,
    /// What it says that it is of: a device, or any word.
    pub source: PathBuf,
}

/// Reads the lines of `/proc/PID/mountinfo`. Names are bytes, whatever they are.
pub fn mounts(table: &[u8]) -> impl Iterator<Item = Mount> {
    table.split(|byte| *byte == b'\n').filter_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let (major, minor) = std::str::from_utf8(fields.get(2)?).ok()?.split_once(':')?;
        // Behind the options comes any number of fields, then `-`, the type and the source.
        let end = fields.iter().skip(6).position(|field| *field == b"-").map(|at| at + 6);
        Some(Mount {
            number: (major.parse().ok()?, minor.parse().ok()?),
            place: unescaped(fields.get(4)?),
            source: end.and_then(|at| fields.get(at + 2)).map(|source| unescaped(source)).unwrap_or_default(),
        })
    })
}

/// Replaces `\ooo` by the byte that it stands for: proc(5) writes blanks and the like so.
pub fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..3).filter(|_| *first == b'\\').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_line_is_read_whatever_its_names_are() {
        let table = b"1 2 0:1 / /proc rw - proc proc rw\n\
            3 4 8:1 / /w/my\\040target/mnt rw shared:1 master:2 - ext4 /dev/sda1 rw\n\
            5 6 8:17 / /media/\xff rw - vfat /dev/sdb1 rw\n";
        let all: Vec<Mount> = mounts(table).collect();
        let said = |at: usize| (all[at].number, all[at].place.as_path(), all[at].source.as_path());
        assert_eq!(said(1), ((8, 1), Path::new("/w/my target/mnt"), Path::new("/dev/sda1")));
        assert_eq!(said(2), ((8, 17), Path::new(OsStr::from_bytes(b"/media/\xff")), Path::new("/dev/sdb1")));
        assert_eq!(all.len(), 3);
    }
}
