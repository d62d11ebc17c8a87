//! What a symbol of Buildroot is about.

/// The part of a system that a symbol is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The compiler and everything that all packages depend on.
    Toolchain,
    /// The package that the symbol is named after.
    Package,
    /// These packages, which look at it.
    Packages(&'static [&'static str]),
    /// The kernel.
    Kernel,
    /// The boot loader that the symbol is named after.
    BootLoader,
    /// What Buildroot does to the root file system with every build.
    System,
    /// The images: made anew with every build.
    Images,
    /// Where things are downloaded from and the like.
    Nothing,
}

/// Prefixes of symbols and what they are about; the first that fits counts. Who looks at a symbol of the system is
/// what the makefiles of Buildroot 2026.05 say.
const PARTS: [(&str, Part); 56] = [
    ("BR2_BACKUP_SITE", Part::Nothing),
    ("BR2_BZR", Part::Nothing),
    ("BR2_CCACHE", Part::Nothing),
    ("BR2_CPAN_MIRROR", Part::Nothing),
    ("BR2_CURL", Part::Nothing),
    ("BR2_CVS", Part::Nothing),
    ("BR2_DEFCONFIG", Part::Nothing),
    ("BR2_DL_DIR", Part::Nothing),
    ("BR2_DOWNLOAD_FORCE_CHECK_HASHES", Part::Nothing),
    ("BR2_EXTERNAL", Part::Nothing),
    ("BR2_GIT", Part::Nothing),
    ("BR2_GLOBAL_PATCH_DIR", Part::Nothing),
    ("BR2_GNU_MIRROR", Part::Nothing),
    ("BR2_HG", Part::Nothing),
    ("BR2_HOST_DIR", Part::Toolchain),
    // What packages say to each other about the host.
    ("BR2_HOST_", Part::Nothing),
    ("BR2_JLEVEL", Part::Nothing),
    ("BR2_KERNEL_MIRROR", Part::Nothing),
    ("BR2_LOCALFILES", Part::Nothing),
    ("BR2_LUAROCKS_MIRROR", Part::Nothing),
    ("BR2_NEEDS_HOST_", Part::Nothing),
    ("BR2_PRIMARY_SITE", Part::Nothing),
    ("BR2_SCP", Part::Nothing),
    ("BR2_SFTP", Part::Nothing),
    ("BR2_SVN", Part::Nothing),
    ("BR2_VERSION", Part::Nothing),
    ("BR2_WGET", Part::Nothing),
    ("BR2_LINUX_KERNEL", Part::Kernel),
    ("BR2_PACKAGE_GLIBC", Part::Toolchain),
    ("BR2_PACKAGE_HOST_BINUTILS", Part::Toolchain),
    ("BR2_PACKAGE_MUSL", Part::Toolchain),
    // Where packages come from that are built from directories of the user's.
    ("BR2_PACKAGE_OVERRIDE_FILE", Part::Toolchain),
    ("BR2_PACKAGE_UCLIBC", Part::Toolchain),
    ("BR2_PACKAGE_", Part::Package),
    ("BR2_ROOTFS_DEVICE_TABLE_SUPPORTS_EXTENDED_ATTRIBUTES", Part::Packages(&["host-makedevs", "iputils"])),
    ("BR2_ROOTFS_DEVICE_TABLE", Part::System),
    ("BR2_ROOTFS_OVERLAY", Part::System),
    ("BR2_ROOTFS_POST_", Part::System),
    ("BR2_ROOTFS_PRE_BUILD_SCRIPT", Part::System),
    ("BR2_ROOTFS_STATIC_DEVICE_TABLE", Part::System),
    ("BR2_ROOTFS_USERS_TABLES", Part::System),
    ("BR2_SYSTEM_BIN_SH", Part::Packages(&["grep"])),
    ("BR2_SYSTEM_DHCP", Part::Packages(&["ifupdown-scripts", "netifrc", "systemd"])),
    ("BR2_TARGET_ENABLE_ROOT_LOGIN", Part::System),
    // Busybox and sysvinit are told anew with every build.
    ("BR2_TARGET_GENERIC_GETTY", Part::Packages(&["openrc", "systemd"])),
    ("BR2_TARGET_GENERIC_HOSTNAME", Part::System),
    ("BR2_TARGET_GENERIC_ISSUE", Part::System),
    ("BR2_TARGET_GENERIC_PASSWD_", Part::Packages(&["busybox", "shadow"])),
    (
        "BR2_TARGET_GENERIC_REMOUNT_ROOTFS_RW",
        Part::Packages(&["skeleton-init-openrc", "skeleton-init-systemd", "systemd"]),
    ),
    ("BR2_TARGET_GENERIC_ROOT_PASSWD", Part::System),
    ("BR2_TARGET_LDFLAGS", Part::Toolchain),
    ("BR2_TARGET_LOCALTIME", Part::Packages(&["php", "tz", "tzdata"])),
    ("BR2_TARGET_OPTIMIZATION", Part::Toolchain),
    ("BR2_TARGET_ROOTFS_", Part::Images),
    ("BR2_TARGET_TZ_", Part::Packages(&["tz", "tzdata"])),
    ("BR2_TARGET_", Part::BootLoader),
];

impl Part {
    /// Returns what a symbol is about. What is not known to concern one thing only concerns everything.
    pub(crate) fn of(symbol: &str) -> Self {
        PARTS.iter().find(|(prefix, _)| symbol.starts_with(prefix)).map_or(Self::Toolchain, |(_, part)| *part)
    }

    /// Returns the stage of a build that it belongs to.
    pub(crate) fn stage(self) -> Option<&'static str> {
        match self {
            Self::Toolchain => Some("toolchain"),
            Self::Package | Self::Packages(_) => Some("packages"),
            Self::Kernel => Some("kernel"),
            Self::BootLoader => Some("boot loader"),
            Self::System => Some("system"),
            Self::Images => Some("images"),
            Self::Nothing => None,
        }
    }
}
