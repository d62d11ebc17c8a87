use std::io;
use std::path::PathBuf;

use skiff_kmod::IndexError;
use skiff_kmod::ModuleError;
use skiff_kmod::SetError;
use skiff_plan::Arch;
use skiff_plan::HookFailure;
use skiff_plan::TargetError;
use skiff_report::Cancelled;
use skiff_trust::PrivateError;

use crate::FileError;
use crate::LockFileError;
use crate::RecordError;
use crate::WorkspaceError;
use crate::workspace_lock::WaitError;
use skiff_text::Shown as _;

/// Why the prebuilt engine could not build a system.
#[derive(Debug, thiserror::Error)]
pub enum PrebuiltError {
    /// No layer chooses an architecture.
    #[error("no layer of the chain chooses an architecture (BR2_x86_64, BR2_aarch64)")]
    NoArchitecture,
    /// The host's distribution has no packages that this engine can use.
    #[error("the engine `prebuilt` takes packages from Debian or Ubuntu, and this machine runs `{id}`")]
    Distribution {
        /// `ID` of os-release.
        id: String,
    },
    /// The layers say nothing of what this engine needs.
    #[error("no layer of the chain names {what}, so the engine `prebuilt` cannot build it")]
    Unprepared {
        /// What is missing.
        what: &'static str,
    },
    /// With the lock as it is, nothing can be built.
    #[error("the workspace locks no packages (`{}`), and `--frozen` looks none up", path.shown())]
    Frozen {
        /// The lock.
        path: PathBuf,
    },
    /// No layer names a kernel package for this distribution and architecture.
    #[error("no layer of the chain names a kernel package for {distribution} on {arch}")]
    NoKernel {
        /// The distribution.
        distribution: String,
        /// The architecture.
        arch: Arch,
    },
    /// apt is not there.
    #[error("the engine `prebuilt` needs `{program}`, which is not installed")]
    NoApt {
        /// The program.
        program: &'static str,
    },
    /// The package lists could not be fetched.
    #[error("cannot fetch the package lists: {reason}")]
    Lists {
        /// What apt says.
        reason: String,
    },
    /// Newer packages are wanted, and the network is not to be used.
    #[error("`--update` needs the network, which `--offline` forbids")]
    OfflineUpdate,
    /// The lists that are there lack a package, and the network is not to be used.
    #[error(
        "the package `{package}` for {arch} is not in the package lists, and `--offline` forbids fetching newer ones"
    )]
    OfflineLists {
        /// The package.
        package: String,
        /// The architecture.
        arch: Arch,
    },
    /// The lists that are there lack a package, and newer ones could not be fetched.
    #[error(
        "the package `{package}` for {arch} is not in the package lists, and newer ones cannot be fetched: {reason}"
    )]
    NotInOldLists {
        /// The package.
        package: String,
        /// The architecture.
        arch: Arch,
        /// What apt says.
        reason: String,
    },
    /// apt knows no such package.
    #[error("the distribution has no package `{package}` for {arch}")]
    NoPackage {
        /// The package.
        package: String,
        /// The architecture.
        arch: Arch,
    },
    /// The packages that the layers want exclude each other, or need what the distribution lacks.
    #[error("the packages that the layers want do not go together: {reason}")]
    Unmet {
        /// What apt says.
        reason: String,
    },
    /// A package could not be downloaded.
    #[error("the package `{package}` cannot be downloaded{}", because(reason))]
    Download {
        /// The package, with its version.
        package: String,
        /// What apt says.
        reason: Option<String>,
    },
    /// A package is not in the cache, and the network is not to be used.
    #[error("the package `{package}` was not downloaded yet, and `--offline` forbids the network")]
    Offline {
        /// The package, with its version.
        package: String,
    },
    /// The package lock would change.
    #[error("`{}` does not lock everything that the layers want, and `--locked` forbids to change it", path.shown())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// What was downloaded is not what is locked.
    #[error("package `{package}` has digest {present}; the lock file has {wanted}")]
    Digest {
        /// The package, with its version.
        package: String,
        /// The digest of what was downloaded.
        present: String,
        /// The digest in the lock.
        wanted: String,
    },
    /// The lock cannot be used.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    /// A package cannot be unpacked.
    #[error("cannot unpack `{}`", path.shown())]
    Unpack {
        /// The package.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The packages hold no kernel.
    #[error("none of the packages holds a kernel (/boot/vmlinuz-*)")]
    NoKernelImage,
    /// The packages hold more than one kernel.
    #[error("the packages hold two kernels, {first} and {second}")]
    TwoKernels {
        /// The release of one.
        first: String,
        /// The release of the other.
        second: String,
    },
    /// A file that a layer wants as an image is not in the target.
    #[error("a layer uses `{file}` of the target as an image, and no package contains it")]
    NoFile {
        /// The file.
        file: String,
    },
    /// The kernel lacks a module that a layer wants.
    #[error(
        "the kernel {release} has no module `{module}`, which metadata/prebuilt.yaml of a layer wants in the initramfs"
    )]
    NoModule {
        /// The kernel's release.
        release: String,
        /// The module.
        module: String,
    },
    /// A kernel module is no module.
    #[error("cannot read the kernel module `{path}`")]
    BadModule {
        /// The module, relative to the directory of the kernel's modules.
        path: String,
        /// What is wrong.
        source: ModuleError,
    },
    /// There are more kernel modules than any kernel has.
    #[error("cannot index the modules of the kernel {release}")]
    Modules {
        /// The kernel's release.
        release: String,
        /// Which limit they exceed.
        source: SetError,
    },
    /// An index of kernel modules cannot be written.
    #[error("cannot index the modules of the kernel {release}")]
    Index {
        /// The kernel's release.
        release: String,
        /// Why.
        source: IndexError,
    },
    /// The host name, a user or a password cannot be set.
    #[error("{what} cannot be used: {message}")]
    Setting {
        /// The setting.
        what: String,
        /// What is wrong.
        message: String,
    },
    /// The maintainer scripts of the packages cannot be carried out.
    #[error(transparent)]
    Maintainer(#[from] skiff_debian::Error),
    /// An image could not be written.
    #[error("cannot write the image `{name}`")]
    Image {
        /// The image.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The configuration of the target is wrong.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Somebody else can change what lies in the cache.
    #[error(transparent)]
    Cache(#[from] PrivateError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody can tell what was built.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The workspace's directory is not skiff's.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A hook failed.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<WaitError> for PrebuiltError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::File(error) => error.into(),
            WaitError::Cancelled(error) => error.into(),
        }
    }
}

fn because(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}
