//! Imports of all configurations of trees that no package archive has: `make test-buildroot` with `SKIFF_TEST_BUILDROOT`, and
//! `SKIFF_TEST_REPART` (directories with a colon between them) for systemd-repart. `SKIFF_TEST_GENIMAGE` names another genimage
//! than that of the machine: some boards need a newer one.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod compare;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use compare::Outcome;

fn all_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() && !path.is_symlink() {
            true => all_below(&path, found),
            false => found.push(path),
        }
    }
    found.sort();
}

/// What the scripts of boards put into the place of names in templates.
fn filled(text: &str) -> String {
    let uuid = "1c4d3a5e-8a0b-4c6d-9e1f-2a3b4c5d6e7f";
    text.replace("0x%PARTUUID%", "0x1c4d3a5e")
        .replace("%PARTUUID%", uuid)
        .replace("#BOOT_FILES#", "\"zImage\", \"board.dtb\"")
        .replace("%FILES%", "\"zImage\", \"board.dtb\"")
        .replace("%UBOOTBIN%", "u-boot.imx")
        .replace("%ATFBIN%", "tf-a.stm32")
        .replace("%IMXOFFSET%", "33K")
}

fn name_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Same => "same",
        Outcome::Aligned => "same but for alignment",
        Outcome::Refused(_) => "refused by word",
        Outcome::Invalid(_) => "refused by the other tool",
        Outcome::Shared => "shared otherwise, and said so",
        Outcome::Different(_) => "different",
    }
}

fn report(outcomes: &[(String, Outcome)]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, outcome) in outcomes {
        *counts.entry(name_of(outcome)).or_insert(0) += 1;
        if !matches!(outcome, Outcome::Same | Outcome::Aligned) {
            println!("{name}: {outcome:?}");
        }
    }
    println!("{} files: {counts:?}", outcomes.len());
    assert_eq!(counts.get("different"), None);
}

#[test]
#[ignore = "needs SKIFF_TEST_BUILDROOT: a checkout of Buildroot"]
fn every_configuration_of_buildroots_boards_gives_the_table_of_genimage_or_is_refused_by_word() {
    let tree = std::env::var_os("SKIFF_TEST_BUILDROOT").unwrap();
    let mut paths = Vec::new();
    all_below(&Path::new(&tree).join("board"), &mut paths);
    paths.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("genimage"))
    });
    paths.retain(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("image ")));
    assert!(!paths.is_empty());
    let compared = |path: &PathBuf| {
        let text = filled(&fs::read_to_string(path).unwrap());
        (path.strip_prefix(&tree).unwrap().display().to_string(), compare::genimage(path, &text, &[]))
    };
    report(&paths.iter().map(compared).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs SKIFF_TEST_REPART: directories with repart.d files"]
fn every_folder_of_definitions_gives_the_table_of_repart_or_is_refused_by_word() {
    let trees = std::env::var_os("SKIFF_TEST_REPART").unwrap();
    let mut paths = Vec::new();
    std::env::split_paths(&trees).for_each(|tree| all_below(&tree, &mut paths));
    let is_definition = |path: &PathBuf| {
        let is_conf = path.extension().is_some_and(|end| end == "conf");
        is_conf && fs::read_to_string(path).is_ok_and(|text| text.contains("[Partition]"))
    };
    let mut folders: Vec<PathBuf> =
        paths.iter().filter(|path| is_definition(path)).map(|path| path.parent().unwrap().to_owned()).collect();
    folders.dedup();
    report(&folders.iter().map(|folder| (folder.display().to_string(), compare::repart(folder))).collect::<Vec<_>>());
}
