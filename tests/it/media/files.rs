//! What a user names by mistake, or somebody else has put in the way: files that would be overwritten, programs of the current
//! directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::fill_images;
use super::foreign::Medium;
use crate::environment;

const WORDS: [&str; 5] = ["-c", "bananapi/m1", "cmd", "bananapi/common", "buildimage"];

#[test]
fn an_existing_file_is_overwritten_only_if_the_user_says_so() {
    let mut env = environment();
    fill_images(&env, "one ");
    let output = env.path("x.img").display().to_string();
    let words = [&WORDS[..], &["--size", "600MiB", "--output", &output]].concat();
    fs::write(&output, "a thesis").unwrap();
    let said = env.fail(2, &words);
    assert!(said.contains("not a terminal") && said.contains("buildimage --force"), "{said}");
    assert_eq!(fs::read(&output).unwrap(), b"a thesis");
    env.succeed(&[&words[..], &["--dry-run"]].concat());
    assert_eq!(fs::read(&output).unwrap(), b"a thesis");
    env.succeed(&[&words[..], &["--force"]].concat());
    assert_eq!(Medium::new(&output).bytes(510, 2), [0x55, 0xaa]);
    // What is made beside it counts, too.
    fs::remove_file(&output).unwrap();
    let said = env.fail(2, &words);
    assert!(said.contains("not a terminal"), "{said}");
    // SkiffOS's word for "ask nothing".
    env.set("SKIFF_NO_INTERACTIVE", "1");
    env.succeed(&words);
    assert_eq!(Medium::new(&output).bytes(510, 2), [0x55, 0xaa]);
}

#[test]
fn a_source_of_the_image_is_never_overwritten() {
    let env = environment();
    fill_images(&env, "one ");
    let images = env.path("workspaces/default/images");
    let source = images.join("rootfs.squashfs");
    let before = fs::read(&source).unwrap();
    fs::hard_link(&source, env.path("hard")).unwrap();
    std::os::unix::fs::symlink(&source, env.path("link")).unwrap();
    std::os::unix::fs::symlink(&images, env.path("folder")).unwrap();
    for name in [
        "workspaces/default/images/rootfs.squashfs",
        "hard",
        "link",
        "folder/rootfs.squashfs",
        "folder/u-boot-sunxi-with-spl.bin",
    ] {
        let output = env.path(name).display().to_string();
        let said = env.fail(2, &[&WORDS[..], &["--force", "--size", "600MiB", "--output", &output]].concat());
        assert!(said.contains("is a source of this image"), "{name}: {said}");
        assert!(fs::read(&source).unwrap() == before, "{name}");
        let drawn = [&WORDS[..], &["--dry-run", "--size", "600MiB", "--svg", &output]].concat();
        assert!(env.fail(2, &drawn).contains("is a source of this image"), "{name}");
        assert!(fs::read(&source).unwrap() == before, "{name}");
    }
    // A drawing takes the place of an earlier one, and of nothing else.
    env.write("notes", "precious");
    let drawn =
        |name: &str| [&WORDS[..], &["--dry-run", "--svg", env.path(name).to_str().unwrap()]].concat().join("\n");
    let words = drawn("notes");
    assert!(env.fail(2, &words.split('\n').collect::<Vec<_>>()).contains("is not a drawing"));
    assert_eq!(env.read("notes"), "precious");
    for _ in 0..2 {
        env.succeed(&drawn("plan.svg").split('\n').collect::<Vec<_>>());
        assert!(env.read("plan.svg").starts_with("<svg"));
    }
}

#[test]
fn programs_of_the_current_directory_are_not_run() {
    let env = environment();
    fill_images(&env, "one ");
    let folder = env.path("here");
    fs::create_dir(&folder).unwrap();
    let mark = env.path("ran");
    for program in ["mke2fs", "debugfs", "dumpe2fs", "e2fsck", "git"] {
        let path = folder.join(program);
        fs::write(&path, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::var("PATH").unwrap();
    for (number, path) in [format!(":{path}"), format!(".:{path}"), format!("here:{path}"), format!("../here::{path}:")]
        .iter()
        .enumerate()
    {
        let output = folder.join(format!("{number}.img")).display().to_string();
        let mut command: Command = env.command(&[&WORDS[..], &["--size", "600MiB", "--output", &output]].concat());
        let made = command.env("PATH", path).current_dir(&folder).output().unwrap();
        assert!(made.status.success(), "{path}: {}", String::from_utf8_lossy(&made.stderr));
        assert!(!mark.exists(), "{path}");
    }
}

#[test]
fn a_layout_is_drawn_before_anything_is_built() {
    let env = environment();
    let said = env.succeed(&["-c", "bananapi/m1", "layout", "bananapi/common"]).stdout;
    for part in ["boot", "rootfs", "persist", "Not built yet, so of unknown size:", "images/rootfs.squashfs"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    fill_images(&env, "one ");
    let said = env.succeed(&["-c", "bananapi/m1", "layout", "bananapi/common"]).stdout;
    assert!(!said.contains("images/rootfs.squashfs"), "{said}");
}
