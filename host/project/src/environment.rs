use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use skiff_file::SearchPath;
use skiff_trust::Accounts;

/// Where programs are looked for when PATH names no directory.
const DEFAULT_PATH: &str = "/usr/bin:/bin";

/// Everything that a process finds around it. Only the command line reads it.
#[derive(Debug, Clone)]
pub struct Ambient {
    /// The environment variables.
    pub variables: BTreeMap<String, OsString>,
    /// The current directory.
    pub current: PathBuf,
    /// The file of the program, if it is known.
    pub program: Option<PathBuf>,
    /// The clock.
    pub now: fn() -> SystemTime,
}

/// What the environment says, read once.
#[derive(Debug, Clone)]
pub struct Environment {
    ambient: Ambient,
}

impl Environment {
    /// Puts together what the command line has read.
    pub fn new(ambient: Ambient) -> Self {
        Self { ambient }
    }

    /// Returns the time.
    pub fn now(&self) -> SystemTime {
        (self.ambient.now)()
    }

    /// Returns the clock.
    pub fn clock(&self) -> fn() -> SystemTime {
        self.ambient.now
    }

    /// Returns the directory for temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.path("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"))
    }

    /// Returns whether the user wants to be asked. A user who does not has not agreed to anything.
    pub fn wants_questions(&self) -> bool {
        self.get("SKIFF_NO_INTERACTIVE").is_none()
    }

    /// Returns a variable that is set, not empty and valid text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.ambient.variables.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// Returns a variable that is set and not empty as a path, made absolute.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.ambient.variables.get(name).filter(|value| !value.is_empty()).map(|value| self.absolute(Path::new(value)))
    }

    /// Returns all variables.
    pub fn all(&self) -> impl Iterator<Item = (&String, &OsString)> {
        self.ambient.variables.iter()
    }

    /// Returns a variable as it is.
    pub fn raw(&self, name: &str) -> Option<&OsString> {
        self.ambient.variables.get(name)
    }

    /// Returns PATH without its relative and empty entries; none if it has no such entries.
    pub fn absolute_search_path(&self) -> Option<OsString> {
        let path = self.raw("PATH")?;
        if std::env::split_paths(path).all(|folder| folder.is_absolute()) {
            return None;
        }
        // An empty PATH would be the current directory again.
        Some(SearchPath::parse(path).value().unwrap_or_else(|| DEFAULT_PATH.into()))
    }

    /// Returns the directories in which programs are looked for.
    pub fn search_path(&self) -> SearchPath {
        self.raw("PATH").map(|path| SearchPath::parse(path)).unwrap_or_default()
    }

    /// Returns the variables whose names start with a prefix, without it, as paths.
    pub fn paths_with_prefix(&self, prefix: &str) -> BTreeMap<String, PathBuf> {
        let matching = self.ambient.variables.iter().filter(|(_, value)| !value.is_empty());
        matching
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), self.absolute(Path::new(value)))))
            .collect()
    }

    /// Makes a path absolute.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.ambient.current.join(path)
    }

    /// Returns the current directory.
    pub fn current(&self) -> &Path {
        &self.ambient.current
    }

    /// Returns the file of the program, if it is known.
    pub fn program(&self) -> Option<&Path> {
        self.ambient.program.as_deref()
    }

    /// Returns the user's home directory: that of the environment, or else of the account.
    pub fn home(&self) -> Option<PathBuf> {
        let of_account = || Accounts::read().home(rustix::process::geteuid().as_raw()).map(Path::to_owned);
        self.path("HOME").or_else(of_account)
    }

    /// Returns the directory for files that may be deleted at any time; none for users without a home. The current directory is
    /// never it: another user may have filled it.
    pub fn cache(&self) -> Option<PathBuf> {
        let xdg = || self.path("XDG_CACHE_HOME").map(|path| path.join("skiff"));
        let home = || self.home().map(|path| path.join(".cache/skiff"));
        self.path("SKIFF_CACHE_DIR").or_else(xdg).or_else(home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_directory_is_no_place_for_programs() {
        let cleaned = |path: &str| {
            let variables = BTreeMap::from([("PATH".to_owned(), OsString::from(path))]);
            let (current, now) = (PathBuf::from("/"), (|| SystemTime::UNIX_EPOCH) as fn() -> SystemTime);
            Environment::new(Ambient { variables, current, program: None, now }).absolute_search_path()
        };
        assert_eq!(cleaned("/usr/bin:/bin"), None);
        for path in
            [":/usr/bin:/bin", "/usr/bin:/bin:", "/usr/bin::/bin", ".:/usr/bin:/bin", "bin:/usr/bin:../x:/bin", "", "."]
        {
            assert_eq!(cleaned(path).unwrap(), "/usr/bin:/bin", "{path}");
        }
    }
}
