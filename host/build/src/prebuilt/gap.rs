//! What a configuration asks for and binary packages cannot give.

use std::collections::BTreeSet;

use skiff_kconfig::Entry;
use skiff_kconfig::Kind;
use skiff_kconfig::Symbol;
use skiff_plan::BuildPlan;

use crate::Gap;

/// Symbols that this engine does carry out, or that hold true of every system it makes: exact names.
const GIVEN: [&str; 28] = [
    "BR2_LINUX_KERNEL",
    "BR2_LINUX_KERNEL_BZIMAGE",
    "BR2_LINUX_KERNEL_IMAGE",
    "BR2_PACKAGE_BUSYBOX",
    "BR2_REPRODUCIBLE",
    "BR2_ROOTFS_MERGED_USR",
    "BR2_ROOTFS_OVERLAY",
    "BR2_ROOTFS_USERS_TABLES",
    "BR2_SYSTEM_BIN_SH_BUSYBOX",
    "BR2_TARGET_ENABLE_ROOT_LOGIN",
    "BR2_TARGET_GENERIC_HOSTNAME",
    "BR2_TARGET_GENERIC_ISSUE",
    "BR2_TARGET_GENERIC_PASSWD_SHA256",
    "BR2_TARGET_GENERIC_ROOT_PASSWD",
    "BR2_TARGET_ROOTFS_CPIO",
    "BR2_TARGET_ROOTFS_CPIO_ZSTD",
    "BR2_TARGET_ROOTFS_SQUASHFS",
    "BR2_TARGET_ROOTFS_SQUASHFS4_ZSTD",
    "BR2_TARGET_ROOTFS_TAR",
    "BR2_aarch64",
    "BR2_x86_64",
    // Only names of files that skiff itself passes to Buildroot.
    "BR2_DEFCONFIG",
    "BR2_GLOBAL_PATCH_DIR",
    "BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES",
    "BR2_LINUX_KERNEL_PATCH",
    "BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES",
    "BR2_TARGET_OPTIMIZATION",
    "BR2_TARGET_UBOOT_CONFIG_FRAGMENT_FILES",
];

/// Groups by the beginning of a symbol's name; the first that fits counts.
const GROUPS: [(&str, &str); 8] = [
    ("BR2_PACKAGE_HOST_", BUILD),
    ("BR2_PACKAGE_", "packages"),
    ("BR2_LINUX_KERNEL", "kernel"),
    ("BR2_TARGET_UBOOT", "boot loader"),
    ("BR2_TARGET_GRUB2", "boot loader"),
    ("BR2_TARGET_ROOTFS", "images"),
    ("BR2_INIT_", "init system"),
    ("BR2_SYSTEM_", "system"),
];

/// Settings of a compilation that does not take place.
const BUILD: &str = "build settings";

/// Carried out, whatever follows in the name.
const GETTY: &str = "BR2_TARGET_GENERIC_GETTY";

/// Compares a plan with what the engine gives; `kernel` holds the symbols that the distribution's kernel has.
pub(crate) fn gaps(plan: &BuildPlan, kernel: &BTreeSet<String>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = plan.config(Kind::Buildroot).entries().filter_map(|(s, e)| symbol(s, e)).collect();
    for (kind, group) in
        [(Kind::Kernel, "kernel settings"), (Kind::Uboot, "boot loader settings"), (Kind::Busybox, "busybox settings")]
    {
        let wanted = |(symbol, entry): &(&Symbol, &Entry)| {
            let asked = !matches!(entry.winner.value.text(), "n" | "");
            asked && !(kind == Kind::Kernel && kernel.contains(symbol.as_str()))
        };
        let entries = plan.config(kind).entries().filter(wanted);
        gaps.extend(entries.map(|(symbol, entry)| gap(group, symbol.to_string(), entry)));
    }
    let folders = [
        ("patches", &plan.patches.buildroot),
        ("patches", &plan.patches.kernel),
        ("patches", &plan.patches.uboot),
        ("Buildroot packages of layers", &plan.external),
    ];
    for (group, paths) in folders {
        for path in paths {
            let layer = plan.layers.iter().find(|layer| path.starts_with(&layer.root));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let layer = layer.map(|layer| layer.name.clone()).unwrap_or_default();
            gaps.push(Gap { group, what: name, layer, place: Some(path.clone()) });
        }
    }
    let hook = |hook: &skiff_plan::PlannedShellHook| Gap {
        group: "shell hooks",
        what: format!("hooks/{}.sh", hook.stage),
        layer: hook.layer.clone(),
        place: Some(hook.path.clone()),
    };
    gaps.extend(plan.shell_hooks.iter().map(hook));
    if !plan.cflags.is_empty() {
        gaps.push(Gap { group: BUILD, what: "cflags".into(), layer: "all layers".into(), place: None });
    }
    gaps.sort();
    gaps
}

fn symbol(symbol: &Symbol, entry: &Entry) -> Option<Gap> {
    let name = symbol.as_str();
    let value = entry.winner.value.text();
    if GIVEN.contains(&name) || name.starts_with(GETTY) || matches!(value, "n" | "" | "\"\"") {
        return None;
    }
    let group = GROUPS.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(BUILD, |(_, group)| group);
    Some(gap(group, name.to_owned(), entry))
}

fn gap(group: &'static str, what: String, entry: &Entry) -> Gap {
    let origin = &entry.winner.origin;
    let place = format!("{}:{}", origin.file.display(), origin.line);
    Gap { group, what, layer: origin.layer.to_string(), place: Some(place.into()) }
}
