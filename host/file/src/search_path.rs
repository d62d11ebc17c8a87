use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

/// Directories of the system's administration. The PATH of an ordinary user often lacks them, and `mkfs` and its like are there.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The directories in which programs are looked for, in order.
///
/// They are absolute. A relative one, or an empty one, which POSIX reads as the current directory, is left out: what is found
/// there depends on where the user stands, and another user may have put it there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath(Vec<PathBuf>);

impl SearchPath {
    /// Reads the value of `PATH`.
    #[must_use]
    pub fn parse(path: &OsStr) -> Self {
        Self(std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect())
    }

    /// Returns it with the directories of the system's administration at its end.
    #[must_use]
    pub fn with_system(mut self) -> Self {
        self.0.extend(SYSTEM.map(PathBuf::from));
        self
    }

    /// Returns it with a directory before all others.
    #[must_use]
    pub fn after(mut self, folder: &Path) -> Self {
        if folder.is_absolute() {
            self.0.insert(0, folder.to_owned());
        }
        self
    }

    /// Finds an executable file by its bare name.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        let is_executable = |path: &PathBuf| {
            path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        };
        self.0.iter().map(|folder| folder.join(program)).find(is_executable)
    }

    /// Returns the value of `PATH` for other programs; `None` if it would be empty or a directory has a colon in its name.
    #[must_use]
    pub fn value(&self) -> Option<OsString> {
        std::env::join_paths(&self.0).ok().filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn program(folder: &Path, mode: u32) {
        fs::write(folder.join("program"), "").unwrap();
        fs::set_permissions(folder.join("program"), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_file_that_can_be_run_is_found() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let path = SearchPath::parse(&std::env::join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap());
        assert_eq!(path.find("program"), None);
        fs::create_dir(folders[0].path().join("program")).unwrap();
        program(folders[1].path(), 0o644);
        assert_eq!(path.find("program"), None, "a directory, and a file that cannot be run");
        program(folders[2].path(), 0o755);
        assert_eq!(path.find("program").unwrap(), folders[2].path().join("program"));
        program(folders[1].path(), 0o100);
        assert_eq!(path.find("program").unwrap(), folders[1].path().join("program"));
    }

    #[test]
    fn only_absolute_directories_are_searched_and_passed_on() {
        let value = |path: &str| SearchPath::parse(OsStr::new(path)).value();
        assert_eq!(value(":.:bin:/usr/bin:../x:/bin:").unwrap(), "/usr/bin:/bin");
        assert_eq!(value("."), None);
        let path = SearchPath::parse(OsStr::new("/bin")).with_system().after(Path::new("/own")).after(Path::new("own"));
        assert_eq!(path.value().unwrap(), "/own:/bin:/usr/local/sbin:/usr/sbin:/sbin");
    }
}
