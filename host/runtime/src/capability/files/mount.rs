//! The directories that a call sees, and how a path of the guest becomes one that a host tool can use.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use skiff_file::Lock;
use skiff_layers::Access;
use skiff_layers::Capability;
use skiff_layers::LayerPlugin;
use skiff_layers::Zone;
use skiff_plan::Zones;
use skiff_tree::Temporary;
use skiff_tree::TreeError;
use skiff_tree::TreePath;
use skiff_tree::Watch;

use crate::CallError;
use crate::PluginId;
use crate::identity::state_folder;

/// A granted directory, held open.
struct Mount {
    /// Where the guest sees it: `/target/etc/docker`.
    guest: String,
    zone: Zone,
    write: bool,
    dir: Dir,
}

/// All directories of one call.
pub(crate) struct Mounts {
    mounts: Vec<Mount>,
    /// Granted directories that are not there, as the guest would see them.
    absent: Vec<String>,
    /// Where the guest finds each layer of which it may read something, by position.
    layers: BTreeMap<usize, String>,
    /// Held as long as the call may change the plugin's state: another one could change what this one has just had checked.
    lock: Option<Lock>,
    /// Where temporary directories for tools are made.
    scratch: PathBuf,
}

/// Why a directory was not opened for a guest.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// It is granted, and there is none.
    Missing(String),
    /// It is not granted, or leads out of what is.
    Refused(String),
}

/// A path of the guest that was found to be inside a granted directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    pub(crate) zone: Zone,
    /// The same path relative to a [`View`].
    pub(crate) view: String,
}

impl Mounts {
    /// Opens the directories of all file capabilities of a call. Directories to read that are not there are left out;
    /// directories to write to are made.
    pub(crate) fn open(plugin: &LayerPlugin, zones: &Zones, capabilities: &[Capability]) -> Result<Self, CallError> {
        let mut mounts = Self {
            mounts: Vec::new(),
            absent: Vec::new(),
            layers: BTreeMap::new(),
            lock: None,
            scratch: zones.state.clone(),
        };
        for access in outermost(capabilities) {
            mounts.add(plugin, zones, access)?;
        }
        mounts.mounts.sort_by(|a, b| a.guest.cmp(&b.guest));
        Ok(mounts)
    }

    fn add(&mut self, plugin: &LayerPlugin, zones: &Zones, access: &Access) -> Result<(), CallError> {
        let failed = |path: &Path| {
            let (plugin, path) = (PluginId::of(plugin), path.to_owned());
            move |source| CallError::Mount { plugin, path, source }
        };
        match access.zone {
            Zone::Layers => {
                for (position, (_, root)) in zones.layers.iter().enumerate() {
                    let guest = format!("/layers/{position:02}");
                    if self.mount(&guest, root, access).map_err(failed(root))? {
                        self.layers.insert(position, guest);
                    }
                }
            }
            Zone::Layer => {
                let root = &plugin.layer.root;
                self.mount("/layer", root, access).map_err(failed(root))?;
            }
            Zone::Target => match &zones.target {
                Some(target) => drop(self.mount("/target", target, access).map_err(failed(target))?),
                None => self.absent.push("/target".into()),
            },
            Zone::Images => match &zones.images {
                Some(images) => drop(self.mount("/images", images, access).map_err(failed(images))?),
                None => self.absent.push("/images".into()),
            },
            Zone::State => {
                let state = zones.state.join(state_folder(plugin, &zones.state));
                if self.lock.is_none() {
                    let lock = fs::create_dir_all(&state).and_then(|()| Lock::try_take(&lock_of(&state)));
                    let lock = lock.map_err(failed(&state))?;
                    self.lock = Some(lock.ok_or_else(|| CallError::Busy { plugin: PluginId::of(plugin) })?);
                }
                self.mount("/state", &state, access).map_err(failed(&state))?;
            }
        }
        Ok(())
    }

    /// Says why a path is in no directory that is there.
    fn nowhere(&self, path: &str) -> String {
        self.absent(path)
            .map_or_else(|| ungranted(path), |absent| format!("there is no `{absent}` yet: nothing has been built"))
    }

    /// Returns the granted directory, not there yet, that a path is in.
    fn absent(&self, path: &str) -> Option<&str> {
        self.absent.iter().map(String::as_str).find(|absent| rest(path, absent).is_some())
    }

    /// Opens a directory below a zone's root without leaving it, whatever links are on the way.
    fn mount(&mut self, guest: &str, root: &Path, access: &Access) -> io::Result<bool> {
        let dir = match Dir::open_ambient_dir(root, ambient_authority()) {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !access.write => return Ok(false),
            Err(error) => return Err(error),
        };
        let (guest, dir) = if access.path.is_empty() {
            (guest.to_owned(), dir)
        } else {
            if access.write {
                dir.create_dir_all(&access.path)?;
            }
            match dir.open_dir(&access.path) {
                Ok(inner) => (format!("{guest}/{}", access.path), inner),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.absent.push(format!("{guest}/{}", access.path));
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        };
        self.mounts.push(Mount { guest, zone: access.zone, write: access.write, dir });
        Ok(true)
    }

    /// Returns where the guest finds the layer at a position of the plan.
    pub(crate) fn layer(&self, position: usize) -> Option<&str> {
        self.layers.get(&position).map(String::as_str)
    }

    /// Returns each directory as the host path of its open handle, the guest's path and whether it may be changed.
    pub(crate) fn preopens(&self) -> impl Iterator<Item = (PathBuf, &str, bool)> {
        self.mounts.iter().map(|mount| (handle_path(&mount.dir), mount.guest.as_str(), mount.write))
    }

    /// Returns the directories that may be changed, as the guest sees them.
    pub(crate) fn writable(&self) -> Vec<(&str, &Dir)> {
        let writable = self.mounts.iter().filter(|mount| mount.write);
        writable.map(|mount| (mount.guest.as_str(), &mount.dir)).collect()
    }

    /// Finds a path of the guest in the granted directories.
    ///
    /// The file need not exist; its directory must, and no link on the way may lead outside. It is looked up as a tool will
    /// look it up: from the directory that the [`View`] links, whatever other handles there are to directories in it.
    pub(crate) fn find(&self, path: &str, watch: Watch<'_>) -> Result<Inside, String> {
        let (mount, inner) =
            self.holders(path)?.min_by_key(|(mount, _)| mount.guest.len()).ok_or_else(|| self.nowhere(path))?;
        let checked = match inner {
            "" => check_folder(&mount.dir, 0, watch),
            inner => check_inside(&mount.dir, inner, watch),
        };
        checked.map_err(|error| format!("`{path}`: {error}"))?;
        Ok(Inside { zone: mount.zone, view: format!(".{path}") })
    }

    /// Opens a directory of the guest, and tells whether it may be changed.
    ///
    /// The error is for the guest: what is granted and not there is missing, anything else refused.
    pub(crate) fn open_folder(&self, path: &str) -> Result<(Dir, bool), Unopened> {
        let innermost = self.holders(path).map_err(Unopened::Refused)?.max_by_key(|(mount, _)| mount.guest.len());
        let Some((mount, inner)) = innermost else {
            return Err(match self.absent(path) {
                Some(_) => Unopened::Missing(self.nowhere(path)),
                None => Unopened::Refused(self.nowhere(path)),
            });
        };
        let dir = if inner.is_empty() { mount.dir.try_clone() } else { mount.dir.open_dir(inner) };
        dir.map(|dir| (dir, mount.write)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unopened::Missing(format!("`{path}`: {error}")),
            _ => Unopened::Refused(format!("`{path}`: {error}")),
        })
    }

    /// Returns the granted directories that hold a path of the guest, each with the rest of the path.
    fn holders<'p>(&self, path: &'p str) -> Result<impl Iterator<Item = (&Mount, &'p str)>, String> {
        let is_plain = path.strip_prefix('/').is_some_and(|inner| !inner.is_empty() && TreePath::new(inner).is_ok());
        if !is_plain {
            return Err(format!("`{path}` is not an absolute path without `.`, `..` and empty parts"));
        }
        Ok(self.mounts.iter().filter_map(move |mount| Some((mount, rest(path, &mount.guest)?))))
    }

    /// Makes a directory in which a tool finds all granted directories under the names that the guest knows.
    ///
    /// So arguments never hold the host's own paths, whose commas and blanks some tools would misread.
    pub(crate) fn view(&self) -> io::Result<View> {
        fs::create_dir_all(&self.scratch)?;
        clear_views(&self.scratch)?;
        let folder = Temporary::new(&format!("{VIEW}{}-", std::process::id()), &self.scratch)?;
        for mount in &self.mounts {
            if self.mounts.iter().any(|outer| outer.guest != mount.guest && rest(&mount.guest, &outer.guest).is_some())
            {
                continue;
            }
            let link = folder.path().join(mount.guest.trim_start_matches('/'));
            if let Some(parent) = link.parent() {
                fs::create_dir_all(parent)?;
            }
            std::os::unix::fs::symlink(fs::read_link(handle_path(&mount.dir))?, link)?;
        }
        Ok(View(folder))
    }
}

/// Returns the lock of a plugin's state, which lies beside its directory.
fn lock_of(state: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".lock+");
    name.push(state.file_name().unwrap_or_default());
    state.with_file_name(name)
}

/// Returns the accesses that no other one gives already. So a plugin never holds a directory of which it could change the
/// way to it by another grant, and each directory has one name.
fn outermost(capabilities: &[Capability]) -> Vec<&Access> {
    let mut accesses: Vec<&Access> = Vec::new();
    for capability in capabilities {
        let Capability::Files(access) = capability else { continue };
        if !accesses.iter().any(|known| known.covers(access)) {
            accesses.retain(|known| !access.covers(known));
            accesses.push(access);
        }
    }
    accesses
}

/// Returns what of a path comes behind a directory that holds it, or is it.
fn rest<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    match path.strip_prefix(folder)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

fn ungranted(path: &str) -> String {
    format!("`{path}` is in none of the directories that the plugin was granted")
}

/// How the names of views start; the number of the process that uses one follows.
const VIEW: &str = ".view-";

/// Removes the views of processes that are no more.
fn clear_views(scratch: &Path) -> io::Result<()> {
    for entry in fs::read_dir(scratch)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(owner) = name.strip_prefix(VIEW).and_then(|rest| rest.split('-').next()) else { continue };
        if !Path::new("/proc").join(owner).exists() {
            skiff_tree::remove(rustix::fs::CWD, &entry.path(), &|| Ok(()))?;
        }
    }
    Ok(())
}

/// A temporary directory with links to the granted directories, removed when dropped.
pub(crate) struct View(Temporary);

impl View {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The path of an open directory. Whoever opens it gets the directory that was checked, even if the one at the old
/// path was replaced since.
fn handle_path(dir: &Dir) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()))
}

fn check_inside(dir: &Dir, inner: &str, watch: Watch<'_>) -> io::Result<()> {
    match dir.metadata(inner) {
        Ok(metadata) if metadata.is_dir() => check_folder(&dir.open_dir(inner)?, 0, watch),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Not there yet, or a link to something that is not there: only the former may be written.
            if dir.symlink_metadata(inner).is_ok() {
                return Err(io::Error::other("a symbolic link that leads nowhere"));
            }
            match inner.rsplit_once('/') {
                None => Ok(()),
                Some((parent, _)) => dir.metadata(parent).map(drop),
            }
        }
        Err(error) => Err(error),
    }
}

/// Directories in directories that are looked into.
const MAX_DEPTH: usize = 64;

/// A tool that is given a directory may read through the links in it, so none may lead out of the directory.
fn check_folder(dir: &Dir, depth: usize, watch: Watch<'_>) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other(format!("directories are nested more than {MAX_DEPTH} deep")));
    }
    for entry in dir.entries()? {
        watch().map_err(TreeError::from)?;
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            let target = dir.read_link_contents(entry.file_name())?;
            let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
            if !target.components().all(plain) {
                let name = entry.file_name().to_string_lossy().into_owned();
                return Err(io::Error::other(format!("the symbolic link `{name}` in it may lead out")));
            }
        } else if kind.is_dir() {
            check_folder(&entry.open_dir()?, depth + 1, watch)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use skiff_layers::Layer;

    use super::*;

    fn mounts(root: &Path, accesses: &[(Zone, &str, bool)]) -> Mounts {
        let zones = Zones {
            layers: vec![("a/a".into(), root.join("a")), ("b/b".into(), root.join("b"))],
            target: Some(root.join("target")),
            images: None,
            state: root.join("state"),
            epoch: None,
        };
        let capabilities: Vec<_> = accesses
            .iter()
            .map(|(zone, path, write)| {
                Capability::Files(Access {
                    zone: *zone,
                    path: (*path).into(),
                    write: *write,
                    why: "test".parse().unwrap(),
                })
            })
            .collect();
        let manifest = "schema: 1\nplugins: [{name: p, version: 1.0.0, component: p, interface: ^1.0, hooks: [pre]}]";
        let decl = skiff_layers::parse_manifest(root, manifest).unwrap().plugins.remove(0);
        let plugin = LayerPlugin::own(&Layer::open("a/a", &root.join("a")).unwrap(), decl);
        Mounts::open(&plugin, &zones, &capabilities).unwrap()
    }

    #[test]
    fn only_granted_folders_are_found_and_links_out_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("target/etc/docker")).unwrap();
        fs::create_dir_all(at("b/resources")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("target/etc/docker/out")).unwrap();
        let mounts = mounts(root.path(), &[(Zone::Target, "etc/docker", true), (Zone::Layers, "resources", false)]);
        assert_eq!(mounts.layer(0), None);
        assert_eq!(mounts.layer(1), Some("/layers/01"));
        let found = mounts.find("/target/etc/docker/daemon.json", &|| Ok(())).unwrap();
        assert_eq!(found, Inside { zone: Zone::Target, view: "./target/etc/docker/daemon.json".into() });
        for bad in
            ["/target/etc/passwd", "/etc/passwd", "/target/etc/docker/../x", "/target/etc/docker/out", "rel", "/"]
        {
            assert!(mounts.find(bad, &|| Ok(())).is_err(), "{bad}");
        }
    }

    /// What a plugin may change must not be on the way to another directory that it holds: it could put something else there
    /// between the check and the tool.
    #[test]
    fn a_path_is_found_where_a_tool_will_find_it() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("target/a/b")).unwrap();
        let writes =
            mounts(root.path(), &[(Zone::Target, "a/b", true), (Zone::Target, "a", true), (Zone::Target, "a", false)]);
        assert_eq!(writes.mounts.len(), 1, "one grant gives all that the others do");
        let reads = mounts(root.path(), &[(Zone::Target, "a", false), (Zone::Target, "a/b", true)]);
        assert_eq!(reads.mounts.len(), 2);
        for mounts in [writes, reads] {
            fs::write(at("target/a/b/file"), "").unwrap();
            assert!(mounts.find("/target/a/b/file", &|| Ok(())).is_ok());
            fs::rename(at("target/a/b"), at("target/a/aside")).unwrap();
            std::os::unix::fs::symlink("/", at("target/a/b")).unwrap();
            assert!(mounts.find("/target/a/b/etc", &|| Ok(())).is_err());
            fs::remove_file(at("target/a/b")).unwrap();
            fs::rename(at("target/a/aside"), at("target/a/b")).unwrap();
        }
    }

    #[test]
    fn a_view_links_outer_folders_only() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("target")).unwrap();
        let mounts = mounts(root.path(), &[(Zone::Target, "", false), (Zone::Target, "etc/docker", true)]);
        let view = mounts.view().unwrap();
        assert!(view.path().join("target/etc/docker").is_dir());
        assert!(view.path().join("target").is_symlink());
    }
}
