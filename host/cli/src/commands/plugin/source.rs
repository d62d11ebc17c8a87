use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_digest::Digest;
use skiff_layers::Layer;
use skiff_layers::PluginDecl;
use skiff_runtime::AuditEvent;
use skiff_runtime::GrantFile;
use skiff_runtime::PluginId;
use skiff_text::harmless;

use walkdir::WalkDir;

use super::folder::unreadable;
use crate::args::Language;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::consent;
use crate::output::note;
use crate::session::Session;
use skiff_text::Shown as _;

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
    pub(super) fn find(layer: &Layer, plugin: &PluginDecl) -> Result<Self> {
        let folder = layer.root.join("plugins").join(&plugin.name);
        match Language::of(&folder) {
            Some(language) => Ok(Self { folder, language }),
            None => Err(CommandError::new(
                Kind::User,
                format!("There are no sources of plugin `{}/{}` in `{}`", layer.name, plugin.name, folder.shown()),
            )
            .hint(
                "sources are a directory with Cargo.toml, plugin.py, plugin.js or C files; `skiff plugin new` makes one",
            )),
        }
    }

    /// Returns the cache in which its compiler lies, or will lie, once that is found to be the user's alone.
    pub(super) fn compiler_cache(&self, session: &Session) -> Result<PathBuf> {
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
    pub(super) fn is_newer(&self, component: &Path) -> bool {
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
    pub(super) fn trust(&self, session: &Session, plugin: &str, now: bool) -> Result<()> {
        let folder = self.folder.canonicalize().map_err(|error| unreadable(&self.folder, &error))?;
        session.belief.check_linked_tree("the directory of the sources", &folder)?;
        if session.grants()?.trusts(&folder) {
            return Ok(());
        }
        let shown = harmless(&folder.shown().to_string());
        let line = format!("skiff plugin build {plugin} --trust");
        let denied = || {
            CommandError::new(Kind::Refused, format!("The sources of `{plugin}` in `{shown}` are not trusted"))
                .hint("to build or test them is to run what they say, with all of your rights; read them first")
                .hint(format!("if you want that, run: {line}"))
        };
        if !now {
            if !consent::can_ask(session) {
                return Err(denied());
            }
            note!("To build {plugin} is to run what its sources say, with all of your rights:");
            note!("  {shown}");
            if !session.console.ask("Trust them?", &line)? {
                return Err(denied());
            }
        }
        trust(session, plugin, &folder)
    }
}

/// Notes that the user trusts sources.
pub(super) fn trust(session: &Session, plugin: &str, folder: &Path) -> Result<()> {
    let (layer, name) = plugin.rsplit_once('/').unwrap_or_default();
    let event = AuditEvent::Trusted { sources: folder.to_owned() };
    session.audit_note(&PluginId::new(layer, name), Digest::default(), event)?;
    let (_, own) = session.grant_files();
    Ok(GrantFile::update(&own, |grants| grants.trust(folder))?)
}
