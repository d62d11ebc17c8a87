//! What a build with Buildroot is made from, stage by stage.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_plan::BuildPlan;
use skiff_plan::Digest;
use skiff_plan::Links;
use skiff_plan::Workspace;
use skiff_plan::digest_tree;
use walkdir::WalkDir;

use super::BuildrootError;
use super::rebuild;
use super::rebuild::Part;
use crate::FileError;
use crate::StageInputs;
use crate::outputs;

/// Digests everything that a build is made from, stage by stage.
pub(crate) fn of(
    plan: &BuildPlan,
    workspace: &Workspace,
    config: &Merged,
    identity: &str,
) -> Result<Vec<StageInputs>, BuildrootError> {
    let digest = |path: &Path| {
        digest_tree(path, Links::Followed)
            .map_err(|error| FileError::at("read", path)(io::Error::other(error.to_string())))
    };
    // What is off is as good as absent, and there are thousands of those.
    let add_symbols = |stage: &mut StageInputs, part: Part| {
        for (symbol, entry) in config.entries().filter(|(symbol, _)| rebuild::part(symbol.as_str()) == part) {
            if !matches!(entry.winner.value.text(), "n" | "" | "\"\"") {
                stage.add_text(symbol.as_str(), entry.winner.value.text());
            }
        }
    };
    let settings = |kind: Kind| {
        let lines = plan.config(kind).entries().map(|(_, entry)| format!("{}\n", entry.winner));
        lines.collect::<String>().replace(&workspace.config().display().to_string(), "")
    };
    // Files that settings name: device trees, configurations of packages, tables.
    let own = workspace.config();
    let add_files = |stage: &mut StageInputs, part: Part| -> Result<(), BuildrootError> {
        for (symbol, entry) in config.entries().filter(|(symbol, _)| rebuild::part(symbol.as_str()) == part) {
            let words = entry.winner.value.string().unwrap_or_default();
            let files = words.split_whitespace().map(Path::new).filter(|path| path.is_absolute() && path.is_file());
            for path in files.filter(|path| !path.starts_with(&own)) {
                stage.add(format!("{symbol}: {}", path.display()), outputs::digest_file(path)?);
            }
        }
        Ok(())
    };
    let mut toolchain = StageInputs::new("toolchain");
    toolchain.add_text("Buildroot", identity);
    add_symbols(&mut toolchain, Part::Toolchain);
    add_files(&mut toolchain, Part::Toolchain)?;
    let overrides = workspace.folder().join("local.mk");
    if overrides.is_file() {
        toolchain.add("local.mk", outputs::digest_file(&overrides)?);
    }
    let mut packages = StageInputs::new("packages");
    add_symbols(&mut packages, Part::Package);
    add_files(&mut packages, Part::Package)?;
    packages.add_text("busybox configuration", settings(Kind::Busybox));
    // Several layers may patch one package, and each of them counts.
    let mut counted: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |name: String, digest: Digest| *counted.entry(name).or_default() += &digest.to_string();
    let named = config.string("BR2_GLOBAL_PATCH_DIR").unwrap_or_default();
    let named = named.split_whitespace().map(PathBuf::from);
    let patches: BTreeSet<PathBuf> = plan.patches.buildroot.iter().cloned().chain(named).collect();
    for folder in &patches {
        for path in folders(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            add(format!("patches of {name}"), digest(&path)?);
        }
    }
    for tree in &plan.external {
        for (name, folder) in recipes(tree)? {
            add(format!("package {name}"), digest(&folder)?);
        }
        add("external.mk".into(), outputs::digest_file(&tree.join("external.mk"))?);
    }
    for (name, digests) in counted {
        packages.add_text(name, digests);
    }
    let mut kernel = StageInputs::new("kernel");
    add_symbols(&mut kernel, Part::Kernel);
    add_files(&mut kernel, Part::Kernel)?;
    kernel.add_text("kernel configuration", settings(Kind::Kernel));
    let mut boot = StageInputs::new("boot loader");
    add_symbols(&mut boot, Part::BootLoader);
    add_files(&mut boot, Part::BootLoader)?;
    boot.add_text("U-Boot configuration", settings(Kind::Uboot));
    for (stage, name, folders) in
        [(&mut kernel, "kernel patches", &plan.patches.kernel), (&mut boot, "U-Boot patches", &plan.patches.uboot)]
    {
        let digests: Vec<String> =
            folders.iter().map(|folder| digest(folder).map(|d| d.to_string())).collect::<Result<_, _>>()?;
        if !digests.is_empty() {
            stage.add_text(name, digests.concat());
        }
    }
    let mut system = StageInputs::new("system");
    let order: Vec<&str> = plan.layers.iter().map(|layer| layer.name.as_str()).collect();
    system.add_text("order of layers", order.join(" "));
    add_symbols(&mut system, Part::System);
    add_files(&mut system, Part::System)?;
    // Fragments have had their effect on the symbols above.
    let fragments =
        ["buildroot", "busybox", "cflags", "kernel", "kernel_patches", "metadata", "uboot", "uboot_patches"];
    for (name, digest) in &plan.fingerprint.inputs {
        let part = name.rsplit(": ").next().unwrap_or_default();
        if !fragments.contains(&part) {
            system.add(name, *digest);
        }
    }
    let mut images = StageInputs::new("images");
    if let Some(target) = &plan.build_target {
        images.add_text("build target", target);
    }
    add_symbols(&mut images, Part::Images);
    add_files(&mut images, Part::Images)?;
    Ok(vec![toolchain, packages, kernel, boot, system, images])
}

/// Lists the folders in a folder; none when it is not there.
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

/// Lists what the overlays bring, relative to the root of the system.
///
/// The names are quoted, so that each is one line.
pub(crate) fn overlay_files(plan: &BuildPlan) -> Result<BTreeSet<String>, FileError> {
    let mut files = BTreeSet::new();
    for overlay in &plan.overlays {
        for entry in WalkDir::new(&overlay.path).min_depth(1) {
            let entry = entry.map_err(FileError::walking(&overlay.path))?;
            let name = entry.path().strip_prefix(&overlay.path).unwrap_or(entry.path());
            files.insert(format!("{:?}", name.as_os_str()));
        }
    }
    Ok(files)
}
