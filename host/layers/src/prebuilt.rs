//! `metadata/prebuilt.yaml`: what a layer says to the engine that builds from binary packages.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::ReadError;
use crate::file::optional_yaml;

/// The file, relative to the layer.
pub(crate) const FILE: &str = "metadata/prebuilt.yaml";

/// What a layer, or after merging a chain, asks of the prebuilt engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prebuilt {
    /// The kernel package, by distribution (`ID` of os-release) and then architecture (`amd64`, `arm64`).
    /// A meta package is followed to the newest kernel. Later layers win.
    pub kernel: BTreeMap<String, BTreeMap<String, String>>,
    /// Further packages to unpack. Their dependencies are not followed: the target has no package manager.
    pub packages: Vec<String>,
    /// Kernel modules that the initramfs loads, in this order, each after its dependencies.
    pub initramfs_modules: Vec<String>,
    /// Kernel modules that the running system loads at boot.
    pub modules: Vec<String>,
    /// Words added to the kernel's command line, for whoever boots the images.
    pub command_line: Vec<String>,
}

impl Prebuilt {
    pub(crate) fn read(root: &Path) -> Result<Self, ReadError> {
        Ok(optional_yaml(&root.join(FILE))?.unwrap_or_default())
    }

    /// Puts a later layer's wishes on top: kernels are replaced, lists grow without repeats.
    pub fn merge(&mut self, later: Self) {
        for (distribution, kernels) in later.kernel {
            self.kernel.entry(distribution).or_default().extend(kernels);
        }
        let lists = [
            (&mut self.packages, later.packages),
            (&mut self.initramfs_modules, later.initramfs_modules),
            (&mut self.modules, later.modules),
            (&mut self.command_line, later.command_line),
        ];
        for (all, more) in lists {
            for item in more {
                if !all.contains(&item) {
                    all.push(item);
                }
            }
        }
    }
}
