//! Imports of small files of our own, beside the tools that they are written for.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod compare;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use compare::Outcome;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn configurations_of_genimage_give_its_table_or_are_refused_by_word() {
    for path in fixtures("genimage") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "common.cfg" {
            continue;
        }
        // genimage takes no comments in a list; Buildroot's script puts names there.
        let text = fs::read_to_string(&path).unwrap().replace("#BOOT_FILES#", "");
        let outcome = compare::genimage(&path, &text, &[("KERNEL_SIZE", "20M"), ("ROOTFS", "rootfs.ext4")]);
        eprintln!("{name}: {outcome:?}");
        match name.as_str() {
            "five.cfg" => assert!(
                matches!(&outcome, Outcome::Refused(said) if said.contains(":7: a fifth partition")),
                "{outcome:?}"
            ),
            "flash.cfg" => {
                assert!(matches!(&outcome, Outcome::Refused(said) if said.contains(":3: `flash`")), "{outcome:?}")
            }
            // genimage 16 knows neither room without a file nor these names of types; later ones do.
            "env_reserved.cfg" | "swapped_case.cfg" => {
                assert!(matches!(outcome, Outcome::Same | Outcome::Invalid(_)), "{name}: {outcome:?}")
            }
            _ => assert!(matches!(outcome, Outcome::Same | Outcome::Aligned), "{name}: {outcome:?}"),
        }
    }
}

#[test]
fn definitions_of_repart_give_its_table_or_are_refused_by_word() {
    for path in fixtures("repart") {
        let outcome = compare::repart(&path);
        eprintln!("{}: {outcome:?}", path.display());
        assert!(
            matches!(outcome, Outcome::Same | Outcome::Aligned | Outcome::Shared),
            "{}: {outcome:?}",
            path.display()
        );
    }
}
