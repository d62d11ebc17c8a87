//! File systems whose contents are what a program says (FUSE): such a program can call anything root's.

use std::collections::BTreeMap;
use std::fs;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::fs::major;
use rustix::fs::minor;

/// The type of such file systems (`FUSE_SUPER_MAGIC` of Linux's magic.h).
const FUSE: rustix::fs::FsWord = 0x6573_5546;

/// File systems seen so far, with the user who serves each that a program provides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mounts(Arc<Mutex<BTreeMap<u64, Option<u32>>>>);

impl Mounts {
    /// Returns the user whose program provides the file system of a path. `None` for those of the kernel.
    ///
    /// # Errors
    /// Those of the system, or that the table of mounts does not have it.
    pub(crate) fn server(&self, path: &Path, metadata: &Metadata) -> io::Result<Option<u32>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known.get(&metadata.dev()) {
            return Ok(*server);
        }
        // A link has no file system of its own to ask for: what it lies in is asked.
        let place = if metadata.is_symlink() { path.parent().unwrap_or(path) } else { path };
        let kind = rustix::fs::statfs(place)?.f_type;
        let server = if kind == FUSE { mounted_by(metadata.dev())? } else { None };
        known.insert(metadata.dev(), server);
        Ok(server)
    }
}

fn mounted_by(device: u64) -> io::Result<Option<u32>> {
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let number = format!("{}:{}", major(device), minor(device));
    user_of(&table, &number).ok_or_else(|| io::Error::other("the table of mounts does not say whose program it is"))
}

/// Finds the option `user_id` of a device in a table of mounts (proc_pid_mountinfo(5), mount.fuse3(8)). What a hypervisor
/// provides (virtiofs) is the machine's own, and has no such option.
fn user_of(table: &str, device: &str) -> Option<Option<u32>> {
    let line = table.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    let mut described = line.split_once(" - ")?.1.split(' ');
    if described.next() == Some("virtiofs") {
        return Some(None);
    }
    let options = described.next_back()?;
    options.split(',').find_map(|option| option.strip_prefix("user_id=")?.parse().ok()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_mounted_program_is_found() {
        let table = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                     71 22 0:52 / /mnt/a\\040b rw,nosuid - fuse.sshfs bob@host: rw,user_id=1001,group_id=1001,allow_other\n\
                     72 22 0:53 / /mnt/share rw,relatime - virtiofs share rw\n";
        assert_eq!(user_of(table, "0:52"), Some(Some(1001)));
        assert_eq!(user_of(table, "0:53"), Some(None));
        assert_eq!(user_of(table, "254:0"), None);
        let here = Mounts::default();
        let root = Path::new("/proc");
        assert_eq!(here.server(root, &fs::metadata(root).unwrap()).unwrap(), None);
    }
}
