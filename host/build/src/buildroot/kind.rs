//! What is known of the engine `buildroot` without making one.

use super::downloads;
use super::info;
use super::lock;
use super::mount_namespace::BUILD_PATH;
use super::prepare::OVERLAYS;
use super::progress;
use super::sizes;
use crate::EngineKind;
use crate::EngineName;
use crate::Requirement;

/// The engine `buildroot`.
pub(crate) static KIND: EngineKind = EngineKind {
    name: EngineName::Buildroot,
    title: "Buildroot",
    about: "sources of everything, compiled by Buildroot",
    requirements: &REQUIREMENTS,
    room: Some(20 << 30),
    needs_plain_path: true,
    runs_scripts: true,
    has_build_system: true,
    takes_tree: true,
    makes_firmware: true,
    lock: lock::LOCK,
    output_directories: &["build", "host", "legal-info", "per-package", "staging"],
    output_files: &[progress::LOG, downloads::LOG, OVERLAYS, info::FILE, BUILD_PATH],
    sizes: |workspace| Ok(sizes::read(workspace)?),
};

/// Buildroot's manual, "Mandatory packages".
const REQUIREMENTS: [Requirement; 24] = [
    Requirement { program: "awk", package: "mawk" },
    Requirement { program: "bash", package: "bash" },
    Requirement { program: "bc", package: "bc" },
    Requirement { program: "bzip2", package: "bzip2" },
    Requirement { program: "cpio", package: "cpio" },
    Requirement { program: "diff", package: "diffutils" },
    Requirement { program: "file", package: "file" },
    Requirement { program: "find", package: "findutils" },
    Requirement { program: "g++", package: "g++" },
    Requirement { program: "gcc", package: "gcc" },
    Requirement { program: "git", package: "git" },
    Requirement { program: "gzip", package: "gzip" },
    Requirement { program: "ld", package: "binutils" },
    Requirement { program: "make", package: "make" },
    Requirement { program: "patch", package: "patch" },
    Requirement { program: "perl", package: "perl" },
    Requirement { program: "python3", package: "python3" },
    Requirement { program: "rsync", package: "rsync" },
    Requirement { program: "sed", package: "sed" },
    Requirement { program: "tar", package: "tar" },
    Requirement { program: "unzip", package: "unzip" },
    Requirement { program: "wget", package: "wget" },
    Requirement { program: "which", package: "debianutils" },
    Requirement { program: "xargs", package: "findutils" },
];
