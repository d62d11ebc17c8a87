//! What the user allowed: for each plugin and exactly its bytes, a set of capabilities.

use crate::Denied;
use crate::GrantError;
use crate::Identity;
use crate::PluginId;
use crate::grant_file::GrantEntry;
use crate::grant_file::GrantFile;
use crate::grant_file::written;
use crate::identity::real;
use skiff_layers::Capability;
use skiff_layers::CapabilityId;
use std::path::Path;
use std::path::PathBuf;

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
        self.holds(identity, &capability.id())
    }

    /// Returns whether these bytes were granted something of this name.
    pub(crate) fn holds(&self, identity: &Identity, wanted: &CapabilityId) -> bool {
        let (component, root) = (written(identity.digest), &identity.root);
        self.of(&identity.plugin)
            .any(|(source, entry)| entry.component == component && entry.covers(wanted) && source.holds_in(entry, root))
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
        let (present, root) = (written(identity.digest), &identity.root);
        let (mut these, mut others) = (Vec::new(), Vec::new());
        for (source, entry) in self.of(&identity.plugin) {
            if entry.component == present && source.holds_in(entry, root) {
                these.push(entry);
            } else if others_count && entry.component != present && source.is_of(entry, root) {
                others.push(entry);
            }
        }
        let declared: Vec<(CapabilityId, &str)> =
            declared.into_iter().map(|capability| (capability.id(), capability.why())).collect();
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

#[cfg(test)]
mod tests {
    use skiff_digest::Digest;
    use skiff_layers::Access;
    use skiff_layers::Zone;

    use super::*;
    use crate::grant_file::VERSION;

    fn wants(write: bool) -> Capability {
        Capability::Files(Access { zone: Zone::Target, path: "etc".into(), write, why: "w".parse().unwrap() })
    }

    fn id(name: &str) -> CapabilityId {
        name.parse().unwrap()
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
        file.add(&old, [id("read:target/etc")]);
        assert_eq!(standing(&file, &old, &[wants(false)]), Standing::Granted);
        assert_eq!(standing(&file, &new, &[]), Standing::Carried { from: written(old.digest) });
        let Standing::Missing(denied) = standing(&file, &new, &[wants(false), wants(true)]) else { panic!("missing") };
        assert_eq!(denied.missing, [(id("write:target/etc"), "w".to_owned())]);
        assert_eq!((denied.held, denied.changed), (vec![id("read:target/etc")], true));
        let mut grants = Grants::default();
        grants.extend(file);
        assert!(grants.check(&new, &[wants(false)]).is_err(), "to run, it must be noted");
    }

    #[test]
    fn what_bears_the_same_name_in_another_folder_takes_nothing_over() {
        let (old, elsewhere) = (identity(b"old", "/l/a/b"), identity(b"new", "/stranger/a/b"));
        let mut file = GrantFile { version: VERSION, ..GrantFile::default() };
        file.add(&old, [id("write:target/etc")]);
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
        file.ship(&identity(b"old", "/c/configs/a/b"), [id("write:target/etc")]);
        let grants = Grants { sources: vec![Source { file, giver: Giver::Checkout("/c/configs".into()) }] };
        let standing = |root| grants.standing(&identity(b"new", root), &[wants(true)]);
        assert!(matches!(standing("/c/configs/a/b"), Standing::Carried { .. }));
        assert!(matches!(standing("/c/configs-of-others/a/b"), Standing::Missing(_)));
    }
}
