//! Killed at any moment, skiff leaves a workspace that the next run repairs by itself.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
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
        run_and_kill(&env, &["-c", chain, "configure"], Duration::from_micros(round * 500));
        let said = env.succeed(&["-c", "virt/qemu", "configure"]).stderr;
        assert!(said.starts_with("Configured") || said.contains("nothing to do"), "{said}");
        assert_eq!(
            env.read("workspaces/.config_default/skiff_config"),
            "skiff/serial-console,util/rootlogin,skiff/board,virt/qemu\n"
        );
    }
    let left: Vec<_> = fs::read_dir(env.path("workspaces")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?} holds more than the configuration and the lock");
}

/// Checks that every image is the one whose digest lies beside it.
fn assert_intact(env: &TestEnvironment) {
    for line in env.read("workspaces/default/images/SHA256SUMS").lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        let bytes = fs::read(env.path("workspaces/default/images").join(name)).unwrap();
        assert_eq!(skiff_digest::Digest::of(&bytes).to_string(), digest, "{name} is damaged after a kill");
    }
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
        assert_intact(&env);
    }
    fs::remove_dir_all(env.path("overrides/root_overlay")).unwrap();
    env.succeed(&["compile"]);
    assert_eq!(env.read("workspaces/default/images/SHA256SUMS"), good);
    let mut left: Vec<_> = fs::read_dir(env.path("workspaces/default"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".skiff-workspace", "build.json", "gaps.txt", "images", "skiff.lock", "target"]);
}

#[test]
fn ctrl_c_ends_a_build_and_keeps_the_last_images() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "build"]);
    let good = env.read("workspaces/default/images/SHA256SUMS");
    env.write("overrides/root_overlay/etc/note", "x");
    let mut child = env.command(&["compile"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("Unpacking")));
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("cancelled")), "{rest:?}");
    assert_eq!(env.read("workspaces/default/images/SHA256SUMS"), good);
}
