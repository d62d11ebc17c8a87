//! What a configuration asks for and binary packages cannot give.

use std::collections::BTreeSet;

use skiff_kconfig::Entry;
use skiff_kconfig::Kind;
use skiff_kconfig::Symbol;
use skiff_plan::BuildPlan;

use crate::Gap;
use skiff_text::Shown as _;

/// What symbols mean: see the head of the file.
const SYMBOLS: &str = include_str!("files/symbols");

/// What a symbol of Buildroot is to this engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// It is carried out, or true of every system.
    Given,
    /// It has no effect, and is listed in this group.
    Gap(&'static str),
}

/// Compares a plan with what the engine gives from packages of a distribution. `kernel` holds the symbols that the distribution's kernel has; it is empty
/// before the first build, when nobody knows what the kernel lacks.
pub(crate) fn gaps(plan: &BuildPlan, distribution: &str, kernel: &BTreeSet<String>) -> Vec<Gap> {
    let provided = |name: &Symbol| plan.prebuilt.provided(distribution, name.as_str()).is_some();
    let set = plan.config(Kind::Buildroot).entries().filter(|(name, _)| !provided(name));
    let mut gaps: Vec<Gap> = set.filter_map(|(s, e)| symbol(s, e)).collect();
    for (kind, group) in
        [(Kind::Kernel, "kernel settings"), (Kind::Uboot, "boot loader settings"), (Kind::Busybox, "busybox settings")]
    {
        if kind == Kind::Kernel && kernel.is_empty() {
            continue;
        }
        let wanted = |(symbol, entry): &(&Symbol, &Entry)| {
            is_set(entry) && !(kind == Kind::Kernel && kernel.contains(symbol.as_str()))
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
        gaps.push(Gap { group: Gap::MACHINERY, what: "cflags".into(), layer: "all layers".into(), place: None });
    }
    gaps.sort();
    gaps
}

/// Returns whether the configuration sets a symbol of Buildroot that this engine cannot give.
pub(crate) fn is_gap(plan: &BuildPlan, distribution: &str, name: &str) -> bool {
    if plan.prebuilt.provided(distribution, name).is_some() {
        return false;
    }
    let entry = plan.config(Kind::Buildroot).entry(name);
    entry.is_some_and(|entry| is_set(entry) && meaning(name) != Meaning::Given)
}

fn symbol(symbol: &Symbol, entry: &Entry) -> Option<Gap> {
    match meaning(symbol.as_str()) {
        Meaning::Gap(group) if is_set(entry) => Some(gap(group, symbol.to_string(), entry)),
        _ => None,
    }
}

fn is_set(entry: &Entry) -> bool {
    !entry.winner.value.is_off()
}

fn meaning(name: &str) -> Meaning {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == pattern,
    };
    let lines = SYMBOLS.lines().filter(|line| !line.starts_with('#'));
    let mut pairs = lines.filter_map(|line| line.split_once(' '));
    match pairs.find(|(pattern, _)| fits(pattern)).map(|(_, meaning)| meaning.trim()) {
        Some("given") => Meaning::Given,
        Some("machinery") | None => Meaning::Gap(Gap::MACHINERY),
        Some(group) => Meaning::Gap(group),
    }
}

fn gap(group: &'static str, what: String, entry: &Entry) -> Gap {
    let origin = &entry.winner.origin;
    let place = format!("{}:{}", origin.file.shown(), origin.line);
    Gap { group, what, layer: origin.layer.to_string(), place: Some(place.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_the_meaning_of_the_first_line_that_fits() {
        for (name, expected) in [
            ("BR2_x86_64", Meaning::Given),
            ("BR2_x86_x86_64", Meaning::Gap(Gap::MACHINERY)),
            ("BR2_TARGET_GENERIC_GETTY_PORT", Meaning::Given),
            ("BR2_PACKAGE_HOST_QEMU", Meaning::Gap(Gap::MACHINERY)),
            ("BR2_PACKAGE_HOSTAPD", Meaning::Gap("packages")),
            ("BR2_LINUX_KERNEL_INTREE_DTS_NAME", Meaning::Gap("kernel")),
            ("BR2_LINUX_KERNEL_LZ4", Meaning::Gap(Gap::MACHINERY)),
            ("BR2_INIT_SYSTEMD", Meaning::Gap("init system")),
            ("BR2_TARGET_UBOOT", Meaning::Gap("boot loader")),
            ("IX_SOMETHING", Meaning::Gap("settings")),
        ] {
            assert_eq!(meaning(name), expected, "{name}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_a_symbol_and_a_meaning() {
        for line in SYMBOLS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (symbol, meaning) = line.split_once(' ').unwrap();
            assert!(symbol == "*" || symbol.starts_with("BR2_"), "{line}");
            assert!(meaning.trim().starts_with(|c: char| c.is_ascii_lowercase()), "{line}");
        }
    }
}
