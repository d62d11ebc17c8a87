use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::LayerName;
use crate::LayerSource;
use crate::LegacyCommand;
use crate::Location;
use crate::Package;
use crate::PluginDecl;
use crate::Prebuilt;
use crate::ReadError;
use crate::Stage;
use crate::file::optional_folder;
use crate::file::optional_text;
use crate::file::sorted_files;
use crate::manifest;
use crate::metadata;

/// The folders of a layer whose contents take part in a build.
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

/// A folder that has taken its place in the merge order, with the parts found in it read on demand.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The package's name, or `base/pre`, `base/post`, `overrides`, `overrides/workspaces/<workspace>`.
    pub name: String,
    /// Its place.
    pub source: LayerSource,
    /// Its folder, absolute.
    pub root: PathBuf,
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
    pub(crate) fn package(name: &LayerName, position: usize, root: PathBuf) -> Self {
        Self { name: name.to_string(), source: LayerSource::Chain(position), root }
    }

    /// Returns a package as a layer of its own, outside any chain: to read what it declares.
    pub fn at(package: &Package) -> Self {
        Self::package(&package.name, 0, package.root.clone())
    }

    /// Returns the end of the names of the variables that SkiffOS has for a package: `PI_4` for `pi/4`.
    pub fn variable_suffix(&self) -> String {
        crate::name::variable_suffix(&self.name)
    }

    /// Reads the fragments in one of the folders `buildroot`, `kernel`, `uboot`, `busybox`, `cflags` and
    /// `users`, in byte order of the file names.
    ///
    /// # Errors
    /// [`ReadError`] when a file cannot be read or something in the folder is no file.
    pub fn fragments(&self, folder: &str) -> Result<Vec<FragmentFile>, ReadError> {
        let mut fragments = Vec::new();
        for path in sorted_files(&self.root.join(folder))? {
            let shown = path.strip_prefix(&self.root).unwrap_or(&path).to_owned();
            let text = optional_text(&path)?.unwrap_or_default();
            fragments.push(FragmentFile { path, shown, text });
        }
        Ok(fragments)
    }

    /// Returns one of the folders `root_overlay`, `kernel_patches`, `uboot_patches` and `buildroot_patches`,
    /// if the layer has it.
    pub fn folder(&self, part: &str) -> Option<PathBuf> {
        optional_folder(self.root.join(part))
    }

    /// Returns the Buildroot external tree, if the layer has one.
    ///
    /// # Errors
    /// [`ReadError::IncompleteExtension`] when one of the three files that Buildroot insists on is missing.
    pub fn external_tree(&self) -> Result<Option<PathBuf>, ReadError> {
        let Some(folder) = self.folder("buildroot_ext") else { return Ok(None) };
        for missing in ["external.desc", "external.mk", "Config.in"] {
            if !folder.join(missing).is_file() {
                let layer = self.name.clone();
                return Err(ReadError::IncompleteExtension { at: Location::whole(folder), layer, missing });
            }
        }
        Ok(Some(folder))
    }

    /// Returns the shell hooks, if the layer has any.
    pub fn shell_hooks(&self) -> Vec<ShellHook> {
        let hook = |stage: Stage| {
            let path = self.root.join(format!("hooks/{stage}.sh"));
            path.is_file().then_some(ShellHook { stage, path })
        };
        [Stage::Pre, Stage::Post].into_iter().filter_map(hook).collect()
    }

    /// Reads the plugins that the layer declares in `metadata/plugins.yaml`.
    ///
    /// # Errors
    /// [`ReadError`] when the manifest does not have the documented shape.
    pub fn plugins(&self) -> Result<Vec<PluginDecl>, ReadError> {
        manifest::read(&self.root)
    }

    /// Reads the commands that the layer declares in `metadata/commands` and carries out with
    /// `extensions/Makefile`; none without that Makefile's folder.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the file is there and cannot be read.
    pub fn legacy_commands(&self) -> Result<Vec<LegacyCommand>, ReadError> {
        match self.folder("extensions") {
            Some(_) => metadata::commands(&self.root),
            None => Ok(Vec::new()),
        }
    }

    /// Reads what the layer says to the prebuilt engine.
    ///
    /// # Errors
    /// [`ReadError`] when the file does not have the documented shape.
    pub fn prebuilt(&self) -> Result<Prebuilt, ReadError> {
        Prebuilt::read(&self.root, &self.name)
    }

    /// Reads `metadata/buildtarget`: the make target to build instead of everything.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the file is there and cannot be read.
    pub fn build_target(&self) -> Result<Option<String>, ReadError> {
        let word = metadata::word(&self.root, "buildtarget")?;
        // make takes other words for options or variables.
        let plain = |word: &String| {
            word.starts_with(|c: char| c.is_ascii_alphanumeric())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
        };
        match word.filter(|word| !plain(word)) {
            None => metadata::word(&self.root, "buildtarget"),
            Some(word) => Err(ReadError::Manifest {
                at: Location::whole(self.root.join("metadata/buildtarget")),
                message: format!("`{word}` is not one target of make"),
            }),
        }
    }

    /// Returns the folders whose contents decide what is built: everything but READMEs and the like.
    pub fn input_folders(&self) -> impl Iterator<Item = (&'static str, PathBuf)> + use<'_> {
        // One look at the layer takes less than asking for each part; who may not list it may still know the names.
        let names = |entries: fs::ReadDir| entries.map(|entry| Ok(entry?.file_name())).collect();
        let present: io::Result<BTreeSet<OsString>> = fs::read_dir(&self.root).and_then(names);
        let may_be = move |part: &&&str| match &present {
            Ok(names) => names.contains(OsStr::new(part)),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        PARTS.iter().filter(may_be).filter_map(|part| Some((*part, self.folder(part)?)))
    }
}
