//! The kernel and its modules.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use object::Object as _;
use object::ObjectSection as _;
use skiff_plan::Arch;
use skiff_report::Task;
use skiff_report::Unit;
use walkdir::WalkDir;

use super::PrebuiltError;
use super::compression::decompress;
use super::tree::Tree;
use crate::BuildContext;
use crate::FileError;
use crate::Origin;
use crate::images::Images;
use skiff_text::Shown as _;

/// How the name of the kernel's configuration in `/boot` starts.
const CONFIG: &str = "config-";

/// Bytes of a kernel's configuration; that of Debian has 260 KB.
const MAX_CONFIG: u64 = 16 << 20;

/// The kernel that was found in the packages.
pub(crate) struct Kernel {
    /// Its release, `6.1.0-18-cloud-amd64`.
    release: String,
}

/// The modules of a kernel by name, with `_` for `-`.
pub(crate) struct Modules {
    release: String,
    modules: BTreeMap<String, Module>,
    builtin: BTreeSet<String>,
}

/// A module.
struct Module {
    /// Its file, relative to the directory of the release.
    path: PathBuf,
    /// The modules it needs directly, in the order that its file names them.
    needs: Vec<String>,
    /// The devices and names it serves, as patterns.
    aliases: Vec<String>,
}

/// Moves the kernel image out of the tree, under the name that Buildroot gives it, and leaves only the kernel's
/// configuration in `/boot`.
pub(crate) fn take_out(tree: &Tree, images: &Images, arch: Option<Arch>) -> Result<Kernel, PrebuiltError> {
    let boot = tree.path().join("boot");
    let mut kernel: Option<Kernel> = None;
    for name in tree.list("boot")? {
        if let Some(release) = name.strip_prefix("vmlinuz-") {
            if let Some(first) = kernel {
                return Err(PrebuiltError::TwoKernels { first: first.release, second: release.to_owned() });
            }
            let image = if arch == Some(Arch::Amd64) { "bzImage" } else { "Image" };
            let copy = || io::copy(&mut tree.dir().open(inner(&name))?, &mut images.create(image)?);
            copy().map_err(FileError::at("write", images.path().join(image)))?;
            kernel = Some(Kernel { release: release.to_owned() });
        }
        if !name.starts_with(CONFIG) {
            let folder = tree.dir().open_dir("boot").map_err(FileError::at("open", &boot))?;
            skiff_tree::remove(folder, Path::new(&name), &|| Ok(()))
                .map_err(|error| FileError::at("remove", boot.join(&name))(error.into()))?;
        }
    }
    kernel.ok_or(PrebuiltError::NoKernelImage)
}

/// A name in the target's `/boot`.
fn inner(name: &str) -> PathBuf {
    Path::new("boot").join(name)
}

/// Returns the symbols that the kernel of a built target has, built in or as modules.
pub(crate) fn settings(target: &Path) -> BTreeSet<String> {
    let Ok(tree) = Tree::new(target) else { return BTreeSet::new() };
    let names = tree.list("boot").unwrap_or_default().into_iter().filter(|name| name.starts_with(CONFIG));
    // Hooks and overlays may have put anything here.
    let is_text = |path: &PathBuf| {
        tree.dir().symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() < MAX_CONFIG)
    };
    let texts = names.map(|name| inner(&name)).filter(is_text).filter_map(|path| tree.dir().read_to_string(path).ok());
    let given = |line: &str| {
        let (symbol, value) = line.split_once('=')?;
        matches!(value, "y" | "m").then(|| symbol.to_owned())
    };
    texts.flat_map(|text| text.lines().filter_map(given).collect::<Vec<_>>()).collect()
}

impl Kernel {
    fn folder(&self) -> PathBuf {
        Path::new("usr/lib/modules").join(&self.release)
    }

    /// Writes the indexes that `modprobe` reads. Packages leave that to `depmod` on the running system, which
    /// cannot be run for another architecture; everything needed stands in the modules themselves.
    pub(crate) fn index_modules(&self, tree: &Tree, context: &BuildContext) -> Result<Modules, PrebuiltError> {
        let root = tree.path().join(self.folder());
        let mut files = Vec::new();
        for entry in WalkDir::new(&root).sort_by_file_name() {
            let entry = entry.map_err(FileError::walking(&root))?;
            if entry.file_type().is_file() {
                files.push(entry.into_path());
            }
        }
        let total = Some(files.len() as u64);
        let task = Task::start(&context.reporter, "Indexing kernel modules", Unit::Items, total);
        let mut modules = BTreeMap::new();
        for file in files {
            context.cancel.check()?;
            task.advance(1);
            let Some(path) = plain_module(tree, &file, &self.folder(), &root)? else { continue };
            let bytes = tree.dir().read(self.folder().join(&path)).map_err(FileError::at("read", root.join(&path)))?;
            let module = Module::read(&path, &bytes)?;
            modules.insert(name_of(&path), module);
        }
        let builtin = tree.read(&self.folder().join("modules.builtin").to_string_lossy())?;
        let builtin = builtin.lines().map(|line| name_of(Path::new(line))).collect();
        let modules = Modules { release: self.release.clone(), modules, builtin };
        let write = |name: &str, text: &str| tree.write(&self.folder().join(name).to_string_lossy(), 0o644, text);
        write("modules.dep", &modules.dependency_index())?;
        write("modules.alias", &modules.alias_index())?;
        Ok(modules)
    }
}

/// Makes sure that a module is stored uncompressed, since every image is compressed as a whole and Busybox
/// need not know how. Returns its path relative to the modules' directory, or `None` for other files.
fn plain_module(tree: &Tree, path: &Path, folder: &Path, root: &Path) -> Result<Option<PathBuf>, PrebuiltError> {
    let inner = path.strip_prefix(root).unwrap_or(path);
    let name = inner.to_string_lossy();
    if name.ends_with(".ko") {
        return Ok(Some(inner.to_owned()));
    }
    let Some((plain, compression)) = name.rsplit_once('.').filter(|(plain, _)| plain.ends_with(".ko")) else {
        return Ok(None);
    };
    let open = || -> io::Result<()> {
        let mut reader = decompress(compression, tree.dir().open(folder.join(inner))?)?;
        tree.begin(tree.origin_of(&folder.join(inner)));
        tree.add_file(&folder.join(plain), 0o644, &mut reader)?;
        tree.begin(Origin::Skiff);
        tree.dir().remove_file(folder.join(inner))
    };
    open().map_err(FileError::at("unpack", path))?;
    Ok(Some(PathBuf::from(plain)))
}

/// `kernel/fs/squashfs/squashfs.ko` is the module `squashfs`.
fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_")
}

impl Module {
    /// Reads the section `.modinfo`: NUL-terminated `key=value` texts.
    fn read(path: &Path, bytes: &[u8]) -> Result<Self, PrebuiltError> {
        let bad = |error: object::Error| PrebuiltError::BadModule {
            path: path.shown().to_string(),
            message: error.to_string(),
        };
        let file = object::File::parse(bytes).map_err(bad)?;
        let info = match file.section_by_name(".modinfo") {
            Some(section) => section.data().map_err(bad)?,
            None => &[],
        };
        let mut module = Self { path: path.to_owned(), needs: Vec::new(), aliases: Vec::new() };
        for text in info.split(|byte| *byte == 0) {
            let text = String::from_utf8_lossy(text);
            match text.split_once('=') {
                Some(("depends", names)) => {
                    module.needs = names.split(',').filter(|n| !n.is_empty()).map(|n| n.replace('-', "_")).collect();
                }
                Some(("alias", alias)) => module.aliases.push(alias.to_owned()),
                _ => {}
            }
        }
        Ok(module)
    }
}

impl Modules {
    /// Returns the files of the wanted modules, relative to the target, each after all that it needs. Modules
    /// built into the kernel are left out.
    pub(crate) fn with_needs(&self, wanted: &[String]) -> Result<Vec<PathBuf>, PrebuiltError> {
        let mut order = Vec::new();
        for name in wanted {
            let name = name.replace('-', "_");
            if !self.modules.contains_key(&name) && !self.builtin.contains(&name) {
                return Err(PrebuiltError::NoModule { release: self.release.clone(), module: name });
            }
            self.visit(&name, &mut order);
        }
        let folder = Path::new("usr/lib/modules").join(&self.release);
        let path = |name: &String| self.modules.get(name).map(|module| folder.join(&module.path));
        Ok(order.iter().filter_map(path).collect())
    }

    fn visit(&self, name: &str, order: &mut Vec<String>) {
        self.visit_below(name, order, &mut BTreeSet::new());
    }

    /// Modules that need each other, which no kernel has, do not lead in a circle.
    fn visit_below<'m>(&'m self, name: &str, order: &mut Vec<String>, above: &mut BTreeSet<&'m str>) {
        let Some((name, module)) = self.modules.get_key_value(name) else { return };
        if order.contains(name) || !above.insert(name) {
            return;
        }
        for needed in &module.needs {
            self.visit_below(needed, order, above);
        }
        order.push(name.clone());
    }

    /// `modules.dep`: a module and all that must be loaded before it, the nearest first.
    fn dependency_index(&self) -> String {
        let mut text = String::new();
        for (name, module) in &self.modules {
            let mut order = Vec::new();
            self.visit(name, &mut order);
            let _ = write!(text, "{}:", module.path.shown());
            for needed in order.iter().rev().skip(1).filter_map(|name| self.modules.get(name)) {
                let _ = write!(text, " {}", needed.path.shown());
            }
            text.push('\n');
        }
        text
    }

    /// `modules.alias`: which module serves which device.
    fn alias_index(&self) -> String {
        let mut text = String::new();
        for (name, module) in &self.modules {
            for alias in &module.aliases {
                let _ = writeln!(text, "alias {alias} {name}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_needs_comes_before_it() {
        let module = |name: &str, needs: &[&str]| {
            let needs = needs.iter().map(|n| (*n).to_owned()).collect();
            (
                name.to_owned(),
                Module { path: format!("kernel/{name}.ko").into(), needs, aliases: vec![format!("x:{name}")] },
            )
        };
        let modules = Modules {
            release: "6".into(),
            modules: BTreeMap::from([
                module("virtio_blk", &["virtio_ring", "virtio"]),
                module("virtio_ring", &["virtio"]),
                module("virtio", &[]),
            ]),
            builtin: BTreeSet::from(["ext4".to_owned()]),
        };
        let files = modules.with_needs(&["ext4".into(), "virtio-blk".into()]).unwrap();
        let names: Vec<_> = files.iter().map(|path| name_of(path)).collect();
        assert_eq!(names, ["virtio", "virtio_ring", "virtio_blk"]);
        assert!(modules.with_needs(&["nothing".into()]).is_err());
        let index = modules.dependency_index();
        assert!(index.contains("kernel/virtio_blk.ko: kernel/virtio_ring.ko kernel/virtio.ko\n"), "{index}");
        assert!(modules.alias_index().starts_with("alias x:virtio virtio\n"));
    }
}
