use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::LayerCommand;
use crate::LayerDir;
use crate::LayerSource;
use crate::Location;
use crate::Manifest;
use crate::Package;
use crate::Prebuilt;
use crate::ReadError;
use crate::Stage;
use crate::manifest;
use crate::metadata;

/// The directories of a layer whose contents take part in a build.
const PARTS: [&str; 17] = [
    "buildroot",
    "buildroot_ext",
    "buildroot_patches",
    "busybox",
    "cflags",
    "extensions",
    "hooks",
    "kernel",
    "kernel_patches",
    "metadata",
    "plugins",
    "resources",
    "root_overlay",
    "scripts",
    "uboot",
    "uboot_patches",
    "users",
];

/// The Makefile with a layer's commands, as SkiffOS has them.
pub const MAKEFILE: &str = "extensions/Makefile";

/// Bytes that one fragment may have. The largest of a kernel with everything set has 300 KB.
const MAX_FRAGMENT: u64 = 8 << 20;

/// Bytes that all fragments, flags and users tables of a chain may have together.
const MAX_FRAGMENTS: u64 = 32 << 20;

/// How much more text of a chain is read: each layer is bounded, and so is the sum of all.
#[derive(Debug, Clone)]
pub struct TextBudget(u64);

impl Default for TextBudget {
    fn default() -> Self {
        Self(MAX_FRAGMENTS)
    }
}

impl TextBudget {
    fn take(&mut self, path: &Path, bytes: usize) -> Result<(), ReadError> {
        let left = self.0.checked_sub(bytes as u64);
        self.0 = left.ok_or_else(|| ReadError::TooMuch { path: path.to_owned(), most: MAX_FRAGMENTS })?;
        Ok(())
    }
}

/// A directory that has taken its place in the merge order, with the parts found in it read on demand.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The package's name, or `base/pre`, `base/post`, `overrides`, `overrides/workspaces/<workspace>`.
    pub name: String,
    /// Its place.
    pub source: LayerSource,
    /// Its directory, absolute.
    pub root: PathBuf,
    /// The same, held open: what is read of a layer is read through this.
    pub dir: LayerDir,
}

/// A text file that takes part in a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentFile {
    /// The file, absolute.
    pub path: PathBuf,
    /// The file relative to the layer: what messages show.
    pub shown: PathBuf,
    /// Its text.
    pub text: String,
}

/// A hook in the form of SkiffOS: a shell script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellHook {
    /// When it wants to run.
    pub stage: Stage,
    /// The script, absolute.
    pub path: PathBuf,
}

impl Layer {
    pub(crate) fn package(package: &Package, position: usize) -> Self {
        let Package { name, root, dir, .. } = package.clone();
        Self { name: name.to_string(), source: LayerSource::Chain(position), root, dir }
    }

    /// Opens a directory as a layer of its own, outside any chain.
    ///
    /// # Errors
    /// Those of the system, except that there is no such directory.
    pub fn open(name: &str, root: &Path) -> io::Result<Self> {
        let (name, root, dir) = (name.to_owned(), root.to_owned(), LayerDir::open(root)?);
        Ok(Self { name, source: LayerSource::Chain(0), root, dir })
    }

    /// Returns a package as a layer of its own, outside any chain: to read what it declares.
    pub fn at(package: &Package) -> Self {
        Self::package(package, 0)
    }

    /// Returns the end of the names of the variables that SkiffOS has for a package: `PI_4` for `pi/4`.
    pub fn variable_suffix(&self) -> String {
        crate::name::variable_suffix(&self.name)
    }

    /// Reads the fragments in one of the directories `buildroot`, `kernel`, `uboot`, `busybox`, `cflags` and
    /// `users`, in byte order of the file names, as far as the budget for all texts of a chain reaches.
    ///
    /// # Errors
    /// [`ReadError`] when a file cannot be read, something in the directory is no file, or the texts are too long.
    pub fn fragments(&self, folder: &str, budget: &mut TextBudget) -> Result<Vec<FragmentFile>, ReadError> {
        let mut fragments = Vec::new();
        for shown in self.dir.files(folder)? {
            let path = self.dir.path(&shown);
            let text = self.dir.text(&shown, MAX_FRAGMENT)?.unwrap_or_default();
            budget.take(&path, text.len())?;
            fragments.push(FragmentFile { path, shown, text });
        }
        Ok(fragments)
    }

    /// Returns one of the directories `root_overlay`, `kernel_patches`, `uboot_patches` and `buildroot_patches`,
    /// if the layer has it.
    ///
    /// # Errors
    /// [`ReadError`] when a link leads out of the layer's tree, or the system refuses.
    pub fn folder(&self, part: &str) -> Result<Option<PathBuf>, ReadError> {
        self.dir.folder(part)
    }

    /// Returns the Buildroot external tree, if the layer has one.
    ///
    /// # Errors
    /// [`ReadError::IncompleteExtension`] when one of the three files that Buildroot insists on is missing.
    pub fn external_tree(&self) -> Result<Option<PathBuf>, ReadError> {
        let Some(folder) = self.folder("buildroot_ext")? else { return Ok(None) };
        for missing in ["external.desc", "external.mk", "Config.in"] {
            if !self.dir.is_file(Path::new("buildroot_ext").join(missing))? {
                let layer = self.name.clone();
                return Err(ReadError::IncompleteExtension { at: Location::whole(folder), layer, missing });
            }
        }
        Ok(Some(folder))
    }

    /// Returns the shell hooks, if the layer has any.
    ///
    /// # Errors
    /// [`ReadError`] when a link leads out of the layer's tree, or the system refuses.
    pub fn shell_hooks(&self) -> Result<Vec<ShellHook>, ReadError> {
        let mut hooks = Vec::new();
        for stage in [Stage::Pre, Stage::Post] {
            let inner = format!("hooks/{stage}.sh");
            if self.dir.is_file(&inner)? {
                hooks.push(ShellHook { stage, path: self.dir.path(inner) });
            }
        }
        Ok(hooks)
    }

    /// Reads `metadata/plugins.yaml`: the plugins that the layer ships, and those of other layers that it uses.
    /// [`Chain::plugins_of`](crate::Chain::plugins_of) returns those that work for it.
    ///
    /// # Errors
    /// [`ReadError`] when the manifest does not have the documented shape.
    pub fn manifest(&self) -> Result<Manifest, ReadError> {
        manifest::read(&self.dir)
    }

    /// Reads the commands that the layer declares in `metadata/commands` and carries out with
    /// `extensions/Makefile`; none without that Makefile's directory.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the file is there and cannot be read.
    pub fn makefile_commands(&self) -> Result<Vec<LayerCommand>, ReadError> {
        match self.folder("extensions")? {
            Some(_) => metadata::commands(&self.dir),
            None => Ok(Vec::new()),
        }
    }

    /// Reads the Makefile with the layer's commands, if there is one.
    ///
    /// # Errors
    /// [`ReadError`] when it is too long, cannot be read, or leads out of the layer's tree.
    pub fn makefile(&self) -> Result<Option<String>, ReadError> {
        self.dir.text(MAKEFILE, MAX_FRAGMENT)
    }

    /// Reads what the layer says to the prebuilt engine.
    ///
    /// # Errors
    /// [`ReadError`] when the file does not have the documented shape.
    pub fn prebuilt(&self) -> Result<Prebuilt, ReadError> {
        Prebuilt::read(&self.dir, &self.name)
    }

    /// Returns whether the layer is a board: of the group `board`, of which a chain has one member.
    ///
    /// # Errors
    /// [`ReadError::Io`] when `metadata/uniquegroup` is there and cannot be read.
    pub fn is_board(&self) -> Result<bool, ReadError> {
        Ok(metadata::word(&self.dir, "uniquegroup")?.is_some_and(|group| &*group == "board"))
    }

    /// Reads `metadata/buildtarget`: the make target to build instead of everything.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the file is there and cannot be read.
    pub fn build_target(&self) -> Result<Option<String>, ReadError> {
        let word = metadata::word(&self.dir, "buildtarget")?.map(|word| word.to_string());
        // make takes other words for options or variables.
        let plain = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
        };
        match word {
            None => Ok(None),
            Some(word) if plain(&word) => Ok(Some(word)),
            Some(word) => Err(ReadError::Manifest {
                at: Location::whole(self.root.join("metadata/buildtarget")),
                message: format!("`{word}` is not one target of make"),
            }),
        }
    }

    /// Returns the directories whose contents decide what is built: everything but READMEs and the like.
    ///
    /// # Errors
    /// [`ReadError`] when a link leads out of the layer's tree, or the system refuses.
    pub fn input_folders(&self) -> Result<Vec<&'static str>, ReadError> {
        // One look at the layer takes less than asking for each part.
        let names = self.dir.names()?.unwrap_or_default();
        let mut parts = Vec::new();
        for part in PARTS.into_iter().filter(|part| names.iter().any(|name| name == part)) {
            // A file in the place of a directory is read, too: a medium can have it as a source.
            if self.dir.metadata(part)?.is_some() {
                parts.push(part);
            }
        }
        Ok(parts)
    }
}
