//! What the user allowed: for each plugin and exactly its bytes, a set of capabilities.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_file::Lock;
use skiff_layers::Capability;
use skiff_layers::ReadError;

use crate::Denied;
use crate::GrantError;
use crate::Identity;
use crate::PluginId;
use crate::identity::real;

/// The only version of the file's shape so far.
const VERSION: u32 = 1;

/// The first line of the file.
const HEADER: &str = "# What each plugin may do, bound to its bytes. Written by `skiff grant`.\n";

/// The lock beside it.
const LOCK: &str = ".grants.lock";

/// Returns the name under which a capability is granted.
///
/// That of a tool ends in the SHA-256 of its argument patterns, so that a manifest with other patterns asks again:
/// `tool:mkimage#` and 64 hexadecimal digits. Not fewer: whoever writes the manifest chooses the patterns on both sides,
/// and finds two lists with the same few digits.
pub fn capability_id(capability: &Capability) -> String {
    let Capability::Tool(tool) = capability else { return capability.to_string() };
    let mut builder = DigestBuilder::default();
    builder.field([u8::from(tool.terminal)]).field(tool.timeout_s.to_le_bytes());
    for pattern in &tool.arguments {
        builder.field(&pattern.text);
    }
    format!("{capability}#{}", builder.finish())
}

/// Returns the name of a granted capability as people are shown it and may write it: of a tool without the digest, which
/// stands for the patterns of the present manifest.
pub fn shown_capability(id: &str) -> &str {
    id.split('#').next().unwrap_or(id)
}

/// Returns granted capabilities as people are shown them.
pub fn shown_capabilities<'i>(ids: impl IntoIterator<Item = &'i String>) -> String {
    ids.into_iter().map(|id| shown_capability(id)).collect::<Vec<_>>().join(" ")
}

/// A file with grants: `plugins/grants.yaml` of the checkout for the plugins that come with it,
/// `overrides/grants.yaml` for the user's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantFile {
    version: u32,
    plugins: Vec<GrantEntry>,
    /// Directories with the sources of plugins that the user builds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    sources: BTreeSet<PathBuf>,
}

/// The grants of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantEntry {
    plugin: PluginId,
    /// SHA-256 of the component, or of all scripts of the layer.
    component: String,
    /// The directory of the layer. Other bytes take grants over only from the same directory; what comes with a checkout
    /// names none and lies among its packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<PathBuf>,
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
            return Ok(Self { version: VERSION, ..Self::default() });
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
        let lock = path.with_file_name(LOCK);
        let _lock = Lock::take(&lock).map_err(|source| GrantError::Io { path: lock.clone(), source })?;
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
        skiff_file::replace(path, format!("{HEADER}{text}").as_bytes()).map_err(failed)
    }

    /// Grants capabilities to a plugin with these bytes. Grants to other bytes of it in the same directory are dropped.
    pub fn add(&mut self, identity: &Identity, capabilities: impl IntoIterator<Item = String>) {
        self.put(identity, Some(identity.real_root()), capabilities);
    }

    /// Grants capabilities to a plugin that comes with the checkout, wherever that lies. Grants to other bytes of it
    /// are dropped.
    pub fn ship(&mut self, identity: &Identity, capabilities: impl IntoIterator<Item = String>) {
        self.put(identity, None, capabilities);
    }

    fn put(&mut self, identity: &Identity, layer: Option<PathBuf>, capabilities: impl IntoIterator<Item = String>) {
        self.version = VERSION;
        let component = written(identity.digest);
        let (mut grants, mut compiler) = (BTreeSet::new(), None);
        self.plugins.retain(|entry| {
            if entry.plugin != identity.plugin || entry.layer != layer {
                return true;
            }
            if entry.component == component {
                grants.extend(entry.grants.iter().cloned());
                compiler.clone_from(&entry.compiler);
            }
            false
        });
        grants.extend(capabilities);
        self.plugins.push(GrantEntry { plugin: identity.plugin.clone(), component, layer, compiler, grants });
        self.plugins.sort_by(|a, b| (&a.plugin, &a.layer).cmp(&(&b.plugin, &b.layer)));
    }

    /// Trusts a directory with the sources of a plugin, by its real name.
    pub fn trust(&mut self, sources: &Path) {
        self.version = VERSION;
        self.sources.insert(sources.to_owned());
    }

    /// Trusts a directory with sources no more. Returns whether it was.
    pub fn distrust(&mut self, sources: &Path) -> bool {
        self.sources.remove(sources)
    }

    /// Returns the directories with sources that the user trusts.
    pub fn trusted(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(PathBuf::as_path)
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

/// Writes a digest as files with grants have it.
fn written(digest: Digest) -> String {
    format!("sha256:{digest}")
}

/// All grants that are in force.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    sources: Vec<Source>,
}

/// Grants that were given together.
#[derive(Debug, Clone)]
struct Source {
    file: GrantFile,
    giver: Giver,
}

/// Who gave grants: that decides for which directories they are.
#[derive(Debug, Clone)]
enum Giver {
    /// The user, on this machine: for the directories that the entries name.
    User,
    /// The user, for this run, by a file that may have been written on another machine: for bytes, wherever they lie.
    Run,
    /// A checkout, for its own packages, which lie in this directory (its real name).
    Checkout(PathBuf),
}

impl Source {
    /// Returns whether an entry was made for the layer in this directory.
    fn is_of(&self, entry: &GrantEntry, root: &Path) -> bool {
        match (&entry.layer, &self.giver) {
            (Some(layer), _) => layer == root,
            (None, Giver::Checkout(packages)) => root.starts_with(packages),
            (None, Giver::User | Giver::Run) => false,
        }
    }

    /// Returns whether an entry holds for exactly its bytes in this directory.
    fn holds_in(&self, entry: &GrantEntry, root: &Path) -> bool {
        matches!(self.giver, Giver::Run) || self.is_of(entry, root)
    }
}

impl Grants {
    /// Adds the grants of a file that was written on this machine.
    ///
    /// # Errors
    /// [`GrantError`] when it cannot be read.
    pub fn read(&mut self, path: &Path) -> Result<(), GrantError> {
        self.extend(GrantFile::read(path)?);
        Ok(())
    }

    /// Adds the grants of a file that the user names for this run.
    ///
    /// # Errors
    /// [`GrantError`] when it cannot be read.
    pub fn read_for_run(&mut self, path: &Path) -> Result<(), GrantError> {
        self.sources.push(Source { file: GrantFile::read(path)?, giver: Giver::Run });
        Ok(())
    }

    /// Adds the grants that come with a checkout, for its own packages.
    ///
    /// # Errors
    /// [`GrantError`] when the file cannot be read.
    pub fn read_shipped(&mut self, path: &Path, packages: &Path) -> Result<(), GrantError> {
        self.sources.push(Source { file: GrantFile::read(path)?, giver: Giver::Checkout(real(packages)) });
        Ok(())
    }

    /// Adds grants that are in no file.
    pub fn extend(&mut self, file: GrantFile) {
        self.sources.push(Source { file, giver: Giver::User });
    }

    /// Returns whether the user trusts a directory with the sources of a plugin. Those of the checkout are.
    pub fn trusts(&self, sources: &Path) -> bool {
        let trusts = |source: &Source| {
            let is_own = matches!(&source.giver, Giver::Checkout(packages) if sources.starts_with(packages));
            is_own || source.file.sources.contains(sources)
        };
        self.sources.iter().any(trusts)
    }

    /// Returns whether a plugin with these bytes was granted a capability.
    pub fn allows(&self, identity: &Identity, capability: &Capability) -> bool {
        self.holds(identity, &capability_id(capability))
    }

    /// Returns whether these bytes were granted something of this name.
    pub(crate) fn holds(&self, identity: &Identity, wanted: &str) -> bool {
        let (component, root) = (written(identity.digest), identity.real_root());
        self.of(&identity.plugin).any(|(source, entry)| {
            entry.component == component && entry.covers(wanted) && source.holds_in(entry, &root)
        })
    }

    fn of<'g>(&'g self, plugin: &'g PluginId) -> impl Iterator<Item = (&'g Source, &'g GrantEntry)> {
        let all = self.sources.iter().flat_map(|source| source.file.plugins.iter().map(move |entry| (source, entry)));
        all.filter(move |(_, entry)| entry.plugin == *plugin)
    }

    /// Returns where a plugin with these bytes stands.
    pub fn standing<'c>(&self, identity: &Identity, declared: impl IntoIterator<Item = &'c Capability>) -> Standing {
        self.standing_with(identity, declared, true)
    }

    /// As [`Self::standing`], where other bytes of the plugin do not count: somebody else may have put these in their place.
    pub fn standing_alone<'c>(
        &self,
        identity: &Identity,
        declared: impl IntoIterator<Item = &'c Capability>,
    ) -> Standing {
        self.standing_with(identity, declared, false)
    }

    fn standing_with<'c>(
        &self,
        identity: &Identity,
        declared: impl IntoIterator<Item = &'c Capability>,
        others_count: bool,
    ) -> Standing {
        // What bears the same name elsewhere was agreed to by somebody who did not think of this.
        let (present, root) = (written(identity.digest), identity.real_root());
        let (mut these, mut others) = (Vec::new(), Vec::new());
        for (source, entry) in self.of(&identity.plugin) {
            if entry.component == present && source.holds_in(entry, &root) {
                these.push(entry);
            } else if others_count && entry.component != present && source.is_of(entry, &root) {
                others.push(entry);
            }
        }
        let declared: Vec<(String, &str)> =
            declared.into_iter().map(|capability| (capability_id(capability), capability.why())).collect();
        // Even a plugin that declares nothing runs: an entry for its bytes is the consent to that.
        if !these.is_empty() && declared.iter().all(|(id, _)| these.iter().any(|entry| entry.covers(id))) {
            return Standing::Granted;
        }
        let earlier = || these.iter().chain(&others);
        let (held, missing): (Vec<_>, Vec<_>) =
            declared.into_iter().partition(|(id, _)| earlier().any(|entry| entry.covers(id)));
        let from = others.first().map(|entry| entry.component.clone());
        match from {
            Some(from) if missing.is_empty() => Standing::Carried { from },
            from => Standing::Missing(Denied {
                plugin: identity.plugin.clone(),
                missing: missing.into_iter().map(|(id, why)| (id, why.to_owned())).collect(),
                held: held.into_iter().map(|(id, _)| id).collect(),
                changed: from.is_some() && these.is_empty(),
            }),
        }
    }

    /// Checks that everything a plugin declares was granted to exactly these bytes.
    ///
    /// # Errors
    /// [`Denied`] lists what is missing.
    pub(crate) fn check<'c>(
        &self,
        identity: &Identity,
        declared: impl IntoIterator<Item = &'c Capability>,
    ) -> Result<(), Denied> {
        match self.standing(identity, declared) {
            Standing::Granted => Ok(()),
            Standing::Carried { .. } => {
                let plugin = identity.plugin.clone();
                Err(Denied { plugin, missing: Vec::new(), held: Vec::new(), changed: true })
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
    fn a_tool_is_granted_with_all_of_its_patterns() {
        let tool = |pattern: &str| {
            let manifest = format!(
                "schema: 1\nplugins:\n  - {{name: p, version: 1.0.0, component: p.wasm, interface: ^1.0, hooks: [pre], \
                 capabilities: [{{tool: sh, why: runs, arguments: ['{pattern}']}}]}}"
            );
            let manifest = skiff_layers::parse_manifest(std::path::Path::new("/l"), &manifest).unwrap();
            capability_id(&manifest.plugins[0].capabilities[0])
        };
        let (one, other) = (tool("-c a"), tool("-c b"));
        assert_ne!(one, other);
        assert!(Digest::parse(one.split_once('#').unwrap().1).is_some(), "{one}");
    }

    fn wants(write: bool) -> Capability {
        Capability::Files(Access { zone: Zone::Target, path: "etc".into(), write, why: "w".parse().unwrap() })
    }

    fn identity(bytes: &[u8], root: &str) -> Identity {
        Identity { plugin: PluginId::new("a/b", "p"), digest: Digest::of(bytes), root: root.into() }
    }

    fn standing(file: &GrantFile, identity: &Identity, declared: &[Capability]) -> Standing {
        let mut grants = Grants::default();
        grants.extend(file.clone());
        grants.standing(identity, declared)
    }

    #[test]
    fn other_bytes_take_over_what_was_granted_if_they_ask_for_no_more() {
        let (old, new) = (identity(b"old", "/l/a/b"), identity(b"new", "/l/a/b"));
        let mut file = GrantFile { version: VERSION, ..GrantFile::default() };
        assert!(matches!(standing(&file, &old, &[]), Standing::Missing(Denied { changed: false, .. })));
        file.add(&old, ["read:target/etc".to_owned()]);
        assert_eq!(standing(&file, &old, &[wants(false)]), Standing::Granted);
        assert_eq!(standing(&file, &new, &[]), Standing::Carried { from: written(old.digest) });
        let Standing::Missing(denied) = standing(&file, &new, &[wants(false), wants(true)]) else { panic!("missing") };
        assert_eq!(denied.missing, [("write:target/etc".to_owned(), "w".to_owned())]);
        assert_eq!((denied.held, denied.changed), (vec!["read:target/etc".to_owned()], true));
        let mut grants = Grants::default();
        grants.extend(file);
        assert!(grants.check(&new, &[wants(false)]).is_err(), "to run, it must be noted");
    }

    #[test]
    fn what_bears_the_same_name_in_another_folder_takes_nothing_over() {
        let (old, elsewhere) = (identity(b"old", "/l/a/b"), identity(b"new", "/stranger/a/b"));
        let mut file = GrantFile { version: VERSION, ..GrantFile::default() };
        file.add(&old, ["write:target/etc".to_owned()]);
        let Standing::Missing(denied) = standing(&file, &elsewhere, &[wants(true)]) else { panic!("missing") };
        assert!(!denied.changed && denied.held.is_empty());
        assert_eq!(denied.missing.len(), 1);
        // Not even a copy: it comes with settings and commands of its own.
        let copy = identity(b"old", "/stranger/a/b");
        assert!(matches!(standing(&file, &copy, &[wants(true)]), Standing::Missing(Denied { changed: false, .. })));
        let grants = Grants { sources: vec![Source { file: file.clone(), giver: Giver::Run }] };
        assert_eq!(grants.standing(&copy, &[wants(true)]), Standing::Granted, "a file for this run is for the bytes");
        file.add(&elsewhere, []);
        assert_eq!(standing(&file, &old, &[wants(true)]), Standing::Granted, "each directory has its own grants");
    }

    #[test]
    fn what_comes_with_a_checkout_is_for_its_own_packages() {
        let mut file = GrantFile { version: VERSION, ..GrantFile::default() };
        file.ship(&identity(b"old", "/c/configs/a/b"), ["write:target/etc".to_owned()]);
        let grants = Grants { sources: vec![Source { file, giver: Giver::Checkout("/c/configs".into()) }] };
        let standing = |root| grants.standing(&identity(b"new", root), &[wants(true)]);
        assert!(matches!(standing("/c/configs/a/b"), Standing::Carried { .. }));
        assert!(matches!(standing("/c/configs-of-others/a/b"), Standing::Missing(_)));
    }
}
