use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_digest::Digest;
use skiff_layers::Layer;
use skiff_layers::PluginDecl;
use skiff_runtime::AuditEvent;
use skiff_runtime::PluginId;
use walkdir::WalkDir;

use crate::folder::unreadable;
use skiff_project::Consent;
use skiff_project::Line;
use skiff_project::Session;
use skiff_project::consent;

use crate::error::Error;
use crate::error::Result;
use skiff_text::Shown as _;

/// A language with a template and a program that builds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is what its name says")]
pub enum Language {
    Rust,
    C,
    Python,
    Javascript,
}

/// The sources of a plugin: `plugins/<name>` in its layer.
pub(crate) struct Source {
    pub(crate) folder: PathBuf,
    pub(crate) language: Language,
}

impl Language {
    /// Returns the name of its template and of the program that builds it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Python => "python",
            Self::Javascript => "javascript",
        }
    }

    /// Tells the language of a directory by what lies in it.
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
    pub(crate) fn find(layer: &Layer, plugin: &PluginDecl) -> Result<Self> {
        let folder = layer.root.join("plugins").join(&plugin.name);
        match Language::of(&folder) {
            Some(language) => Ok(Self { folder, language }),
            None => Err(Error::NoSources { plugin: PluginId::new(&layer.name, &plugin.name), folder }),
        }
    }

    /// Returns the cache in which its compiler lies, or will lie, once that is found to be the user's alone.
    pub(crate) fn compiler_cache(&self, session: &Session) -> Result<PathBuf> {
        let cache = session.make_cache()?;
        let parts: &[&str] = match self.language {
            Language::Rust => &["guest-toolchain", "plugin-target"],
            Language::C => &["toolchain-c"],
            Language::Python => &["toolchain-python"],
            Language::Javascript => &["toolchain-javascript"],
        };
        for part in parts {
            session.belief.check_linked_tree("the compiler of plugins", &cache.join(part))?;
        }
        Ok(cache)
    }

    /// Returns whether a source was changed after the component was made. Cases, and what is hidden, are no sources.
    pub(crate) fn is_newer(&self, component: &Path) -> bool {
        let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let Some(made) = changed(component) else { return true };
        let is_source =
            |name: &OsStr| name != "tests" && name != "target" && !name.as_encoded_bytes().starts_with(b".");
        let sources = WalkDir::new(&self.folder).min_depth(1).into_iter();
        let mut sources = sources.filter_entry(|entry| is_source(entry.file_name())).flatten();
        sources.any(|entry| entry.file_type().is_file() && changed(entry.path()).is_some_and(|time| time > made))
    }

    /// Sees to it that the user trusts the sources: to build them, and to run their native tests, is to run whatever
    /// they say. Those of the checkout and those that `skiff plugin new` has made are trusted.
    pub(crate) fn trust(&self, session: &Session, plugin: &str, now: bool) -> Result<()> {
        let folder = self.folder.canonicalize().map_err(|error| unreadable(&self.folder, error))?;
        session.belief.check_linked_tree("the directory of the sources", &folder)?;
        if session.grants()?.trusts(&folder) {
            return Ok(());
        }
        let line = trust_line(plugin);
        let denied = || Error::Untrusted { plugin: plugin.to_owned(), folder: folder.clone() };
        if !now {
            if !consent::can_ask(session) {
                return Err(denied());
            }
            let lines = [
                Line::plain(format!("The sources of {plugin} are in")),
                Line::plain(format!("  {}", in_sight(&folder.shown().to_string()))),
            ];
            let question = format!("Trust them? To build {plugin} runs what they say, with all of your rights.");
            if session.console.ask_about(&lines, &question, &line)? != Consent::Yes {
                return Err(denied());
            }
        }
        trust(session, plugin, &folder)
    }
}

/// Shortens a path in the middle: what a stranger names must not push a question out of sight.
fn in_sight(path: &str) -> String {
    const HALF: usize = 120;
    let all: Vec<char> = path.chars().collect();
    match all.len() > 2 * HALF {
        true => {
            let part = |chars: &[char]| chars.iter().collect::<String>();
            let (start, rest) = all.split_at(HALF);
            format!("{}…{}", part(start), part(rest.split_at(rest.len() - HALF).1))
        }
        false => path.to_owned(),
    }
}

/// Returns the command line that builds a plugin and trusts its sources.
pub fn trust_line(plugin: &str) -> String {
    format!("skiff plugin build {plugin} --trust")
}

/// Notes that the user trusts sources.
pub(crate) fn trust(session: &Session, plugin: &str, folder: &Path) -> Result<()> {
    let (layer, name) = plugin.rsplit_once('/').unwrap_or_default();
    let event = AuditEvent::Trusted { sources: folder.to_owned() };
    session.audit_note(&PluginId::new(layer, name), Digest::default(), event)?;
    Ok(session.update_grants(|grants| grants.trust(folder))?)
}
