use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use skiff_trust::Accounts;

/// Where programs are looked for when PATH names no directory.
const DEFAULT_PATH: [&str; 2] = ["/usr/bin", "/bin"];

/// Everything ambient, read once: environment variables and the current directory.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    current: PathBuf,
    program: Option<PathBuf>,
}

impl Environment {
    /// Reads that of the process. Where the current directory is gone, relative paths lead nowhere.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/proc/self/cwd"));
        Self { variables, current, program: std::env::current_exe().ok() }
    }

    /// Returns a variable that is set, not empty and valid text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// Returns a variable that is set and not empty as a path, made absolute.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(name).filter(|value| !value.is_empty()).map(|value| self.absolute(Path::new(value)))
    }

    /// Returns all variables.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &OsString)> {
        self.variables.iter()
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&OsString> {
        self.variables.get(name)
    }

    /// Returns PATH without its relative and empty entries; none if it has no such entries.
    pub(crate) fn absolute_search_path(&self) -> Option<OsString> {
        let path = self.raw("PATH")?;
        let (kept, left_out): (Vec<PathBuf>, Vec<PathBuf>) =
            std::env::split_paths(path).partition(|folder| folder.is_absolute());
        if left_out.is_empty() {
            return None;
        }
        // An empty PATH would be the current directory again.
        let kept = if kept.is_empty() { DEFAULT_PATH.map(PathBuf::from).to_vec() } else { kept };
        std::env::join_paths(kept).ok()
    }

    /// Returns the variables whose names start with a prefix, without it, as paths.
    pub(crate) fn paths_with_prefix(&self, prefix: &str) -> BTreeMap<String, PathBuf> {
        let matching = self.variables.iter().filter(|(_, value)| !value.is_empty());
        matching
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), self.absolute(Path::new(value)))))
            .collect()
    }

    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.current.join(path)
    }

    pub(crate) fn current(&self) -> &Path {
        &self.current
    }

    pub(crate) fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// Returns the user's home directory: that of the environment, or else of the account.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let of_account = || Accounts::read().home(rustix::process::geteuid().as_raw()).map(Path::to_owned);
        self.path("HOME").or_else(of_account)
    }

    /// Returns the directory for files that may be deleted at any time; none for users without a home. The current directory is
    /// never it: anybody may have filled that.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        let xdg = || self.path("XDG_CACHE_HOME").map(|path| path.join("skiff"));
        let home = || self.home().map(|path| path.join(".cache/skiff"));
        self.path("SKIFF_CACHE_DIR").or_else(xdg).or_else(home)
    }
}

/// Whether a shell takes a word for the name of a variable. Another would be a command when it is read back.
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_directory_is_no_place_for_programs() {
        let cleaned = |path: &str| {
            let variables = BTreeMap::from([("PATH".to_owned(), OsString::from(path))]);
            Environment { variables, ..Environment::default() }.absolute_search_path()
        };
        assert_eq!(cleaned("/usr/bin:/bin"), None);
        for path in
            [":/usr/bin:/bin", "/usr/bin:/bin:", "/usr/bin::/bin", ".:/usr/bin:/bin", "bin:/usr/bin:../x:/bin", "", "."]
        {
            assert_eq!(cleaned(path).unwrap(), "/usr/bin:/bin", "{path}");
        }
    }
}
