use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::fcntl::FcntlArg;
use nix::fcntl::fcntl;
use nix::libc;

/// Locks all bytes of a file for the open file description of `file`, until it is closed. QEMU locks bytes of its images in the
/// same way, so neither opens an image that the other changes.
///
/// Such a lock stays when the process closes another descriptor of the same file; a POSIX lock (`F_SETLK`) would end
/// (fcntl_locking(2), "Open file description locks").
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if another open file description has a lock on it; else those of the system.
pub fn hold(file: &File) -> io::Result<()> {
    lock(file, libc::F_WRLCK)
}

/// As [`hold`], for a file that is only read: others may read it, too, and nobody holds it.
///
/// # Errors
/// As for [`hold`].
pub fn hold_shared(file: &File) -> io::Result<()> {
    lock(file, libc::F_RDLCK)
}

fn lock(file: &File, kind: libc::c_int) -> io::Result<()> {
    let whole = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole)).map(drop).map_err(|error| match error {
        Errno::EACCES | Errno::EAGAIN => io::ErrorKind::WouldBlock.into(),
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_file_stays_held_when_another_descriptor_of_it_is_closed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let held = open();
        hold(&held).unwrap();
        drop(open());
        assert_eq!(hold(&open()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(hold_shared(&open()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        let (one, other) = (open(), open());
        hold_shared(&one).and_then(|()| hold_shared(&other)).unwrap();
        assert!(hold(&open()).is_err());
    }
}
