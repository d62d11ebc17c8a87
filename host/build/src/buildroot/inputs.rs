//! What a build with Buildroot is made from, stage by stage.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_digest::Digest;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::BuildPlan;
use skiff_plan::LayerPart;
use skiff_plan::Links;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use walkdir::WalkDir;

use super::BuildrootError;
use super::part::Part;
use super::variable::Folders;
use crate::FileError;
use crate::Input;
use crate::StageInputs;
use crate::outputs::digest_folder;

/// Digests everything that a build is made from, stage by stage. `identity` is that of Buildroot's tree.
pub(crate) fn of(
    plan: &BuildPlan,
    workspace: &Workspace,
    config: &Merged,
    identity: &str,
    cancel: &Cancel,
) -> Result<Vec<StageInputs>, BuildrootError> {
    let own = workspace.config();
    let sources = Sources { plan, config, cancel, folders: Folders::of(plan)?, output: workspace.folder(), own };
    Ok(vec![
        sources.toolchain(identity, &workspace.folder().join("local.mk"))?,
        sources.packages()?,
        sources.of_program(Part::Kernel, Kind::Kernel, Input::KernelPatches, &plan.patches.kernel)?,
        sources.of_program(Part::BootLoader, Kind::Uboot, Input::UbootPatches, &plan.patches.uboot)?,
        sources.system()?,
        sources.images()?,
    ])
}

/// Where this machine has programs and state of its own, and every system that is built, too.
const SYSTEM: [&str; 12] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var"];

/// Where inputs are looked for.
struct Sources<'s> {
    plan: &'s BuildPlan,
    config: &'s Merged,
    cancel: &'s Cancel,
    /// The variables in the values of symbols.
    folders: Folders,
    /// The workspace's folder: what Buildroot makes.
    output: PathBuf,
    /// What skiff itself has written for the workspace: its content is made of other inputs.
    own: PathBuf,
}

impl Sources<'_> {
    /// Makes a stage of the symbols that belong to it, and of the files that these name: device trees, configurations
    /// of packages, tables.
    fn stage(&self, part: Part) -> Result<StageInputs, FileError> {
        let name = part.stage().unwrap_or_default();
        let mut stage = StageInputs::new(name);
        for (symbol, entry) in self.config.entries() {
            let (symbol, value) = (symbol.as_str(), &entry.winner.value);
            // What is off is as good as absent, and there are thousands of those.
            if matches!(value.text(), "n" | "" | "\"\"") || Part::of(symbol).stage() != Some(name) {
                continue;
            }
            stage.add_text(Input::Symbol(symbol.to_owned()), value.text());
            for path in self.named(&value.string().unwrap_or_default()) {
                let digest = digest_folder(&path, Links::Followed, self.cancel)?;
                stage.add(Input::named_file(symbol, &path), digest);
            }
        }
        Ok(stage)
    }

    /// Returns the files that a value names, and the directories of layers. Many values are paths of the system that is built,
    /// which this machine may have, too. What is in Buildroot's tree is a part of that; what the layers bring as overlays
    /// and patches counts under their names.
    fn named(&self, value: &str) -> Vec<PathBuf> {
        let words = self.folders.expand(value);
        let paths = words.split_whitespace().map(PathBuf::from);
        paths.filter(|path| self.is_source(path) && !self.is_counted(path)).collect()
    }

    fn is_source(&self, path: &Path) -> bool {
        let of_layer = self.plan.layers.iter().any(|layer| path.starts_with(&layer.root));
        let of_system = SYSTEM.iter().any(|folder| path.starts_with(folder));
        (of_layer && path.is_dir()) || (path.is_absolute() && (of_layer || !of_system) && path.is_file())
    }

    fn is_counted(&self, path: &Path) -> bool {
        let mut of_layers = self.plan.overlays.iter().map(|overlay| &overlay.path).chain(self.patches());
        path.starts_with(&self.own) || path.starts_with(&self.output) || of_layers.any(|own| own == path)
    }

    fn patches(&self) -> impl Iterator<Item = &PathBuf> {
        let patches = &self.plan.patches;
        patches.buildroot.iter().chain(&patches.kernel).chain(&patches.uboot)
    }

    /// Returns the text of what the layers ask of a program.
    fn settings(&self, kind: Kind) -> String {
        let lines = self.plan.config(kind).entries().map(|(_, entry)| format!("{}\n", entry.winner));
        lines.collect::<String>().replace(&self.own.to_string_lossy().into_owned(), "")
    }

    fn toolchain(&self, identity: &str, overrides: &Path) -> Result<StageInputs, FileError> {
        let mut stage = self.stage(Part::Toolchain)?;
        stage.add_text(Input::Tree, identity);
        if overrides.is_file() {
            stage.add(Input::LocalOverrides, digest_folder(overrides, Links::Followed, self.cancel)?);
        }
        Ok(stage)
    }

    fn packages(&self) -> Result<StageInputs, FileError> {
        let mut stage = self.stage(Part::Package)?;
        stage.add_text(Input::Settings(Kind::Busybox), self.settings(Kind::Busybox));
        // Several layers may patch one package, and each of them counts.
        let mut counted: BTreeMap<Input, String> = BTreeMap::new();
        let mut add = |input: Input, digest: Digest| *counted.entry(input).or_default() += &digest.to_string();
        let named = self.config.string("BR2_GLOBAL_PATCH_DIR").unwrap_or_default();
        let named = named.split_whitespace().map(PathBuf::from);
        let patches: BTreeSet<PathBuf> = self.plan.patches.buildroot.iter().cloned().chain(named).collect();
        for folder in &patches {
            for path in folders(folder)? {
                let package = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                add(Input::Patches(package), digest_folder(&path, Links::Followed, self.cancel)?);
            }
        }
        for tree in &self.plan.external {
            for (package, folder) in recipes(tree)? {
                add(Input::Recipe(package), digest_folder(&folder, Links::Followed, self.cancel)?);
            }
            add(Input::ExternalMakefile, digest_folder(&tree.join("external.mk"), Links::Followed, self.cancel)?);
        }
        for (input, digests) in counted {
            stage.add_text(input, digests);
        }
        Ok(stage)
    }

    /// Makes the stage of a program with settings and patches of its own.
    fn of_program(&self, part: Part, kind: Kind, input: Input, patches: &[PathBuf]) -> Result<StageInputs, FileError> {
        let mut stage = self.stage(part)?;
        stage.add_text(Input::Settings(kind), self.settings(kind));
        let digests: Vec<String> = patches
            .iter()
            .map(|folder| Ok(digest_folder(folder, Links::Followed, self.cancel)?.to_string()))
            .collect::<Result<_, FileError>>()?;
        if !digests.is_empty() {
            stage.add_text(input, digests.concat());
        }
        Ok(stage)
    }

    fn system(&self) -> Result<StageInputs, FileError> {
        let mut stage = self.stage(Part::System)?;
        let order: Vec<&str> = self.plan.layers.iter().map(|layer| layer.name.as_str()).collect();
        stage.add_text(Input::Order, order.join(" "));
        // Fragments have had their effect on the symbols of the stages.
        let fragments =
            ["buildroot", "busybox", "cflags", "kernel", "kernel_patches", "metadata", "uboot", "uboot_patches"];
        let is_fragment = |part: &LayerPart| match part {
            LayerPart::Directory(name) => fragments.contains(&name.as_str()),
            LayerPart::Contribution { .. } => true,
            LayerPart::Plugin(_) | LayerPart::Scripts => false,
        };
        for (input, digest) in self.plan.fingerprint.inputs.iter().filter(|(input, _)| !is_fragment(&input.part)) {
            stage.add(Input::Layer(input.clone()), *digest);
        }
        Ok(stage)
    }

    fn images(&self) -> Result<StageInputs, FileError> {
        let mut stage = self.stage(Part::Images)?;
        if let Some(target) = &self.plan.build_target {
            stage.add_text(Input::BuildTarget, target);
        }
        Ok(stage)
    }
}

/// Lists the directories in a directory; none when it is not there.
fn folders(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(root).min_depth(1).max_depth(1).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.path().is_dir() => found.push(entry.into_path()),
            Ok(_) => {}
            Err(error) if error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound) => {}
            Err(error) => return Err(FileError::walking(root)(error)),
        }
    }
    Ok(found)
}

/// Finds the packages below a folder: each has a makefile of its name, however deep.
fn recipes(root: &Path) -> Result<Vec<(String, PathBuf)>, FileError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(root).min_depth(2).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound) => continue,
            Err(error) => return Err(FileError::walking(root)(error)),
        };
        if let (true, Some(folder), Some(name)) =
            (entry.path().extension().is_some_and(|e| e == "mk"), entry.path().parent(), entry.path().file_stem())
        {
            found.push((name.to_string_lossy().into_owned(), folder.to_owned()));
        }
    }
    Ok(found)
}

/// Lists what the overlays of the layers, and those that the configuration names besides, bring, relative to the root
/// of the system.
///
/// The names are quoted, so that each is one line.
pub(crate) fn overlay_files(plan: &BuildPlan, config: &Merged) -> Result<BTreeSet<String>, FileError> {
    let named = Folders::of(plan)?.expand(&config.string("BR2_ROOTFS_OVERLAY").unwrap_or_default());
    let named = named.split_whitespace().map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir());
    let overlays: BTreeSet<PathBuf> = plan.overlays.iter().map(|overlay| overlay.path.clone()).chain(named).collect();
    let mut files = BTreeSet::new();
    for overlay in &overlays {
        for entry in WalkDir::new(overlay).min_depth(1) {
            let entry = entry.map_err(FileError::walking(overlay))?;
            let name = entry.path().strip_prefix(overlay).unwrap_or(entry.path());
            files.insert(format!("{:?}", name.as_os_str()));
        }
    }
    Ok(files)
}
