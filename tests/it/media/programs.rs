//! A dry run does everything that the real run does before its first effect: it misses the same programs.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use skiff_tests::Ran;
use skiff_tests::TestEnvironment;

use super::devices::Loop;
use super::devices::needs_root;
use super::fill_images;
use crate::environment;

const SIZE: u64 = 2 << 30;

/// Runs skiff on a machine that lacks a program.
fn run_without(env: &TestEnvironment, program: &str, words: &[&str]) -> Ran {
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let files = folders.filter_map(|folder| fs::canonicalize(folder.join(program)).ok());
    // Only this run sees what is mounted.
    let hide: String = files.map(|file| format!("mount --bind /dev/null '{}' && ", file.display())).collect();
    let skiff = env.command(words);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{hide}exec \"$0\" \"$@\"")]);
    command.arg(skiff.get_program()).args(skiff.get_args()).current_dir(env.path("")).env_clear();
    command.envs(skiff.get_envs().filter_map(|(name, value)| Some((name, value?))));
    env.ran(&command.output().unwrap())
}

/// Runs a command with and without `--dry-run`: each shows its plan and misses the program.
fn miss(env: &TestEnvironment, program: &str, words: &[&str]) {
    for more in [&["--dry-run"][..], &[]] {
        let ran = run_without(env, program, &[words, more].concat());
        assert_eq!(ran.code, 1, "{words:?} {more:?} said:\n{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("rootfs"), "{words:?} {more:?}: {}", ran.stdout);
        for said in ["partition `rootfs`: ", &format!("`{program}` is not installed"), "apt-get install e2fsprogs"] {
            assert!(ran.stderr.contains(said), "{words:?} {more:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_dry_run_misses_the_programs_that_make_a_file_system() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_CONFIG", "odroid/xu");
    fill_images(&env, "one ");
    let output = env.path("x.img").display().to_string();
    let buildimage = ["cmd", "odroid/common", "buildimage", "--output", &output];
    let device = Loop::new(&env, "card", SIZE);
    let format = ["cmd", "odroid/common", "format", "--device", device.path(), "--confirm", device.name()];
    for program in ["mke2fs", "debugfs"] {
        miss(&env, program, &buildimage);
        assert!(!Path::new(&output).exists());
        miss(&env, program, &format);
    }
    // A directory that is not there is noticed, too.
    let output = env.path("nowhere/x.img").display().to_string();
    let said = env.fail(2, &["cmd", "odroid/common", "buildimage", "--output", &output, "--dry-run"]);
    assert!(said.contains("there is no directory"), "{said}");
    // What only changes file systems is not needed to make them.
    assert_eq!(run_without(&env, "e2image", &[&buildimage[..], &["--dry-run"]].concat()).code, 0);
}

#[test]
fn a_dry_run_misses_the_programs_that_change_a_file_system() {
    needs_root();
    let mut env = environment();
    env.set("SKIFF_CONFIG", "odroid/xu");
    fill_images(&env, "one ");
    let device = Loop::new(&env, "card", SIZE);
    let words = |command| ["cmd", "odroid/common", command, "--device", device.path(), "--confirm", device.name()];
    env.succeed(&words("format"));
    fill_images(&env, "two ");
    for program in ["e2image", "debugfs"] {
        miss(&env, program, &words("install"));
    }
    env.succeed(&words("install"));
    // Nothing is to be done, so no program is needed.
    let ran = run_without(&env, "e2image", &words("install"));
    assert!(ran.code == 0 && ran.stderr.contains("nothing to do"), "{}", ran.stderr);
    miss(&env, "e2image", &words("rollback"));
}
