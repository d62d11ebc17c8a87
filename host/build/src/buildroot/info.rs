//! What Buildroot says of the packages of a configuration: `make show-info`.

use std::collections::BTreeMap;
use std::path::Component;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_plan::Workspace;
use skiff_report::Task;
use skiff_report::Unit;

use super::BuildrootError;
use super::make::Make;
use crate::BuildContext;
use crate::EngineName;
use crate::RecordError;
use crate::atomic::read_optional;
use crate::atomic::write_file;
use crate::outputs::BuildRecord;

/// The file in a workspace that holds what Buildroot said of its packages.
pub(crate) const FILE: &str = "packages.json";

/// One package of a configuration, for the target or the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PackageInfo {
    /// The directory of its stamps, relative to the workspace; empty when it has none.
    pub(crate) stamp_dir: String,
    /// The packages that it was built with: some take what is there.
    pub(crate) dependencies: Vec<String>,
    /// Whether it only stands for others.
    #[serde(rename = "virtual")]
    pub(crate) is_virtual: bool,
    /// Whether others find headers and libraries of it.
    pub(crate) install_staging: bool,
    /// Whether it puts files beside the images, where boot loaders find each other.
    pub(crate) install_images: bool,
    /// Of the kernel: the digest of what packages want of its configuration.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) wishes: String,
}

/// The variable of make that holds what packages want of the kernel's configuration.
const WISHES: &str = "PACKAGES_LINUX_CONFIG_FIXUPS";

/// All packages of a configuration, by name; those for the host start with `host-`.
pub(crate) type Packages = BTreeMap<String, PackageInfo>;

/// Which of Buildroot's answers are kept: with other fields, earlier files are asked for again.
const VERSION: &str = "3";

/// What was read for one `.config`, one tree and one state of the layers' own packages.
#[derive(Serialize, Deserialize)]
struct SavedInfo {
    config: String,
    packages: Packages,
}

/// Returns the packages: from the last time, if the configuration is the same, since asking takes seconds.
pub(crate) fn packages(make: &Make<'_>, context: &BuildContext) -> Result<Packages, BuildrootError> {
    let folder = context.workspace.folder();
    let config = folder.join(".config");
    let config = read_optional(&config)?.ok_or(BuildrootError::NotConfigured { path: config })?;
    let layers = context.plan.fingerprint.layers;
    let digest = Digest::of(&[VERSION.as_bytes(), make.tree().identity.as_bytes(), layers.bytes(), &config].concat())
        .to_string();
    let path = folder.join(FILE);
    if let Some(kept) = read_kept(&path).filter(|kept| kept.config == digest) {
        return Ok(kept.packages);
    }
    let _task = Task::start(&context.reporter, "Asking Buildroot for its packages", Unit::Items, None);
    let variable = format!("VARS={WISHES}");
    let text =
        make.output(&["-s", "show-info", "printvars", &variable], context, "Asking Buildroot for its packages")?;
    // Warnings of make stand in front of it.
    let json = text.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let mut packages: Packages =
        serde_json::from_str(json).map_err(|error| BuildrootError::Info { reason: error.to_string() })?;
    // All lines from the variable on are its value.
    let wishes = text.split_once(&format!("\n{WISHES}=")).map(|(_, wishes)| wishes).unwrap_or_default();
    if let Some(kernel) = packages.get_mut(LINUX).filter(|_| !wishes.trim().is_empty()) {
        kernel.wishes = Digest::of(wishes.as_bytes()).to_string();
    }
    let packages = checked(packages);
    let kept = SavedInfo { config: digest, packages };
    write_file(&path, serde_json::json!(kept).to_string().as_bytes())?;
    Ok(kept.packages)
}

/// Returns the packages as last asked for, whether they are current or not.
pub(crate) fn kept(folder: &Path) -> Packages {
    read_kept(&folder.join(FILE)).map(|kept| kept.packages).unwrap_or_default()
}

fn read_kept(path: &Path) -> Option<SavedInfo> {
    let kept: SavedInfo = serde_json::from_slice(&read_optional(path).ok()??).ok()?;
    Some(SavedInfo { packages: checked(kept.packages), ..kept })
}

/// Returns the packages that a record names. One without any is of a build by another engine.
pub(crate) fn recorded(record: &BuildRecord, workspace: &Workspace) -> Result<Packages, RecordError> {
    match record.engine == EngineName::Buildroot {
        true => record.details(workspace).map(checked),
        false => Ok(Packages::default()),
    }
}

/// The kernel's package.
pub(crate) const LINUX: &str = "linux";

/// Lets only plain names be those of packages, and only directories directly below `build` theirs: they are removed when a
/// package is built again.
fn checked(mut packages: Packages) -> Packages {
    packages.retain(|name, _| {
        let mut parts = Path::new(name).components();
        matches!(parts.next(), Some(Component::Normal(part)) if part == name.as_str()) && parts.next().is_none()
    });
    for info in packages.values_mut() {
        let mut parts = Path::new(&info.stamp_dir).components();
        let below = matches!(parts.next(), Some(Component::Normal(first)) if first == "build")
            && matches!(parts.next(), Some(Component::Normal(_)))
            && parts.next().is_none();
        if !below {
            info.stamp_dir.clear();
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_outside_of_build_is_that_of_a_package() {
        let of = |stamp_dir: &str| {
            let info = PackageInfo { stamp_dir: stamp_dir.into(), ..PackageInfo::default() };
            checked(Packages::from([("p".to_owned(), info)]))["p"].stamp_dir.clone()
        };
        assert_eq!(of("build/linux-7.0"), "build/linux-7.0");
        let names = ["../x", "/home", "a/b", "..", ""].map(|name| (name.to_owned(), PackageInfo::default()));
        assert_eq!(checked(Packages::from(names)), Packages::new());
        for bad in ["build", "build/..", "build/../../home", "/home", "", "images/x", "build/a/b"] {
            assert_eq!(of(bad), "", "{bad}");
        }
    }
}
