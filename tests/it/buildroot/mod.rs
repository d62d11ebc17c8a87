//! The engine `buildroot`, on a small tree of our own (`fixtures/buildroot`) with the real Kconfig, `make`, compiler and
//! compiler cache.

mod changes;
mod consent;

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;
use skiff_tests::TestEnvironment;

use crate::environment;

/// The Kconfig of the kernel's build tools; `make test` installs it.
pub(crate) fn kconfig() -> PathBuf {
    let installed = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let conf = installed.map(|path| path.join("scripts/kconfig/conf"));
    conf.filter(|path| path.to_string_lossy().contains("linux-kbuild-"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("Debian's package linux-kbuild-* is not installed: run `make buildroot-tools`"))
}

/// Makes an environment with the small tree, a cache of its own and a layer that chooses the packages.
pub(crate) fn with_tree(symbols: &str) -> TestEnvironment {
    let mut env = environment();
    env.set("SKIFF_BUILDROOT_DIR", TestEnvironment::checkout().join("tests/fixtures/buildroot").to_str().unwrap());
    env.set("KCONFIG_CONF", kconfig().to_str().unwrap());
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    env.set("SKIFF_BASE_CONFIGS_DIR", env.path("base").to_str().unwrap());
    env.set("SKIFF_CONFIG", "my/board");
    env.write("base/pre/buildroot/arch", "BR2_x86_64=y\n");
    let paths = "BR2_ROOTFS_OVERLAY=\"REPLACEME_ROOTFS_OVERLAY\"\n\
                 BR2_ROOTFS_POST_BUILD_SCRIPT=\"REPLACEME_FINAL_CONFIG_DIRpre_build.sh\"\n\
                 BR2_ROOTFS_POST_IMAGE_SCRIPT=\"REPLACEME_FINAL_CONFIG_DIRpost_build.sh\"\n\
                 BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES=\"REPLACEME_KERNEL_FRAGMENTS\"\n";
    env.write("base/post/buildroot/paths", paths);
    env.write("layers/my/board/buildroot/packages", symbols);
    env
}

#[test]
fn settings_that_kconfig_drops_are_reported_with_place_and_reason() {
    let env = with_tree(
        "BR2_PACKAGE_HELO=y\nBR2_PACKAGE_HELLO=y\nBR2_PACKAGE_HELLO_LOUD=y\nBR2_ARCH_IS_64=y\nBR2_JLEVEL=many\n\
         BR2_GCC_FLAVOUR=\"plain\"\n# BR2_PACKAGE_SLOW is not set\nBR2_aarch64=y\n",
    );
    env.write("base/pre/buildroot/later", "BR2_arm=y\nBR2_CCACHE_USE_BASEDIR=y\n");
    assert_snapshot!(env.succeed(&["configure"]).stderr, @"
    Configured workspace `default` for my/board (engine `buildroot`)
    warning: 3 settings of the layers come to nothing:
      [ROOT]/layers/my/board/buildroot/packages:5: BR2_JLEVEL=many: its value must be a whole number (Kconfig has 0)
      [ROOT]/layers/my/board/buildroot/packages:1: BR2_PACKAGE_HELO=y: no Kconfig file defines it; there is BR2_PACKAGE_HELLO
      [ROOT]/layers/my/board/buildroot/packages:3: BR2_PACKAGE_HELLO_LOUD=y: it depends on BR2_PACKAGE_SLOW, which is n
    warning: 1 default of the base layer comes to nothing:
      [ROOT]/base/pre/buildroot/later:2: BR2_CCACHE_USE_BASEDIR=y: it depends on BR2_CCACHE, which is n
    ");
    assert_snapshot!(env.fail(1, &["configure", "--strict"]), @"
    error: 3 settings of the layers come to nothing:
      [ROOT]/layers/my/board/buildroot/packages:5: BR2_JLEVEL=many: its value must be a whole number (Kconfig has 0)
      [ROOT]/layers/my/board/buildroot/packages:1: BR2_PACKAGE_HELO=y: no Kconfig file defines it; there is BR2_PACKAGE_HELLO
      [ROOT]/layers/my/board/buildroot/packages:3: BR2_PACKAGE_HELLO_LOUD=y: it depends on BR2_PACKAGE_SLOW, which is n
    hint: mend or remove these lines, or configure without --strict
    ");
    // Strict or not, the next run knows it, too.
    assert!(env.succeed(&["configure"]).stderr.contains("Kconfig drops 4 settings, as before"));
    assert_snapshot!(env.succeed(&["explain", "BR2_PACKAGE_HELLO_LOUD", "BR2_aarch64", "BR2_HAVE_DOT_CONFIG"]).stdout, @"
    BR2_PACKAGE_HELLO_LOUD = y  (buildroot)
      set by   my/board                 [ROOT]/layers/my/board/buildroot/packages:3
      Kconfig  does not follow; it is absent: it depends on BR2_PACKAGE_SLOW, which is n
    BR2_aarch64 = y  (buildroot)
      set by   my/board                 [ROOT]/layers/my/board/buildroot/packages:8
      Kconfig  y, as asked for
    BR2_HAVE_DOT_CONFIG = y  (buildroot)
      no layer sets it
      Kconfig  y (a default)
    ");
}

#[test]
fn explain_knows_what_nobody_has_asked_for() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.succeed(&["configure"]);
    assert_snapshot!(env.succeed(&["explain", "BR2_PACKAGE_SLOW", "BR2_PACKAGE_HELLO_LOUD"]).stdout, @"
    BR2_PACKAGE_SLOW = n  (buildroot)
      no layer sets it
      Kconfig  n (nobody asks for it)
    BR2_PACKAGE_HELLO_LOUD = absent  (buildroot)
      no layer sets it
      Kconfig  absent (nobody asks for it, and it depends on BR2_PACKAGE_SLOW, which is n)
    ");
    assert_snapshot!(env.fail(1, &["explain", "BR2_PACKAGE_SLOWW"]), @"
    error: no layer of the chain sets `BR2_PACKAGE_SLOWW`, and it is in no configuration
    hint: similar: BR2_PACKAGE_SLOW
    ");
}

#[test]
fn a_strict_failure_leaves_the_last_good_configuration() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.succeed(&["configure", "--strict"]);
    let (config, merged) = ("workspaces/default/.config", "workspaces/.config_default/buildroot/config");
    let good = (env.read(config), env.read(merged));
    env.write("layers/my/board/buildroot/more", "BR2_PACKAGE_NOWHERE=y\nBR2_PACKAGE_SLOW=y\n");
    env.fail(1, &["configure", "--strict"]);
    assert_eq!((env.read(config), env.read(merged)), good);
}

#[test]
fn external_trees_bring_symbols_and_their_dependencies_are_known() {
    let env = with_tree("BR2_PACKAGE_EXTRA=y\n");
    env.write("layers/my/board/buildroot_ext/external.desc", "name: MINE\n");
    env.write("layers/my/board/buildroot_ext/external.mk", "");
    env.write(
        "layers/my/board/buildroot_ext/Config.in",
        "source \"$(BR2_EXTERNAL_MINE_PATH)/package/extra/Config.in\"\n",
    );
    let extra = "config BR2_PACKAGE_EXTRA\n\tbool \"extra\"\n\tdepends on BR2_PACKAGE_HELLO\n";
    env.write("layers/my/board/buildroot_ext/package/extra/Config.in", extra);
    let said = env.succeed(&["configure"]).stderr;
    assert!(said.contains("BR2_PACKAGE_EXTRA=y: it depends on BR2_PACKAGE_HELLO, which is n"), "{said}");
    env.write("overrides/buildroot/hello", "BR2_PACKAGE_HELLO=y\n");
    let said = env.succeed(&["configure"]).stderr;
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_build_runs_hooks_and_a_second_one_does_nothing() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\nBR2_TARGET_GENERIC_HOSTNAME=\"boat\"\n");
    env.write("layers/my/board/root_overlay/etc/motd", "Ahoy\n");
    // systemd's way to mask a unit: on this side of the build it leads to a device.
    std::os::unix::fs::symlink("/dev/null", env.path("layers/my/board/root_overlay/etc/masked")).unwrap();
    hook(&env, "layers/my/board/hooks/pre.sh", "test -e \"$TARGET_DIR/etc/motd\" && pwd >\"$TARGET_DIR/etc/where\"");
    hook(&env, "layers/my/board/hooks/post.sh", "printf %s \"$SKIFF_CURRENT_CONF_DIR\" >\"$BINARIES_DIR/post\"");
    env.set_grant();
    let said = env.succeed(&["build"]).stderr;
    assert!(said.contains("pre hook [ROOT]/layers/my/board/hooks/pre.sh (a script)"), "{said}");
    assert_eq!(env.read("workspaces/default/images/post"), env.path("layers/my/board").display().to_string());
    assert_eq!(env.read("workspaces/default/target/etc/hostname"), "boat\n");
    let masked = fs::read_link(env.path("workspaces/default/target/etc/masked")).unwrap();
    assert_eq!(masked.as_os_str(), "/dev/null");
    let sums = env.read("workspaces/default/images/SHA256SUMS");
    assert!(sums.contains("  rootfs.tar\n") && sums.contains("  post\n"), "{sums}");
    assert!(env.succeed(&["compile"]).stderr.contains("are current; nothing to do"));
}

/// Writes an executable script.
fn hook(env: &TestEnvironment, path: &str, body: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    env.write(path, format!("#!/bin/bash\nset -e\n{body}\n"));
    fs::set_permissions(env.path(path), fs::Permissions::from_mode(0o755)).unwrap();
}

trait Granting {
    /// Lets the scripts of `my/board` run.
    fn set_grant(&self);
}

impl Granting for TestEnvironment {
    fn set_grant(&self) {
        self.succeed(&["grant", "add", "my/board", "shell"]);
    }
}

#[test]
fn a_failed_build_shows_the_error_the_end_of_the_log_and_what_to_do() {
    let env = with_tree("BR2_PACKAGE_BROKEN=y\n");
    let said = env.fail(1, &["build"]);
    assert!(said.contains("error: broken 1.0 Building failed: broken.c:7:3: error: this will never compile"), "{said}");
    assert!(said.contains("| compiling 100\n") && !said.contains("| compiling 1\n"), "{said}");
    assert!(said.contains("hint: all of the output is in [ROOT]/workspaces/default/build.log"), "{said}");
    assert!(said.contains("skiff br broken-rebuild"), "{said}");
    assert!(env.read("workspaces/default/build.log").contains("compiling 1\n"));
    let status: Value = serde_json::from_str(&env.succeed(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["built"], "unfinished");
}

#[test]
fn all_downloads_that_fail_are_named_with_the_first_reason() {
    let env = with_tree("BR2_PACKAGE_ABSENT=y\nBR2_PACKAGE_HELLO=y\n");
    let said = env.fail(1, &["fetch"]);
    insta::with_settings!({filters => [(r"\d+\.\d s", "[TIME]")]}, { assert_snapshot!(said, @r#"
    Configured workspace `default` for my/board (engine `buildroot`)
    Asking Buildroot for its packages ...
    Asking Buildroot for its packages: [TIME]
    Downloading sources ...
    Downloading sources: [TIME]
    error: A download failed:
      absent: file:///nowhere/absent-1.0.tar.gz: wget: file:///nowhere: no such thing
    hint: a mirror that has them can be named: BR2_PRIMARY_SITE="https://…" in overrides/buildroot/mirror
    hint: all of the output is in [ROOT]/workspaces/default/fetch.log
    "#) });
    env.write("overrides/buildroot/x", "# BR2_PACKAGE_ABSENT is not set\n");
    assert!(env.succeed(&["fetch"]).stderr.contains("Everything that the build needs is there"));
}

#[test]
fn ctrl_c_ends_a_build_and_the_next_goes_on() {
    let env = with_tree("BR2_PACKAGE_SLOW=y\n");
    env.succeed(&["configure"]);
    let mut child = env.command(&["compile"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = env.path("workspaces/default/build.log");
    wait_for(|| fs::read_dir(env.path("workspaces/default/build/slow-1.0")).is_ok_and(|steps| steps.count() > 3));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("cancelled; continue with: skiff compile")), "{rest:?}");
    env.succeed(&["compile"]);
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("making step 1\n") && log.contains("making step 20\n"), "{log}");
}

#[test]
fn killed_at_any_moment_a_build_goes_on_and_nothing_of_it_stays_behind() {
    let env = with_tree("BR2_PACKAGE_SLOW=y\nBR2_PACKAGE_HELLO=y\n");
    for round in 0_u64..12 {
        env.write("overrides/root_overlay/etc/round", round.to_string());
        let mut child = env.command(&["build"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * 61));
        child.kill().unwrap();
        child.wait().unwrap();
        // Whoever held the workspace for the killed one lets go of it soon.
        wait_for(|| {
            let lock = fs::File::open(env.path("workspaces/.lock_default"));
            lock.is_ok_and(|file| file.try_lock().is_ok()) || !env.path("workspaces/.lock_default").exists()
        });
    }
    env.succeed(&["build"]);
    assert_eq!(env.read("workspaces/default/target/etc/round"), "11");
    assert!(env.succeed(&["compile"]).stderr.contains("nothing to do"));
}

fn wait_for(condition: impl Fn() -> bool) {
    // It only ends a test that hangs: the machine may have other work.
    for _ in 0..36_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it does not come to pass");
}

/// The numbers that ccache counts: hits and misses.
fn statistics(env: &TestEnvironment) -> (u64, u64) {
    let output =
        Command::new("ccache").arg("--print-stats").env("CCACHE_DIR", env.path("cache/ccache")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        line.map_or(0, |number| number.parse().unwrap())
    };
    (number("direct_cache_hit") + number("preprocessed_cache_hit"), number("cache_miss"))
}

#[test]
fn workspaces_share_compiled_objects() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\nBR2_CCACHE=y\nBR2_CCACHE_USE_BASEDIR=y\n");
    env.succeed(&["-w", "one", "build"]);
    assert_eq!(statistics(&env), (0, 5));
    env.succeed(&["-w", "a-second-one", "build"]);
    assert_eq!(statistics(&env), (5, 5));
    let place = env.read("workspaces/one/.build-path");
    assert_eq!(place, "/skiff/w\n", "this machine forbids mount namespaces, so this test has shown only half");
}

#[test]
fn menus_add_to_what_earlier_sessions_have_changed() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    let delta = "overrides/workspaces/default/buildroot/zz-buildroot-menuconfig-delta";
    env.set("MENU", "sed -i 's/^# BR2_PACKAGE_SLOW is not set/BR2_PACKAGE_SLOW=y/' $1");
    env.succeed(&["br", "config"]);
    env.set("MENU", "sed -i 's/^BR2_PACKAGE_HELLO=y/# BR2_PACKAGE_HELLO is not set/' $1");
    let said = env.succeed(&["br", "config"]).stderr;
    assert!(said.contains("Saved 1 change in"), "{said}");
    let text = env.read(delta);
    assert!(text.ends_with("\nBR2_PACKAGE_SLOW=y\n# BR2_PACKAGE_HELLO is not set\n"), "{text}");
    let config = env.read("workspaces/default/.config");
    assert!(config.contains("BR2_PACKAGE_SLOW=y") && config.contains("# BR2_PACKAGE_HELLO is not set"));
    assert!(env.succeed(&["configure"]).stderr.contains("nothing to do"));
}

#[test]
fn other_targets_a_shell_and_licences_run_where_buildroot_does() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    let said = env.succeed(&["br", "say-hello"]).stdout;
    assert!(said.contains("said hello: SKIFF_CONFIG=my/board O="), "{said}");
    env.fail(2, &["br", "no-such-target"]);
    assert_eq!(env.succeed(&["shell", "--", "sh", "-c", "echo $SKIFF_WORKSPACE; exit 0"]).stdout, "default\n");
    env.fail(7, &["shell", "--", "sh", "-c", "exit 7"]);
    env.succeed(&["legal-info"]);
    assert!(env.path("workspaces/default/legal-info/manifest.csv").exists());
    env.succeed(&["check"]);
    let shown: Value = serde_json::from_str(&env.succeed(&["env", "--json"]).stdout).unwrap();
    assert_eq!(shown["SKIFF_CONFIGS"], "my/board");
}

#[test]
fn pictures_are_drawn_of_layers_times_and_sizes() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.fail(1, &["graph", "size"]);
    env.write("layers/my/board/metadata/dependencies", "my/base\n");
    env.write("layers/my/base/metadata/description", "A <base>\n");
    env.succeed(&["build"]);
    for (graph, word) in [("layers", "my/base"), ("build-time", "hello"), ("size", "hello")] {
        let files = env.succeed(&["graph", graph, "-o", "pictures"]).stdout;
        assert_eq!(files.lines().count(), 2, "{files}");
        let svg = env.read(&format!("pictures/{graph}.svg"));
        assert!(svg.starts_with("<svg") && svg.contains(word), "{svg}");
        let html = env.read(&format!("pictures/{graph}.html"));
        assert!(html.starts_with("<!doctype html>") && html.contains(&svg), "{html}");
    }
    assert!(env.read("pictures/layers.html").contains("A &lt;base&gt;"));
}

#[test]
fn no_network_means_a_clear_error() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.set("SKIFF_BUILDROOT_DIR", "");
    env.set("SKIFF_ENGINE", "buildroot");
    assert_snapshot!(env.fail(1, &["--offline", "configure"]), @"
    error: Buildroot 2026.05.1 was not fetched yet, and `--offline` forbids the network
    hint: run `skiff fetch` with a network, or set SKIFF_BUILDROOT_DIR to a tree of Buildroot 2026.05.1
    ");
    env.write(
        "skiff.yaml",
        "buildroot: {pin: {url: /nowhere, release: v1, commit: 0123456789012345678901234567890123456789}}\n",
    );
    assert_snapshot!(env.fail(1, &["configure"]), @"
    Fetching Buildroot v1 ...
    Fetching Buildroot v1: 0.0 s
    error: cannot fetch Buildroot v1 from /nowhere: fatal: repository '/nowhere' does not exist
    hint: check the network, or set SKIFF_BUILDROOT_DIR to a tree of Buildroot v1 that you have
    ");
    env.write("not-buildroot/Makefile", "");
    env.set("SKIFF_BUILDROOT_DIR", "not-buildroot");
    assert_snapshot!(env.fail(1, &["configure"]), @"
    error: `[ROOT]/not-buildroot` is not a Buildroot tree: `Config.in` is missing
    hint: for skiff's own layers, set SKIFF_BUILDROOT_DIR to a tree of Buildroot 2026.05.1, or to nothing: skiff then fetches 2026.05.1
    ");
    env.write(
        ".gitmodules",
        "[submodule \"buildroot\"]\n\tpath = not-buildroot\n\turl = https://example.org/buildroot\n",
    );
    env.write(".git/HEAD", "ref: refs/heads/main\n");
    let said = env.fail(1, &["configure"]);
    assert!(said.contains("submodule update --init -- not-buildroot"), "{said}");
}

#[test]
fn many_settings_that_kconfig_drops_are_told_by_their_cause() {
    let lost: String = (0..12).map(|n| format!("BR2_PACKAGE_NOWHERE_{n}=y\n")).collect();
    let env = with_tree(&format!("{lost}BR2_PACKAGE_HELLO=y\nBR2_PACKAGE_HELLO_LOUD=y\n"));
    assert_snapshot!(env.succeed(&["configure"]).stderr, @"
    Configured workspace `default` for my/board (engine `buildroot`)
    warning: 13 settings of the layers come to nothing:
      no Kconfig file of this Buildroot defines the symbol
          12 settings: BR2_PACKAGE_NOWHERE_0, BR2_PACKAGE_NOWHERE_1, BR2_PACKAGE_NOWHERE_10 and 9 more
      BR2_PACKAGE_SLOW: it is not set
          1 setting depends on it: BR2_PACKAGE_HELLO_LOUD
      all of them, with their places: [ROOT]/workspaces/default/dropped.txt
    ");
    let list = env.read("workspaces/default/dropped.txt");
    assert!(list.contains("packages:12: BR2_PACKAGE_NOWHERE_11=y: no Kconfig file defines it"), "{list}");
    let status = env.succeed(&["status"]).stdout;
    assert!(status.contains("dropped    13 settings come to nothing:"), "{status}");
    assert!(env.fail(1, &["configure", "--strict"]).contains("all of them, with their places: "));
}

#[test]
fn lines_are_read_as_kconfig_reads_them() {
    let env =
        with_tree("BR2_PACKAGE_HELLO=y # faster\n# BR2_PACKAGE_SLOW is not set (no console here)\nBR2_JLEVEL=2\r\n");
    assert_snapshot!(env.succeed(&["configure", "--strict"]).stderr, @"Configured workspace `default` for my/board (engine `buildroot`)");
    let config = env.read("workspaces/default/.config");
    assert!(config.contains("BR2_PACKAGE_HELLO=y\n") && config.contains("BR2_JLEVEL=2\n"), "{config}");
}

/// Makes a git repository of the small tree and returns the commit of its tag.
fn repository(env: &TestEnvironment) -> String {
    let script = format!(
        "cp -r {} repo && cd repo && git init -q && git add -A && \
         git -c user.name=t -c user.email=t@t commit -qm x && git tag v1 && git rev-parse HEAD",
        TestEnvironment::checkout().join("tests/fixtures/buildroot").display()
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(env.path("")).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_pinned_release_is_fetched_once_and_its_commit_is_checked() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.set("SKIFF_BUILDROOT_DIR", "");
    let commit = repository(&env);
    let project = |commit: &str| {
        let url = env.path("repo").display().to_string();
        env.write(
            "skiff.yaml",
            format!("engine: buildroot\nbuildroot:\n  pin: {{url: {url}, release: v1, commit: {commit}}}\n"),
        );
    };
    project(&"0".repeat(40));
    let said = env.fail(1, &["configure"]);
    assert!(said.contains(&format!("is commit {commit}, and {} is pinned", "0".repeat(40))), "{said}");
    let left = fs::read_dir(env.path("cache/buildroot")).unwrap().flatten();
    assert_eq!(left.filter(|entry| entry.path().is_dir()).count(), 0);
    project(&commit);
    env.succeed(&["configure"]);
    fs::rename(env.path("repo"), env.path("gone")).unwrap();
    env.succeed(&["--offline", "--locked", "build"]);
    assert!(env.read("workspaces/default/skiff.lock").contains(&format!("buildroot: commit {commit}")));
    let lock = env.read("workspaces/default/skiff.lock").replace(&commit, "other");
    env.write("workspaces/default/skiff.lock", lock);
    assert!(env.fail(1, &["--locked", "compile"]).contains("locks commit other"));
}

/// Builds, changes something, builds again, and expects that a third build finds nothing to do.
fn rebuild(env: &TestEnvironment) -> String {
    let said = env.succeed(&["build"]).stderr;
    let again = env.succeed(&["build"]).stderr;
    assert!(again.contains("are current; nothing to do"), "{again}");
    said
}

#[test]
fn engines_can_take_turns_in_a_workspace() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.set("SKIFF_BASE_CONFIGS_DIR", TestEnvironment::checkout().join("configs/base").to_str().unwrap());
    env.set("SKIFF_CONFIG", "virt/qemu,my/board");
    env.set("SKIFF_CACHE_DIR", "");
    env.succeed(&["--engine", "prebuilt", "build"]);
    let locked = || env.read("workspaces/default/skiff.lock").split_once("\nclosures:").unwrap().1.to_owned();
    let packages = locked();
    let said = env.succeed(&["--engine", "buildroot", "build"]).stderr;
    assert!(said.contains("the engine `prebuilt` has built here: everything is built again"), "{said}");
    assert!(!env.path("workspaces/default/target/bin/busybox").exists());
    env.succeed(&["--engine", "prebuilt", "build"]);
    assert_eq!(locked(), packages);
}

#[test]
fn the_environment_decides_where_and_not_what_is_built() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.set("BR2_PACKAGE_BROKEN", "y");
    env.set("MAKEFLAGS", "k");
    rebuild(&env);
}

#[test]
fn offline_nothing_is_fetched() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    let said = env.succeed(&["--offline", "br", "say-x"]).stdout;
    assert!(said.contains("sites=[] only=y"), "{said}");
}

#[test]
fn saving_the_configuration_leaves_the_merged_one_alone() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.succeed(&["configure"]);
    let merged = env.read("workspaces/.config_default/buildroot/config");
    let said = env.succeed(&["br", "savedefconfig"]).stderr;
    assert!(said.contains("Saved [ROOT]/workspaces/default/defconfig"), "{said}");
    assert!(env.read("workspaces/default/defconfig").ends_with("BR2_PACKAGE_HELLO=y\n"));
    assert_eq!(env.read("workspaces/.config_default/buildroot/config"), merged);
}

#[test]
fn a_workspace_knows_its_project_file_and_not_what_that_said_once() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    let tree = TestEnvironment::checkout().join("tests/fixtures/buildroot");
    env.unset("SKIFF_BUILDROOT_DIR");
    let project = |text: &str| env.write("project/skiff.yaml", text);
    project(&format!("engine: buildroot\nbuildroot: {{dir: {}}}\n", tree.display()));
    let there = |arguments: &[&str]| {
        let ran = env.ran(&env.command(arguments).current_dir(env.path("project")).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    let engine = |status: &str| serde_json::from_str::<Value>(status).unwrap()["engine"].clone();
    there(&["configure"]);
    // Somewhere else, it is the same workspace.
    assert_eq!(engine(&env.succeed(&["status", "--json"]).stdout), "buildroot");
    assert!(env.succeed(&["build"]).stderr.contains("The images are in"));
    project("schema: 1\n");
    assert_eq!(engine(&env.succeed(&["status", "--json"]).stdout), "prebuilt");
    env.write("workspaces/.config_default/memory.json", "{");
    assert_snapshot!(env.fail(1, &["build"]), @"
    error: cannot read the saved settings `[ROOT]/workspaces/.config_default/memory.json`: EOF while parsing an object at line 1 column 1
    hint: remove [ROOT]/workspaces/.config_default/memory.json and configure again, with the chain and the engine
    ");
}

#[test]
fn what_builds_nothing_is_no_build() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.write("layers/my/board/metadata/buildtarget", "help\n");
    assert_snapshot!(env.fail(1, &["build"]), @"
    error: [ROOT]/layers/my/board/metadata/buildtarget: `help` builds nothing
    hint: configs/README.md describes this file
    ");
}

#[test]
fn a_pipe_in_the_place_of_a_state_is_not_waited_for() {
    let env = with_tree("BR2_PACKAGE_HELLO=y\n");
    rebuild(&env);
    for file in ["default/build.json", "default/.config", "default/skiff.lock", ".config_default/memory.json"] {
        let path = env.path(&format!("workspaces/{file}"));
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let said = env.fail(1, &["compile"]);
        assert!(said.contains("expected a regular file"), "{file}: {said}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, kept).unwrap();
    }
    env.succeed(&["compile"]);
}

#[test]
fn base_layers_that_are_gone_are_an_error() {
    let mut env = with_tree("BR2_PACKAGE_HELLO=y\n");
    env.succeed(&["configure"]);
    env.set("SKIFF_BASE_CONFIGS_DIR", "nowhere");
    assert_snapshot!(env.fail(1, &["configure"]), @"
    error: there are no base layers (`pre`, `post`) in `[ROOT]/nowhere`
    hint: SKIFF_BASE_CONFIGS_DIR names the folder, or did when the workspace was configured; set it to another, or to nothing for those of the checkout
    ");
}
