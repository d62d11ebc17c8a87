use std::path::Path;
use std::path::PathBuf;

/// One configured system and its directories under `workspaces/`.
///
/// | path | holds |
/// | --- | --- |
/// | `workspaces/.config_<name>` | what `configure` wrote: merged configs, plan, remembered chain |
/// | `workspaces/<name>/images` | the finished images |
/// | `workspaces/<name>/target` | the root file system they were made from |
/// | `workspaces/<name>/state` | what plugins keep between runs |
/// | `workspaces/<name>/skiff.lock` | exactly what the system is made of: layers, plugins, packages |
/// | `workspaces/.audit_<name>.jsonl` | what plugins did beyond their sandbox |
/// | `workspaces/.lock_<name>` | held while something changes the workspace |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
    name: String,
}

/// A text that leaves no usable workspace name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a workspace name (want letters, digits, `_`, `-`, and `.` not at the start)")]
pub struct InvalidWorkspace {
    /// The text.
    pub text: String,
}

/// Whether a character may stand in the name of a workspace.
fn is_kept(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

impl Workspace {
    /// The name used when the user gives none.
    pub const DEFAULT: &'static str = "default";

    /// Makes the workspace `text` under the directory `root`.
    ///
    /// Characters other than letters, digits, `.`, `_` and `-` are dropped and letters lowered, as SkiffOS does.
    ///
    /// # Errors
    /// [`InvalidWorkspace`] when nothing is left, or a name that starts with a dot.
    pub fn new(root: PathBuf, text: &str) -> Result<Self, InvalidWorkspace> {
        let name: String = text.chars().filter(|c| is_kept(*c)).map(|c| c.to_ascii_lowercase()).collect();
        if name.is_empty() || name.starts_with('.') {
            return Err(InvalidWorkspace { text: text.to_owned() });
        }
        Ok(Self { root, name })
    }

    /// Makes the workspace `text` under the directory `root`, and refuses a name from which [`Self::new`] would drop something:
    /// for names that somebody has just typed. Letters are lowered.
    ///
    /// # Errors
    /// [`InvalidWorkspace`] when the name holds other characters, or starts with a dot.
    pub fn exact(root: PathBuf, text: &str) -> Result<Self, InvalidWorkspace> {
        match text.chars().all(is_kept) {
            true => Self::new(root, text),
            false => Err(InvalidWorkspace { text: text.to_owned() }),
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the directory of all workspaces.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory with outputs.
    pub fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// Returns the directory that `configure` writes.
    pub fn config(&self) -> PathBuf {
        self.root.join(format!(".config_{}", self.name))
    }

    /// Returns the file whose lock is held by whoever changes the workspace.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join(format!(".lock_{}", self.name))
    }

    /// Returns the directory of the finished images.
    pub fn images(&self) -> PathBuf {
        self.folder().join("images")
    }

    /// Returns the directory of the target tree.
    pub fn target(&self) -> PathBuf {
        self.folder().join("target")
    }

    /// Returns the directory in which plugins keep state.
    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    /// Returns the record of what plugins did beyond their sandbox. It is outside of what `clean` removes.
    pub fn audit_log(&self) -> PathBuf {
        self.root.join(format!(".audit_{}.jsonl", self.name))
    }

    /// Returns the lock: what the system is made of.
    pub fn system_lock(&self) -> PathBuf {
        self.folder().join("skiff.lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_as_skiffos_does_and_never_lead_elsewhere() {
        let name = |text: &str| Workspace::new("w".into(), text).map(|w| w.name).ok();
        assert_eq!(name("My WS/1").as_deref(), Some("myws1"));
        assert_eq!(name("a.b-c_d").as_deref(), Some("a.b-c_d"));
        for bad in ["", "..", "/", ".config_x", "../x"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
