//! Access control lists: the bits of the group then say what the list allows at most, not whom (acl(5)).

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::io::Errno;

/// Who can write by an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    User(u32),
    Group(u32),
    /// The group of the file, by its bits.
    OwnGroup,
    Everybody,
}

/// The kinds of entries that name somebody (`ACL_USER`, `ACL_GROUP_OBJ`, `ACL_GROUP`, `ACL_OTHER` of Linux's posix_acl.h).
const USER: u16 = 0x02;
const OWN_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const OTHER: u16 = 0x20;
const WRITE: u16 = 0x02;

/// Bytes that an extended attribute can have (`XATTR_SIZE_MAX` of Linux's limits.h).
const MAX_LIST: usize = 64 << 10;

/// The lists of a file (acl(5)).
#[derive(Debug, Clone, Copy)]
pub(crate) enum List {
    /// Who can use the file itself.
    Access,
    /// What is made in the directory gets this list, whatever the umask.
    Default,
}

/// Returns who can write by a list of a file, beside its owner, its group and everybody. Nobody where there is no list.
///
/// # Errors
/// Those of the system, except that there is no list, or that the file system has none.
pub(crate) fn writers(path: &Path, list: List) -> io::Result<Vec<Writer>> {
    let name = match list {
        List::Access => c"system.posix_acl_access",
        List::Default => c"system.posix_acl_default",
    };
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut text = vec![0; 1024];
    loop {
        match rustix::fs::lgetxattr(&path, name, &mut text) {
            Ok(length) => {
                let mut writers = parse(text.get(..length).unwrap_or_default());
                // The bits of the mode say the same of the file itself.
                if matches!(list, List::Access) {
                    writers.retain(|writer| matches!(writer, Writer::User(_) | Writer::Group(_)));
                }
                return Ok(writers);
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP) => return Ok(Vec::new()),
            // It is longer, up to what Linux lets an attribute have (XATTR_SIZE_MAX).
            Err(Errno::RANGE) if text.len() <= MAX_LIST => text.resize(text.len() * 4, 0),
            Err(error) => return Err(error.into()),
        }
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
            OWN_GROUP => Some(Writer::OwnGroup),
            OTHER => Some(Writer::Everybody),
            _ => None,
        }
    };
    entries.iter().filter_map(writer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a list of entries: kind, permissions, number of the user or group.
    fn list(entries: impl IntoIterator<Item = (u16, u16, u32)>) -> Vec<u8> {
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (kind, may, id) in entries {
            list.extend([&kind.to_le_bytes()[..], &may.to_le_bytes(), &id.to_le_bytes()].concat());
        }
        list
    }

    #[test]
    fn a_list_of_any_length_is_read() {
        // Not every file system keeps lists as long as this.
        let file = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
        let users = (0..600).map(|number| (2_u16, 7_u16, 5000 + number));
        let all =
            [(1, 7, u32::MAX)].into_iter().chain(users).chain([(4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]);
        let list = list(all);
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(file.path(), "system.posix_acl_access", &list, flags).unwrap();
        assert_eq!(writers(file.path(), List::Access).unwrap().len(), 600);
        assert!(writers(file.path(), List::Default).unwrap().is_empty());
    }

    #[test]
    fn those_who_can_write_are_named() {
        let list = list([
            (1, 7, u32::MAX),
            (2, 7, 4242),
            (2, 5, 4343),
            (4, 5, u32::MAX),
            (8, 2, 50),
            (16, 7, u32::MAX),
            (32, 6, u32::MAX),
        ]);
        assert_eq!(parse(&list), [Writer::User(4242), Writer::Group(50), Writer::Everybody]);
        assert!(parse(&list[..9]).is_empty() && parse(&[]).is_empty());
    }
}
