//! What is known of the engine `prebuilt` without making one.

use super::package;
use super::size;
use crate::EngineKind;
use crate::EngineName;
use crate::Requirement;

/// The engine `prebuilt`.
pub(crate) static KIND: EngineKind = EngineKind {
    name: EngineName::Prebuilt,
    title: "prebuilt packages",
    about: "binary packages of this machine's distribution",
    requirements: &[
        Requirement { program: "apt-get", package: "apt" },
        Requirement { program: "apt-cache", package: "apt" },
    ],
    room: None,
    needs_plain_path: false,
    runs_scripts: false,
    has_build_system: false,
    takes_tree: false,
    makes_firmware: false,
    lock: package::LOCK,
    output_directories: &[],
    output_files: &[],
    sizes: |workspace| Ok(size::read(workspace)?),
};
