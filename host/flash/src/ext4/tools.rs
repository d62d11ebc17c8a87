//! The programs of e2fsprogs, which make and change ext4 in files and on devices without mounting them.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::Ext4Error;
use super::programs::Programs;
use crate::disk::path_of;
use skiff_text::Shown as _;

/// What `mke2fs` would read from the machine's own file: equal on every machine, and nothing newer than boot loaders know.
const CONFIG: &str = "\
[defaults]
	base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
	default_mntopts = acl,user_xattr
	enable_periodic_fsck = 0
	blocksize = 4096
	inode_size = 256
	inode_ratio = 16384
[fs_types]
	ext4 = {
		features = has_journal,extent,huge_file,flex_bg,uninit_bg,metadata_csum,64bit,dir_nlink,extra_isize
	}
";

/// How directories of this machine begin that hold what is worked on; the number of the process follows.
const PREFIX: &str = ".skiff-ext4-";

/// The name that a file system has in that directory.
const LINK: &str = "medium";

/// The first moment that is written, 1980-01-01 as on FAT: 0 would mean the real time, and a file that was deleted at a small
/// number of seconds is taken for a link in a list of inodes.
const FIRST: u32 = 315_532_800;

/// Files that are held open for the programs.
const MAX_HELD: usize = 256;

/// A file system in a file or on a device.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: PathBuf,
    /// Where in the file the file system starts, in bytes.
    pub(crate) origin: u64,
}

impl Place {
    /// The file system at `origin` bytes of a file or device.
    pub(crate) fn new(path: &Path, origin: u64) -> Self {
        Self { path: path.to_owned(), origin }
    }
}

/// The programs, with a directory for what they need.
pub(crate) struct Tools {
    folder: tempfile::TempDir,
    programs: Programs,
    /// Seconds since 1970 that everything made bears.
    epoch: u32,
    /// Open files that the programs read. Texts are in memory only: there are keys and passwords among them.
    kept: std::cell::RefCell<Vec<File>>,
    /// How many files were copied for them.
    copies: std::cell::Cell<usize>,
}

/// What a program said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tools {
    /// `scratch` is a directory with room for what a file system holds anew.
    pub(crate) fn new(programs: Programs, epoch: u32, scratch: &Path) -> Result<Self, Ext4Error> {
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(scratch)?;
        std::fs::write(folder.path().join("mke2fs.conf"), CONFIG)?;
        Ok(Self { folder, programs, epoch, kept: Vec::new().into(), copies: 0.into() })
    }

    /// A file of its own directory.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Keeps a text for the programs, and returns a name by which they can read it. A secret never touches a disk.
    pub(crate) fn keep(&self, bytes: &[u8], is_secret: bool) -> Result<String, Ext4Error> {
        if !is_secret && self.kept.borrow().len() >= MAX_HELD {
            return self.copied(&mut &*bytes);
        }
        let memory = rustix::fs::memfd_create("skiff", rustix::fs::MemfdFlags::CLOEXEC).map_err(io::Error::from)?;
        let mut file = File::from(memory);
        file.write_all(bytes)?;
        Ok(self.name_of(file))
    }

    /// Returns a name by which the programs read an open file: by its path they might find another one.
    pub(crate) fn hold(&self, mut file: File) -> Result<String, Ext4Error> {
        let held = self.kept.borrow().len();
        if held < MAX_HELD {
            return Ok(self.name_of(file));
        }
        self.copied(&mut file)
    }

    /// Copies what is to be read into a file of its own: a process may not have any number of files open.
    fn copied(&self, from: &mut dyn io::Read) -> Result<String, Ext4Error> {
        let copy = self.scratch(&format!("file-{}", self.copies.replace(self.copies.get() + 1)));
        io::copy(from, &mut File::create_new(&copy)?)?;
        copy.into_os_string().into_string().map_err(|path| Ext4Error::Name(path.display().to_string()))
    }

    fn name_of(&self, file: File) -> String {
        let name = path_of(&file).shown().to_string();
        self.kept.borrow_mut().push(file);
        name
    }

    /// Runs a program on a file system.
    pub(crate) fn run(
        &self,
        program: &'static str,
        arguments: &[&str],
        place: &Place,
        more: &[&OsStr],
    ) -> Result<Said, Ext4Error> {
        let own = self.folder.path();
        // They take what is behind a `?` for options, also in the names of directories above: in our own directory it has another name.
        let link = own.join(LINK);
        let target = std::path::absolute(&place.path)?;
        if std::fs::read_link(&link).ok().as_ref() != Some(&target) {
            match std::fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => std::os::unix::fs::symlink(&target, &link)?,
            }
        }
        let mut name = OsString::from(format!("./{LINK}"));
        // These two have options for that.
        if place.origin > 0 && !matches!(program, "mke2fs" | "e2image") {
            name.push(format!("?offset={}", place.origin));
        }
        let mut command = Command::new(self.programs.get(program)?);
        // The programs were found in it, so it is not empty, and none of its directories has a colon in its name.
        let path = self.programs.path().value().ok_or(Ext4Error::NoTool { program })?;
        command
            .args(arguments)
            .arg(name)
            .args(more)
            .current_dir(own)
            .env_clear()
            .env("PATH", path)
            .env("LC_ALL", "C")
            .env("MKE2FS_CONFIG", self.scratch("mke2fs.conf"))
            .env("E2FSPROGS_FAKE_TIME", self.epoch.max(FIRST).to_string())
            .stdin(Stdio::null());
        let output = bound(&mut command).output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Ext4Error::NoTool { program },
            _ => Ext4Error::Io(error),
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// Runs commands of debugfs that change a file system.
    pub(crate) fn change(&self, place: &Place, script: &str) -> Result<(), Ext4Error> {
        self.debugfs(place, &["-w"], script).map(drop)
    }

    /// Asks debugfs a number of things, one a line.
    pub(crate) fn ask_all(&self, place: &Place, script: &str) -> Result<String, Ext4Error> {
        self.debugfs(place, &[], script)
    }

    /// Runs commands of debugfs. It ends with 0 whatever happens: what it says decides.
    fn debugfs(&self, place: &Place, arguments: &[&str], script: &str) -> Result<String, Ext4Error> {
        const MAX_LINE: usize = 8000;
        if let Some(line) = script.lines().find(|line| line.len() > MAX_LINE) {
            return Err(Ext4Error::Name(line.chars().take(100).collect()));
        }
        let path = self.scratch("script");
        std::fs::write(&path, script)?;
        let name = path.shown().to_string();
        let said = self.run("debugfs", &[arguments, &["-f", &name]].concat(), place, &[])?;
        match said.complaint() {
            None if said.code == Some(0) => Ok(said.stdout),
            complaint => Err(Ext4Error::Failed {
                program: "debugfs",
                said: complaint.unwrap_or("it ended with an error").to_owned(),
            }),
        }
    }

    /// Asks debugfs something.
    pub(crate) fn ask(&self, place: &Place, question: &str) -> Result<String, Ext4Error> {
        let said = self.run("debugfs", &["-R", question], place, &[])?;
        match said.complaint() {
            None => Ok(said.stdout),
            Some(complaint) => Err(Ext4Error::Failed { program: "debugfs", said: complaint.to_owned() }),
        }
    }

    /// Checks a file system, and repairs it: only what is harmless (`-p`) or everything (`-y`). Nothing is put in better order,
    /// which would change directories in place that somebody reads.
    pub(crate) fn check(&self, place: &Place, how: &'static str) -> Result<(), Ext4Error> {
        let said = self.run("e2fsck", &["-f", how, "-E", "fixes_only"], place, &[])?;
        match said.code {
            Some(0 | 1) => Ok(()),
            _ => Err(Ext4Error::Damaged { said: said.last_lines() }),
        }
    }
}

/// Has a program killed when the thread that waits for it ends: a skiff that is killed must not leave one that goes on writing.
fn bound(command: &mut Command) -> &mut Command {
    let parent = rustix::process::getpid();
    let set = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // It may have ended before.
        match rustix::process::getppid() == Some(parent) {
            true => Ok(()),
            false => Err(io::ErrorKind::Interrupted.into()),
        }
    };
    // SAFETY: between fork and exec there are two system calls only, and no memory is taken.
    unsafe { command.pre_exec(set) }
}

impl Said {
    /// The first line that is more than the program's own name and version.
    fn complaint(&self) -> Option<&str> {
        self.stderr.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("debugfs 1."))
    }

    pub(crate) fn last_lines(&self) -> String {
        let all: Vec<&str> =
            self.stdout.lines().chain(self.stderr.lines()).filter(|line| !line.trim().is_empty()).collect();
        all.iter().rev().take(4).rev().copied().collect::<Vec<_>>().join("; ")
    }
}

/// Bytes of a word. debugfs reads lines of 8191 bytes, and takes what is behind for another command: the two words of the
/// longest command have room in one.
const MAX_WORD: usize = 3500;

/// A word of a command for debugfs.
pub(crate) fn quoted(text: &str) -> Result<String, Ext4Error> {
    let quoted = format!("\"{}\"", text.replace('"', "\"\""));
    let is_long = quoted.len() > MAX_WORD || text.split('/').any(|name| name.len() > 255);
    match is_long || text.chars().any(char::is_control) {
        true => Err(Ext4Error::Name(text.chars().take(100).collect())),
        false => Ok(quoted),
    }
}

/// Removes from a scratch directory what processes of this machine have left that were killed.
///
/// # Errors
/// The directory cannot be read.
pub fn clear_leftovers(scratch: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(scratch)? {
        let entry = entry?;
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) {
            // Another one may be removing it, too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// The numbers in what a program said.
pub(crate) fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_program_ends_with_the_thread_that_waits_for_it() {
        let start = || bound(Command::new("sleep").arg("600")).spawn().unwrap();
        let mut left = std::thread::spawn(start).join().unwrap();
        assert_eq!(left.wait().unwrap().signal(), Some(9));
    }
}
