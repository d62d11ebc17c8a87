//! Killed at any moment, skiff leaves a workspace that the next run repairs by itself.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use skiff_tests::TestEnvironment;

use crate::environment;

/// Starts skiff and kills it after a while, as `kill -9` does.
fn run_and_kill(env: &TestEnvironment, arguments: &[&str], after: Duration) {
    let mut command = env.command(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn configure_can_be_killed_at_any_moment() {
    let env = environment();
    for round in 0_u64..60 {
        let chain = if round % 2 == 0 { "virt/qemu" } else { "virt/qemu,skiff/core" };
        run_and_kill(&env, &["-c", chain, "configure"], Duration::from_micros(round * 251));
        let said = env.succeed(&["-c", "virt/qemu", "configure"]).stderr;
        assert!(said.starts_with("Configured") || said.contains("nothing to do"), "{said}");
        assert_eq!(env.read("workspaces/.config_default/skiff_config"), "util/rootlogin,virt/qemu\n");
    }
    let left = fs::read_dir(env.path("workspaces/default")).unwrap().count();
    assert_eq!(left, 0, "a staging folder was left");
}

#[test]
fn compile_can_be_killed_at_any_moment() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu,skiff/core", "build"]);
    let good = env.read("workspaces/default/images/SHA256SUMS");
    for round in 0_u64..16 {
        // An input that alternates makes every second build a real one.
        env.write("overrides/root_overlay/etc/note", format!("{}", round % 2));
        run_and_kill(&env, &["compile"], Duration::from_millis(round * 149));
        let sums = env.read("workspaces/default/images/SHA256SUMS");
        for line in sums.lines() {
            let name = line.split_once("  ").unwrap().1;
            assert!(env.path("workspaces/default/images").join(name).exists(), "{name} is gone after a kill");
        }
    }
    fs::remove_dir_all(env.path("overrides/root_overlay")).unwrap();
    env.succeed(&["compile"]);
    assert_eq!(env.read("workspaces/default/images/SHA256SUMS"), good);
    let mut left: Vec<_> = fs::read_dir(env.path("workspaces/default"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["build.json", "images", "skiff.lock", "target"]);
}

#[test]
fn ctrl_c_ends_a_build_and_keeps_the_last_images() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "build"]);
    let good = env.read("workspaces/default/images/SHA256SUMS");
    env.write("overrides/root_overlay/etc/note", "x");
    let child = env.command(&["compile"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(700));
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ran = env.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("Cancelled"), "{}", ran.stderr);
    assert_eq!(env.read("workspaces/default/images/SHA256SUMS"), good);
}
