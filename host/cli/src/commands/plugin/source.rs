use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_layers::Layer;
use skiff_layers::PluginDecl;

use crate::args::Language;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;

/// The sources of a plugin: `plugins/<name>` in its layer.
pub(super) struct Source {
    pub(super) folder: PathBuf,
    pub(super) language: Language,
}

impl Language {
    /// Returns the name of its template and of the program that builds it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Python => "python",
            Self::Javascript => "javascript",
        }
    }

    /// Tells the language of a folder by what lies in it.
    fn of(folder: &Path) -> Option<Self> {
        let has = |name: &str| folder.join(name).is_file();
        let has_c = || {
            let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.any(|entry| entry.path().extension().is_some_and(|extension| extension == "c"))
        };
        match () {
            () if has("Cargo.toml") => Some(Self::Rust),
            () if has("plugin.py") => Some(Self::Python),
            () if has("plugin.js") => Some(Self::Javascript),
            () if has_c() => Some(Self::C),
            () => None,
        }
    }
}

impl Source {
    /// Finds the sources of a plugin.
    pub(super) fn find(layer: &Layer, plugin: &PluginDecl) -> Result<Self> {
        let folder = layer.root.join("plugins").join(&plugin.name);
        match Language::of(&folder) {
            Some(language) => Ok(Self { folder, language }),
            None => Err(CommandError::new(
                Kind::User,
                format!("There are no sources of plugin `{}/{}` in `{}`", layer.name, plugin.name, folder.display()),
            )
            .hint(
                "sources are a folder with Cargo.toml, plugin.py, plugin.js or C files; `skiff plugin new` makes one",
            )),
        }
    }
}
