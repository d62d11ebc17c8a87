//! The kernel and its modules.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use indexmap::IndexSet;
use skiff_kmod::Lists;
use skiff_kmod::ModuleInfo;
use skiff_kmod::ModuleSet;
use skiff_kmod::Modules;
use skiff_kmod::NoModule;
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

/// Bytes of a module; with debugging information, the largest has 400 MB.
const MAX_MODULE: u64 = 1 << 30;

/// Bytes of a list that the kernel's package contains; `modules.builtin.modinfo` has 250 KB at most.
const MAX_LIST: u64 = 16 << 20;

/// The kernel that was found in the packages.
pub(crate) struct Kernel {
    /// Its release, `6.1.0-18-cloud-amd64`.
    release: String,
}

/// The modules of the kernel, and where they are in the target.
pub(crate) struct KernelModules {
    release: String,
    folder: PathBuf,
    modules: Modules,
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

    /// Writes the indexes of modules. Packages leave that to `depmod` on the running system, which cannot be run for
    /// another architecture; everything needed stands in the modules themselves.
    pub(crate) fn index_modules(&self, tree: &Tree, context: &BuildContext) -> Result<KernelModules, PrebuiltError> {
        let modules = self.read_modules(tree, context)?.arrange(&self.lists(tree)?.borrow());
        let unwritten = |source| PrebuiltError::Index { release: self.release.clone(), source };
        for (name, bytes) in modules.files().map_err(unwritten)? {
            let path = self.folder().join(name);
            let written = tree.add_file(&path, 0o644, &mut bytes.as_slice());
            written.map_err(FileError::at("write", tree.path().join(path)))?;
        }
        Ok(KernelModules { release: self.release.clone(), folder: self.folder(), modules })
    }

    /// Reads every module once, and leaves it uncompressed.
    fn read_modules(&self, tree: &Tree, context: &BuildContext) -> Result<ModuleSet, PrebuiltError> {
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
        let mut modules = ModuleSet::default();
        for file in files {
            context.cancel.check()?;
            task.advance(1);
            let Some(path) = plain_module(tree, &file, &self.folder(), &root)? else { continue };
            let bytes = tree.read_bytes(&self.folder().join(&path), MAX_MODULE)?.unwrap_or_default();
            let bad = |source| PrebuiltError::BadModule { path: path.shown().to_string(), source };
            modules
                .add(ModuleInfo::read(&path, &bytes).map_err(bad)?)
                .map_err(|source| PrebuiltError::Modules { release: self.release.clone(), source })?;
        }
        Ok(modules)
    }

    /// Reads the lists of the kernel's package. Kernels before 5.2 have no `modules.builtin.modinfo`.
    fn lists(&self, tree: &Tree) -> Result<OwnedLists, PrebuiltError> {
        let text = |name: &str| tree.read(&self.folder().join(name).to_string_lossy());
        let builtin_info = tree.read_bytes(&self.folder().join("modules.builtin.modinfo"), MAX_LIST)?;
        let (order, builtin) = (text("modules.order")?, text("modules.builtin")?);
        Ok(OwnedLists { order, builtin, builtin_info: builtin_info.unwrap_or_default() })
    }
}

/// The contents of the lists in a kernel's package.
struct OwnedLists {
    order: String,
    builtin: String,
    builtin_info: Vec<u8>,
}

impl OwnedLists {
    fn borrow(&self) -> Lists<'_> {
        Lists { order: &self.order, builtin: &self.builtin, builtin_info: &self.builtin_info }
    }
}

impl KernelModules {
    /// Returns the files of the wanted modules, relative to the target, each after all that it needs. Modules in the kernel
    /// itself are left out.
    pub(crate) fn with_needs(&self, wanted: &IndexSet<String>) -> Result<Vec<PathBuf>, PrebuiltError> {
        let missing = |error: NoModule| PrebuiltError::NoModule { release: self.release.clone(), module: error.name };
        let files = self.modules.with_needs(wanted).map_err(missing)?;
        Ok(files.into_iter().map(|file| self.folder.join(file)).collect())
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
