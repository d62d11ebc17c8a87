//! What the user allowed: for each plugin and exactly its bytes, a set of capabilities.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_layers::Capability;
use skiff_layers::ReadError;
use skiff_plan::Digest;
use skiff_plan::DigestBuilder;

use crate::Denied;
use crate::GrantError;

/// The only version of the file's shape so far.
const VERSION: u32 = 1;

/// Names a plugin: its layer and its name in that layer, `apps/docker/daemon-json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginId(String);

impl PluginId {
    /// Names the plugin `name` of `layer`.
    pub fn new(layer: &str, name: &str) -> Self {
        Self(format!("{layer}/{name}"))
    }

    /// Names the scripts of a layer.
    pub(crate) fn of_layer(layer: &str) -> Self {
        Self(layer.to_owned())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the name under which a capability is granted.
///
/// That of a tool ends in a digest of its argument patterns, so that a manifest with other patterns asks again:
/// `tool:mkimage#1f3a5c7e9b0d2f46`.
pub fn capability_id(capability: &Capability) -> String {
    let Capability::Tool(tool) = capability else { return capability.to_string() };
    let mut builder = DigestBuilder::default();
    builder.field([u8::from(tool.terminal)]).field(tool.timeout_s.to_le_bytes());
    for pattern in &tool.arguments {
        builder.field(&pattern.text);
    }
    let digest = builder.finish().to_string();
    format!("{capability}#{}", digest.get(..16).unwrap_or(&digest))
}

/// A file with grants: `skiff.lock` of the checkout for the plugins that come with it,
/// `overrides/grants.yaml` for the user's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantFile {
    version: u32,
    plugins: Vec<GrantEntry>,
}

/// The grants of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantEntry {
    plugin: PluginId,
    /// SHA-256 of the component, or of all scripts of the layer.
    component: String,
    /// The compiler that made the component, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compiler: Option<String>,
    grants: BTreeSet<String>,
}

impl GrantFile {
    /// Reads a file; one that is not there holds no grants.
    ///
    /// # Errors
    /// [`GrantError`] when it cannot be read or does not have the documented shape.
    pub fn read(path: &Path) -> Result<Self, GrantError> {
        let Some(text) = skiff_layers::optional_text(path)? else {
            return Ok(Self { version: VERSION, plugins: Vec::new() });
        };
        let malformed = |line, message| GrantError::Malformed { path: path.to_owned(), line, message };
        let file: Self = match skiff_layers::parse_yaml(path, &text) {
            Err(ReadError::Yaml { at, message }) => return Err(malformed(at.line, message)),
            file => file?,
        };
        match file.version {
            VERSION => Ok(file),
            other => Err(malformed(None, format!("version {other} is unknown; this skiff reads version {VERSION}"))),
        }
    }

    /// Reads the file, changes it and writes it, while nobody else does.
    ///
    /// # Errors
    /// [`GrantError`]; the file is then as it was.
    pub fn update<T>(path: &Path, change: impl FnOnce(&mut Self) -> T) -> Result<T, GrantError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let lock = || {
            fs::create_dir_all(folder)?;
            let folder = fs::File::open(folder)?;
            folder.lock()?;
            Ok(folder)
        };
        let _lock = lock().map_err(|source| GrantError::Io { path: folder.to_owned(), source })?;
        let mut file = Self::read(path)?;
        let result = change(&mut file);
        file.write(path)?;
        Ok(result)
    }

    /// Writes the file: completely or not at all.
    ///
    /// # Errors
    /// [`GrantError::Io`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), GrantError> {
        let failed = |source| GrantError::Io { path: path.to_owned(), source };
        let text = serde_yaml::to_string(self).map_err(|error| failed(io::Error::other(error)))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(failed)?;
        file.write_all(b"# What each plugin may do, bound to its bytes. Written by `skiff grant`.\n")
            .map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Grants capabilities to a plugin with these bytes. Grants to other bytes of it are dropped.
    pub fn add(&mut self, plugin: &PluginId, component: Digest, capabilities: impl IntoIterator<Item = String>) {
        self.version = VERSION;
        let component = format!("sha256:{component}");
        let known = self.plugins.iter().position(|e| e.plugin == *plugin && e.component == component);
        let mut entry = match known {
            Some(at) => self.plugins.remove(at),
            None => GrantEntry { plugin: plugin.clone(), component, compiler: None, grants: BTreeSet::new() },
        };
        entry.grants.extend(capabilities);
        self.plugins.retain(|other| other.plugin != *plugin);
        self.plugins.push(entry);
        self.plugins.sort_by(|a, b| a.plugin.cmp(&b.plugin));
    }

    /// Notes which compiler made a plugin's component.
    pub fn set_compiler(&mut self, plugin: &PluginId, compiler: &str) {
        for entry in self.plugins.iter_mut().filter(|entry| entry.plugin == *plugin) {
            entry.compiler = Some(compiler.to_owned());
        }
    }

    /// Takes all grants of a plugin back. Returns whether there were any.
    pub fn revoke(&mut self, plugin: &PluginId) -> bool {
        let before = self.plugins.len();
        self.plugins.retain(|entry| entry.plugin != *plugin);
        self.plugins.len() != before
    }

    /// Returns the plugins with the digest of their component and what they were granted.
    pub fn entries(&self) -> impl Iterator<Item = (&PluginId, &str, &BTreeSet<String>)> {
        self.plugins.iter().map(|entry| (&entry.plugin, entry.component.as_str(), &entry.grants))
    }
}

/// All grants that are in force.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    files: Vec<GrantFile>,
}

impl Grants {
    /// Reads all files that hold grants.
    ///
    /// # Errors
    /// [`GrantError`] of the first file that cannot be read.
    pub fn read(paths: &[PathBuf]) -> Result<Self, GrantError> {
        let files = paths.iter().map(|path| GrantFile::read(path)).collect::<Result<_, _>>()?;
        Ok(Self { files })
    }

    /// Returns whether a plugin with these bytes was granted a capability.
    pub fn allows(&self, plugin: &PluginId, component: Digest, capability: &Capability) -> bool {
        self.holds(plugin, component, &capability_id(capability))
    }

    /// Returns whether these bytes were granted something of this name.
    pub(crate) fn holds(&self, plugin: &PluginId, component: Digest, wanted: &str) -> bool {
        let component = format!("sha256:{component}");
        self.of(plugin).any(|entry| entry.component == component && entry.covers(wanted))
    }

    fn of<'g>(&'g self, plugin: &'g PluginId) -> impl Iterator<Item = &'g GrantEntry> {
        self.files.iter().flat_map(|file| &file.plugins).filter(move |entry| entry.plugin == *plugin)
    }

    /// Adds grants that are in no file.
    pub fn extend(&mut self, file: GrantFile) {
        self.files.push(file);
    }

    /// Returns where a plugin with these bytes stands.
    pub fn standing<'c>(
        &self,
        plugin: &PluginId,
        component: Digest,
        declared: impl IntoIterator<Item = &'c Capability>,
    ) -> Standing {
        let present = format!("sha256:{component}");
        let of_these = |wanted: &str| self.of(plugin).any(|e| e.component == present && e.covers(wanted));
        let of_any = |wanted: &str| self.of(plugin).any(|entry| entry.covers(wanted));
        let declared: Vec<(String, &str)> =
            declared.into_iter().map(|capability| (capability_id(capability), capability.why())).collect();
        // Even a plugin that declares nothing runs: an entry for its bytes is the consent to that.
        let known = self.of(plugin).any(|entry| entry.component == present);
        if known && declared.iter().all(|(id, _)| of_these(id)) {
            return Standing::Granted;
        }
        let (held, missing): (Vec<_>, Vec<_>) = declared.into_iter().partition(|(id, _)| of_any(id));
        let from = self.of(plugin).find(|entry| entry.component != present).map(|entry| entry.component.clone());
        match from {
            Some(from) if missing.is_empty() => Standing::Carried { from },
            from => Standing::Missing(Denied {
                plugin: plugin.clone(),
                missing: missing.into_iter().map(|(id, why)| (id, why.to_owned())).collect(),
                held: held.into_iter().map(|(id, _)| id).collect(),
                changed: from.is_some() && !known,
            }),
        }
    }

    /// Checks that everything a plugin declares was granted to exactly these bytes.
    ///
    /// # Errors
    /// [`Denied`] lists what is missing.
    pub(crate) fn check<'c>(
        &self,
        plugin: &PluginId,
        component: Digest,
        declared: impl IntoIterator<Item = &'c Capability>,
    ) -> Result<(), Denied> {
        match self.standing(plugin, component, declared) {
            Standing::Granted => Ok(()),
            Standing::Carried { .. } => {
                Err(Denied { plugin: plugin.clone(), missing: Vec::new(), held: Vec::new(), changed: true })
            }
            Standing::Missing(denied) => Err(denied),
        }
    }
}

/// Where a plugin stands with what it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// All of it was granted to these bytes.
    Granted,
    /// All of it was granted to other bytes of it: these ask for no more.
    Carried {
        /// What was granted to: `sha256:` and a digest.
        from: String,
    },
    /// Some of it was never granted.
    Missing(Denied),
}

impl GrantEntry {
    fn covers(&self, wanted: &str) -> bool {
        self.grants.iter().any(|granted| covers(granted, wanted))
    }
}

/// Returns whether who was granted something has thereby been granted something else: the same, or less of it.
fn covers(granted: &str, wanted: &str) -> bool {
    if granted == wanted {
        return true;
    }
    let (Some((power, of)), Some((wants, what))) = (granted.split_once(':'), wanted.split_once(':')) else {
        return false;
    };
    let below = || what == of || what.strip_prefix(of).is_some_and(|rest| rest.starts_with('/'));
    match (power, wants) {
        ("read", "read") | ("write", "write" | "read") => below(),
        ("fetch", "fetch") => of.ends_with('/') && what.starts_with(of),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use skiff_layers::Access;
    use skiff_layers::Zone;

    use super::*;

    #[test]
    fn less_of_what_was_granted_is_granted_and_nothing_else() {
        let less = [
            ("write:target", "write:target/etc"),
            ("write:target/etc", "read:target/etc/x"),
            ("read:layers", "read:layers/resources"),
            ("fetch:https://e.org/a/", "fetch:https://e.org/a/b"),
            ("tool:x#1", "tool:x#1"),
        ];
        assert!(less.iter().all(|(granted, wanted)| covers(granted, wanted)));
        let other = [
            ("write:target/etc", "write:target"),
            ("write:target/etc", "write:target/etcetera"),
            ("read:target", "write:target"),
            ("read:layer", "read:layers"),
            ("tool:x#1", "tool:x#2"),
            ("tool:x", "tool:xy"),
            ("fetch:https://e.org/a", "fetch:https://e.org/ab"),
            ("shell", "read:target"),
        ];
        assert!(other.iter().all(|(granted, wanted)| !covers(granted, wanted)));
    }

    #[test]
    fn other_bytes_take_over_what_was_granted_if_they_ask_for_no_more() {
        let plugin = PluginId::new("a/b", "p");
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let wants =
            |write| Capability::Files(Access { zone: Zone::Target, path: "etc".into(), write, why: "w".into() });
        let mut file = GrantFile { version: VERSION, plugins: Vec::new() };
        let standing = |file: &GrantFile, component, declared: &[Capability]| {
            Grants { files: vec![file.clone()] }.standing(&plugin, component, declared)
        };
        assert!(matches!(standing(&file, old, &[]), Standing::Missing(Denied { changed: false, .. })));
        file.add(&plugin, old, ["read:target/etc".to_owned()]);
        assert_eq!(standing(&file, old, &[wants(false)]), Standing::Granted);
        assert_eq!(standing(&file, new, &[]), Standing::Carried { from: format!("sha256:{old}") });
        let Standing::Missing(denied) = standing(&file, new, &[wants(false), wants(true)]) else { panic!("missing") };
        assert_eq!(denied.missing, [("write:target/etc".to_owned(), "w".to_owned())]);
        assert_eq!((denied.held, denied.changed), (vec!["read:target/etc".to_owned()], true));
        assert!(Grants { files: vec![file] }.check(&plugin, new, &[wants(false)]).is_err(), "to run, it must be noted");
    }
}
