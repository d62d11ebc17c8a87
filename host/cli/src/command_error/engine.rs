//! What engines say when they cannot do their work, and what the user can do about it.

use std::path::Path;
use std::path::PathBuf;

use skiff_build::BuildrootError;
use skiff_build::EngineError;
use skiff_build::LockFileError;
use skiff_build::MemoryError;
use skiff_build::OpenError;
use skiff_build::PrebuiltError;
use skiff_build::RecordError;
use skiff_build::buildroot::Pin;

use super::CommandError;
use super::Kind;
use super::quoted;
use skiff_project::TrustError;
use skiff_text::Shown as _;
use skiff_trust::PrivateError;

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Prebuilt(error) => error.into(),
            EngineError::Buildroot(error) => error.into(),
        }
    }
}

/// Such directories lie in the cache.
impl From<PrivateError> for CommandError {
    fn from(error: PrivateError) -> Self {
        match error {
            PrivateError::Untrusted(error) => TrustError::of("the cache", error).into(),
            PrivateError::Io { path, source } => {
                Self::new(Kind::User, format!("cannot use `{}` as cache: {source}", path.shown()))
                    .hint("SKIFF_CACHE_DIR names another")
            }
        }
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Lock(error) => error.into(),
            OpenError::LockFile(error) => error.into(),
            OpenError::Drifted { .. } => {
                Self::of(Kind::User, &error).hint("run it once without --locked, and look at what has changed")
            }
        }
    }
}

impl From<LockFileError> for CommandError {
    fn from(error: LockFileError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            LockFileError::File(error) => error.into(),
            LockFileError::Malformed { path, .. } => {
                plain.hint(format!("delete {} to lock what is there now", path.shown()))
            }
        }
    }
}

impl From<MemoryError> for CommandError {
    fn from(error: MemoryError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            MemoryError::File(error) => error.into(),
            MemoryError::Broken { path, .. } => {
                plain.hint(format!("remove {} and configure again, with the chain and the engine", path.shown()))
            }
        }
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            RecordError::File(error) => error.into(),
            RecordError::Broken { .. } => {
                plain.hint("remove the outputs, then build again: skiff clean && skiff compile")
            }
        }
    }
}

impl From<BuildrootError> for CommandError {
    fn from(error: BuildrootError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            BuildrootError::File(error) => error.into(),
            BuildrootError::Workspace(error) => error.into(),
            BuildrootError::Hook(failure) => failure.into(),
            BuildrootError::Cancelled(_) => Self::new(Kind::Cancelled, "cancelled; continue with: skiff compile"),
            BuildrootError::NoTree { path, .. } => no_tree(plain, &path),
            BuildrootError::Offline { release } => plain.hint(format!(
                "run `skiff fetch` with a network, or set SKIFF_BUILDROOT_DIR to a tree of Buildroot {release}"
            )),
            BuildrootError::Clone { release, .. } => plain.hint(format!(
                "check the network, or set SKIFF_BUILDROOT_DIR to a tree of Buildroot {release} that you have"
            )),
            BuildrootError::Commit { .. } => {
                plain.hint("do not use it; if you changed the pin in skiff.yaml, check the commit there")
            }
            BuildrootError::LockFile(error) => error.into(),
            BuildrootError::Locked { .. } => plain.hint("without --locked, the lock follows the tree"),
            BuildrootError::Missing { program } => {
                plain.hint(format!("`skiff doctor` says how to install `{program}` and what else is missing"))
            }
            BuildrootError::Git { .. } => plain.hint("a tree without the directory `.git` is known by its files"),
            BuildrootError::OddPath { .. } => plain.hint("move it to a directory with a plain name"),
            BuildrootError::Scripts { layers } => {
                let lines: String = layers.iter().map(|layer| format!("\n  {layer}")).collect();
                Self::new(
                    Kind::Refused,
                    format!("layers have scripts that the build would run with all of your rights:{lines}"),
                )
                .hint(format!("read them, and if you want that, run: skiff grant add {} shell", layers.join(" ")))
                .hint("better, ask the layers' authors for plugins, which can do only what you grant")
            }
            BuildrootError::UnboundScript { .. } => Self { kind: Kind::Refused, ..plain }
                .hint("put it into the layer, beside its hooks: a grant is bound to what the layer holds"),
            BuildrootError::NoBuild { .. } => plain.hint("configs/README.md describes this file"),
            BuildrootError::Record(error) => error.into(),
            BuildrootError::NotConfigured { .. } => plain.hint("run: skiff configure"),
            BuildrootError::Place { .. } => {
                plain.hint("allow user namespaces, or remove what was built there: skiff clean")
            }
            BuildrootError::Moved { .. } => plain.hint("move it back, or remove what was built: skiff clean"),
            BuildrootError::Make { tail, log, package, .. } => {
                let download = plain.message.contains(" Downloading failed");
                let tail: String = tail.iter().map(|line| format!("\n  | {line}")).collect();
                let plain = Self { message: format!("{}{tail}", plain.message), ..plain };
                let plain = plain.hint(format!("all of the output is in {}", log.shown()));
                match package {
                    _ if download => plain
                        .hint("`skiff fetch` tries all downloads and names all that fail")
                        .hint("a mirror that has them can be named: BR2_PRIMARY_SITE=\"https://…\" in overrides/buildroot/mirror"),
                    Some(package) => plain.hint(format!(
                        "to try only this again: skiff br {package}-rebuild; `skiff doctor` says what this machine lacks"
                    )),
                    None => plain,
                }
            }
            BuildrootError::Downloads { failures, offline, log } => {
                let plain = Self { message: downloads(&failures, offline), ..plain };
                let plain = match (offline, failures.iter().all(|(_, reason)| reason.contains("resolve host"))) {
                    (true, _) => plain.hint("run `skiff fetch` once with a network"),
                    (_, true) => plain.hint("check the network: no host name could be resolved"),
                    _ => plain,
                };
                plain
                    .hint("a mirror that has them can be named: BR2_PRIMARY_SITE=\"https://…\" in overrides/buildroot/mirror")
                    .hint(format!("all of the output is in {}", log.shown()))
            }
            BuildrootError::Info { .. } => plain.hint("Buildroot 2025.08 and later are known to work"),
            BuildrootError::Command { .. } => plain.hint("write the value itself; a plugin can compute one"),
            BuildrootError::Modified { path } => plain.hint(format!(
                "remove {} to have it fetched again, or name it with SKIFF_BUILDROOT_DIR",
                quoted(&path.to_string_lossy())
            )),
        }
    }
}

/// Leads to a Buildroot tree that fits the layers.
fn no_tree(plain: CommandError, path: &Path) -> CommandError {
    let plain = match submodule(path) {
        Some(Submodule { root, name, url: _ }) if root.join(".git").exists() => plain
            .hint(format!(
                "check out the submodule: git -C {} submodule update --init -- {}",
                quoted(&root.to_string_lossy()),
                quoted(&name)
            ))
            .hint(format!("it holds the Buildroot that the layers in {} are written for", root.shown())),
        // An archive of the sources has no submodules, and no git that could fetch them.
        Some(Submodule { url: Some(url), root, .. }) => plain.hint(format!(
            "clone the Buildroot that the layers in {} are written for: git clone -- {} {}",
            root.shown(),
            quoted(&url),
            quoted(&path.to_string_lossy())
        )),
        _ => plain,
    };
    plain.hint(format!(
        "for skiff's own layers, set SKIFF_BUILDROOT_DIR to a tree of Buildroot {0}, or to nothing: skiff then fetches {0}",
        Pin::default().release
    ))
}

/// A submodule of a git repository.
struct Submodule {
    /// The repository's directory.
    root: PathBuf,
    /// The submodule's directory in it.
    name: String,
    /// Where it comes from.
    url: Option<String>,
}

/// Bytes of `.gitmodules` that are read.
const MAX_GITMODULES: u64 = 1 << 16;

/// Finds out whether a directory is where a submodule of a repository around it belongs.
fn submodule(path: &Path) -> Option<Submodule> {
    path.ancestors().skip(1).find_map(|root| {
        let file = root.join(".gitmodules");
        let text = String::from_utf8(skiff_file::read_optional(&file, MAX_GITMODULES).ok()??).ok()?;
        let name = path.strip_prefix(root).ok()?.to_str()?;
        let value = |line: &str, key: &str| {
            let value = line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?;
            Some(value.trim().to_owned())
        };
        let section = text
            .split("[submodule")
            .find(|section| section.lines().any(|line| value(line, "path").is_some_and(|path| path == name)))?;
        let url = section.lines().find_map(|line| value(line, "url"));
        Some(Submodule { root: root.to_owned(), name: name.to_owned(), url })
    })
}

impl From<PrebuiltError> for CommandError {
    fn from(error: PrebuiltError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            PrebuiltError::Cache(error) => error.into(),
            PrebuiltError::File(error) => error.into(),
            PrebuiltError::Target(error) => error.into(),
            PrebuiltError::Record(error) => error.into(),
            PrebuiltError::Workspace(error) => error.into(),
            PrebuiltError::Hook(failure) => failure.into(),
            PrebuiltError::Cancelled(_) => Self::new(Kind::Cancelled, "cancelled; the last good images are untouched"),
            PrebuiltError::NoArchitecture => plain.hint("add a package that does, such as virt/qemu"),
            PrebuiltError::Distribution { .. } | PrebuiltError::NoKernel { .. } => {
                plain.hint("`kernel` in metadata/prebuilt.yaml of a layer names it, by distribution and architecture")
            }
            PrebuiltError::Unprepared { .. } => plain
                .hint("add it to metadata/prebuilt.yaml of the base layers, or use skiff's own: SKIFF_BASE_CONFIGS_DIR= skiff configure")
                .hint("SkiffOS's layers are written for Buildroot: skiff -w another --engine buildroot build"),
            PrebuiltError::Frozen { .. } => plain.hint("run it once without --frozen"),
            PrebuiltError::NoApt { .. } => plain.hint("run this on Debian or Ubuntu"),
            PrebuiltError::NoPackage { .. } => {
                plain.hint("check its name in metadata/prebuilt.yaml, and that a source of this machine's apt has it")
            }
            PrebuiltError::Unmet { .. } => {
                plain.hint("`skiff plan --json` shows which layers name packages; one of these has to go")
            }
            PrebuiltError::Maintainer(_) => plain.hint("report it with the name of the package"),
            PrebuiltError::Lists { .. } | PrebuiltError::NotInOldLists { .. } => plain
                .hint("check the network; `apt-get update` fetches the same lists, for the machine itself")
                .hint("packages that are locked and downloaded need no lists: skiff --offline compile"),
            PrebuiltError::OfflineUpdate => plain.hint("leave one of the two out"),
            PrebuiltError::OfflineLists { .. } => plain.hint("run `skiff fetch` with a network"),
            PrebuiltError::Download { .. } | PrebuiltError::Digest { .. } => plain.hint(
                "if the distribution has replaced that version, `skiff compile --update` takes the newest and locks it",
            ),
            PrebuiltError::Offline { .. } => plain.hint("run `skiff fetch` with a network"),
            PrebuiltError::Locked { .. } => plain.hint("run it once without --locked, and look at what has changed"),
            PrebuiltError::LockFile(error) => error.into(),
            PrebuiltError::NoFile { .. } => plain.hint("check `packages` and `images` of the layers' metadata/prebuilt.yaml"),
            PrebuiltError::NoModule { .. } => plain.hint("check `initramfs_modules` of the layers"),
            PrebuiltError::Setting { .. } => plain.hint("`skiff plan --json` shows which layer sets it"),
            PrebuiltError::TwoKernels { .. } | PrebuiltError::NoKernelImage => {
                plain.hint("`kernel` in metadata/prebuilt.yaml names one kernel; leave others out of `packages`")
            }
            // The disk that is full is that of the workspace.
            PrebuiltError::Unpack { .. } if super::is_full(&error) => plain.hint("SKIFF_WORKSPACES_DIR names another place"),
            PrebuiltError::Unpack { path, .. } => {
                plain.hint(format!("delete {} to fetch it again", quoted(&path.to_string_lossy())))
            }
            PrebuiltError::BadModule { .. } | PrebuiltError::Modules { .. } | PrebuiltError::Index { .. } => plain.hint("`skiff compile --update` takes the newest kernel"),
            PrebuiltError::Image { .. } => plain,
        }
    }
}

/// Names what could not be downloaded: packages with one and the same reason in one line.
fn downloads(failures: &[(String, String)], offline: bool) -> String {
    if offline {
        let names: Vec<&str> = failures.iter().map(|(package, _)| package.as_str()).collect();
        return format!("`--offline` forbids the network, and sources are not here of: {}", names.join(", "));
    }
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for (package, reason) in failures {
        match by_reason.iter_mut().find(|(known, _)| known == reason) {
            Some((_, packages)) => packages.push(package),
            None => by_reason.push((reason, vec![package])),
        }
    }
    let lines: String =
        by_reason.iter().map(|(reason, packages)| format!("\n  {}: {reason}", packages.join(", "))).collect();
    match failures.len() {
        1 => format!("A download failed:{lines}"),
        many => format!("{many} downloads failed:{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_empty_submodule_leads_to_its_tree() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let hints = |path: &Path| no_tree(CommandError::new(Kind::User, "x"), path).hints.join("\n");
        fs::create_dir_all(root.join("third/buildroot")).unwrap();
        assert!(!hints(&root.join("third/buildroot")).contains("submodule"));
        let modules = "[submodule \"a\"]\n\tpath = a\n\turl = https://example.org/a\n\
                       [submodule \"b\"]\n\tpath = third/buildroot\n\turl = https://example.org/b\n";
        fs::write(root.join(".gitmodules"), modules).unwrap();
        assert!(hints(&root.join("third/buildroot")).contains("git clone -- https://example.org/b "));
        fs::create_dir(root.join(".git")).unwrap();
        let told = hints(&root.join("third/buildroot"));
        assert!(
            told.contains(&format!("git -C {} submodule update --init -- third/buildroot", root.shown())),
            "{told}"
        );
        assert!(!hints(&root.join("third")).contains("submodule"));
    }
}
