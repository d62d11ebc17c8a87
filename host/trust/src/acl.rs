//! Access control lists: the bits of the group then say what the list allows at most, not whom (acl(5)).

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Who can write by an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    User(u32),
    Group(u32),
}

/// The kinds of entries that name somebody (`ACL_USER`, `ACL_GROUP` of Linux's posix_acl.h).
const USER: u16 = 0x02;
const GROUP: u16 = 0x08;
const WRITE: u16 = 0x02;

/// Returns who can write to a file beside its owner, its group and everybody. Nobody where there is no list.
pub(crate) fn writers(path: &Path) -> Vec<Writer> {
    let mut list = vec![0; 4096];
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return Vec::new() };
    match rustix::fs::lgetxattr(&path, c"system.posix_acl_access", &mut list) {
        Ok(length) => parse(list.get(..length).unwrap_or_default()),
        Err(_) => Vec::new(),
    }
}

/// Reads a list: a version of four bytes, then eight bytes for each entry (posix_acl_xattr.h).
fn parse(list: &[u8]) -> Vec<Writer> {
    let entries = list.get(4..).unwrap_or_default().as_chunks::<8>().0;
    let writer = |entry: &[u8; 8]| {
        let [kind_0, kind_1, may_0, may_1, id @ ..] = *entry;
        let id = u32::from_le_bytes(id);
        match u16::from_le_bytes([kind_0, kind_1]) {
            _ if u16::from_le_bytes([may_0, may_1]) & WRITE == 0 => None,
            USER => Some(Writer::User(id)),
            GROUP => Some(Writer::Group(id)),
            _ => None,
        }
    };
    entries.iter().filter_map(writer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_can_write_are_named() {
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (kind, may, id) in
            [(1_u16, 7_u16, u32::MAX), (2, 7, 4242), (2, 5, 4343), (4, 5, u32::MAX), (8, 2, 50), (16, 7, u32::MAX)]
        {
            list.extend(kind.to_le_bytes());
            list.extend(may.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        assert_eq!(parse(&list), [Writer::User(4242), Writer::Group(50)]);
        assert!(parse(&list[..9]).is_empty() && parse(&[]).is_empty());
    }
}
