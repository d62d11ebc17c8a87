use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// The program whose configuration a fragment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Buildroot itself: symbols start with `BR2_`.
    Buildroot,
    /// The Linux kernel.
    Kernel,
    /// The U-Boot boot loader.
    Uboot,
    /// Busybox.
    Busybox,
}

impl Kind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Buildroot, Self::Kernel, Self::Uboot, Self::Busybox];

    /// Returns the directory of a layer that holds fragments of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Buildroot => "buildroot",
            Self::Kernel => "kernel",
            Self::Uboot => "uboot",
            Self::Busybox => "busybox",
        }
    }

    /// Returns the Kconfig file that a program's tree starts with.
    pub(crate) fn root_file(self) -> &'static str {
        match self {
            Self::Buildroot | Self::Busybox => "Config.in",
            Self::Kernel | Self::Uboot => "Kconfig",
        }
    }

    /// Returns what a configuration puts before the names that Kconfig files have.
    pub(crate) fn added_prefix(self) -> &'static str {
        match self {
            Self::Buildroot => "",
            Self::Kernel | Self::Uboot | Self::Busybox => "CONFIG_",
        }
    }

    /// Returns what every symbol of this kind starts with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Buildroot => "BR2_",
            Self::Kernel | Self::Uboot | Self::Busybox => "CONFIG_",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}
