//! Plugins that do their work: each guest whose name starts with `ok_` has a test of its name here.

use insta::assert_snapshot;
use skiff_tests::Host;
use skiff_tests::guests;

use super::*;

macro_rules! assert_test_exists {
    ($name:ident) => {
        #[expect(unused_imports, reason = "naming the test is the check")]
        use self::$name as _;
    };
}
foreach_ok_guest!(assert_test_exists);

#[test]
fn ok_hook_writes_target() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {write: target, path: etc, why: writes a file}\n";
    let env = with_guest(guests::OK_HOOK_WRITES_TARGET, rest);
    let refused = env.fail(77, &["-c", "virt/qemu,my/board", "build"]);
    assert!(refused.contains("skiff grant add my/board/p write:target/etc"), "{refused}");
    assert!(!env.path("workspaces/default/images").exists());
    // The line that skiff prints is the line that works.
    let line = refused.split_once("run: skiff ").unwrap().1.trim().to_owned();
    env.succeed(&line.split(' ').collect::<Vec<_>>());
    let built = env.succeed(&["compile"]).stderr;
    assert!(built.contains("[my/board/p] written"), "{built}");
    assert_snapshot!(env.read("workspaces/default/target/etc/guest"), @r#"
    Pre
    base/pre skiff/serial-console util/rootlogin skiff/board virt/qemu my/board overrides overrides/workspaces/default base/post
    [Some("y"), None]
    skiff
    "#);
}

#[test]
fn ok_hook_rewrites_file() {
    let env = environment();
    env.write("target/etc/in", "this is HOSTNAME\n");
    let host = Host::new(&env, crate::PROGRAM, &[guests::OK_HOOK_REWRITES_FILE]);
    assert_eq!(host.hook(guests::OK_HOOK_REWRITES_FILE), "");
    assert_eq!(env.read("target/etc/out"), "this is nobody\n");
}

#[test]
fn ok_command_echoes() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    assert_snapshot!(go(&env, 0, &[]), @r#"[my/board/p] go text=Some("none") choice=None flag=false words=[] status=0"#);
    assert_snapshot!(go(&env, 3, &["--status", "3", "--flag", "--choice", "two", "--words", "a 'b c' --d"]), @r#"[my/board/p] go text=Some("none") choice=Some("two") flag=true words=["a", "b c", "--d"] status=3"#);
    assert_eq!(env.succeed(&["cmd", "my/board/go"]).stdout, "to stdout\n");
    env.set("MY_TEXT", "from the environment");
    assert_snapshot!(go(&env, 0, &[]), @r#"[my/board/p] go text=Some("from the environment") choice=None flag=false words=[] status=0"#);
    assert_snapshot!(env.succeed(&["cmd", "my/board", "go", "--help"]).stdout, @"
    Goes

    Usage: skiff cmd my/board go [OPTIONS]

    Options:
          --text <TEXT>      A text [env: MY_TEXT] [default: none]
          --choice <choice>  A choice [possible values: one, two]
          --flag             A flag
          --words <WORDS>    Words
          --status <NUMBER>  The exit status
      -h, --help             Print help
    ");
}

#[test]
fn ok_command_runs_tool() {
    let env = with_guest(guests::OK_COMMAND_RUNS_TOOL, &format!("{COMMAND}{HEAD}"));
    assert_snapshot!(go(&env, 0, &[]), @"[my/board/p] status 0: inside");
    let left = fs::read_dir(env.path("workspaces/default/state")).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| !name.as_encoded_bytes().starts_with(b".lock+")).collect();
    let state = env.state_of("my/board", "p");
    assert_eq!(left, [state.rsplit('/').next().unwrap()], "the view of the directories is gone");
}

#[test]
fn ok_configure_contributes() {
    let rest = "    hooks: [configure]\n    capabilities:\n      - {read: layer, path: parts, why: reads}\n      \
                - {write: state, why: keeps}\n      - {write: target, why: writes}\n";
    let env = with_guest(guests::OK_CONFIGURE_CONTRIBUTES, rest);
    let asked = env.fail(77, &["-c", "virt/qemu,apps/docker,my/board", "configure"]);
    assert!(asked.contains("which is the configure hook of layer `my/board`"), "{asked}");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.write("overrides/buildroot/name", "BR2_TARGET_GENERIC_HOSTNAME=\"boat\"\n");
    env.succeed(&["-c", "virt/qemu,apps/docker,my/board", "configure"]);
    assert_snapshot!(env.succeed(&["explain", "BR2_PACKAGE_HELLO", "BR2_PACKAGE_OF", "CONFIG_OVERLAY_FS"]).stdout.replace(&env.path("").display().to_string(), ""), @r#"
    BR2_PACKAGE_HELLO = y  (buildroot)
      set by   my/board                 [ROOT]/layers/my/board/p:hello:2
      Kconfig  has not been asked: `skiff -w another --engine buildroot configure` does
    BR2_PACKAGE_OF = "boat"  (buildroot)
      set by   my/board                 [ROOT]/layers/my/board/p:hello:3
      Kconfig  has not been asked: `skiff -w another --engine buildroot configure` does
    CONFIG_OVERLAY_FS = y  (kernel)
      set by   my/board                 [ROOT]/layers/my/board/p:modules:1
      over     apps/docker              [SKIFF]/configs/apps/docker/kernel/docker:33  y
      over     base/pre                 [SKIFF]/configs/base/pre/kernel/root:5  y
      Kconfig  is asked when the kernel is built
    "#);
    assert!(env.succeed(&["configure"]).stderr.contains("nothing to do"));
    // What it reads is an input.
    env.write("layers/my/board/parts/data", "other data");
    assert!(!env.succeed(&["configure"]).stderr.contains("nothing to do"));
    assert!(env.read("workspaces/.config_default/buildroot/config").contains("BR2_PACKAGE_HELLO=y"));
}

#[test]
fn ok_board_plans() {
    let env = with_guest(guests::OK_BOARD_PLANS, "    board: true\n");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let layout = env.succeed(&["layout", "my/board", "--size", "4G", "--json"]).stdout;
    let layout: serde_json::Value = serde_json::from_str(&layout).unwrap();
    assert_eq!(layout["table"], "mbr");
    assert_eq!(layout["partitions"][1]["label"], "persist");
    assert_eq!(layout["partitions"][0]["size_min"], 1_u64 << 30);
    assert_eq!(layout["raw"][0]["offset"], 8192);
    assert_snapshot!(env.fail(1, &["layout", "my/board", "--size", "4K"]), @"
    error: plugin `my/board/p`: the medium is too small
    hint: (from the plugin) take a larger one
    ");
    assert_snapshot!(env.fail(1, &["layout", "apps/docker", "--size", "4G"]), @"
    error: package `apps/docker` is not a board: no plugin of it has `board: true`
    hint: one says `board: true` in metadata/plugins.yaml
    ");
}

#[test]
fn ok_hook_moves_files() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {read: layer, path: parts, why: reads}\n      \
                - {write: target, path: etc, why: writes}\n";
    let env = with_guest(guests::OK_HOOK_MOVES_FILES, rest);
    env.write("layers/my/board/parts/folder/more", "more data");
    std::os::unix::fs::symlink("/etc/passwd", env.path("layers/my/board/parts/link")).unwrap();
    env.write("tree/top/etc/file", "from an archive");
    let archive = env.path("layers/my/board/parts/archive.tar.gz");
    let mut tar = std::process::Command::new("tar");
    assert!(tar.arg("-czf").arg(archive).arg("top").current_dir(env.path("tree")).status().unwrap().success());
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let built = env.succeed(&["-c", "virt/qemu,my/board", "build"]).stderr;
    let said = built.lines().find(|line| line.contains("[my/board/p]")).unwrap();
    assert!(said.contains("copied 5 "), "{said}");
    assert!(said.contains("unpacked 2 15, packed 5, again 5, equal true, magic [1f, 8b]"), "{said}");
    let target = |path: &str| env.path("workspaces/default/target/etc").join(path);
    assert_eq!(fs::read_to_string(target("unpacked/etc/file")).unwrap(), "from an archive");
    assert_eq!(fs::read_to_string(target("again/folder/more")).unwrap(), "more data");
    assert_eq!(fs::read_link(target("copied/link")).unwrap(), std::path::Path::new("/etc/passwd"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(target("deep/er/put")).unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn ok_hook_and_command() {
    let env = with_guest(guests::OK_HOOK_AND_COMMAND, &format!("    hooks: [pre]\n{COMMAND}"));
    assert_eq!(go(&env, 0, &[]), "[my/board/p] as a command\n");
    let built = env.succeed(&["-c", "virt/qemu,my/board", "build"]).stderr;
    assert!(built.contains("[my/board/p] as a hook"), "{built}");
}

#[test]
fn ok_command_fetches() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            std::io::Write::write_all(&mut stream, answer).unwrap();
        }
    });
    let rest = format!(
        "{COMMAND}    capabilities:\n      - {{write: state, why: keeps}}\n      - {{fetch: {base}/files/, why: loads}}\n"
    );
    let mut env = with_guest(guests::OK_COMMAND_FETCHES, &rest);
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    let fetch = |code, url: &str, sha256: &str| go(&env, code, &["--words", &format!("{url} {sha256}")]);
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    // The cache is filled by the first run, so that what `go` compares is the same from then on.
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.succeed(&["cmd", "my/board/go", "--words", &format!("{base}/files/hello {hello}")]);
    assert_eq!(env.read(&format!("{}/fetched", env.state_of("my/board", "p"))), "hello");
    assert_eq!(fetch(0, &format!("{base}/files/hello"), hello), "[my/board/p] 5 bytes\n");
    let wrong = fetch(1, &format!("{base}/files/hello"), &"0".repeat(64));
    assert!(wrong.contains(&format!("its SHA-256 is {hello}, not 000")), "{wrong}");
    for other in [format!("{base}/other"), format!("{base}/files/../x"), "file:///etc/passwd".into()] {
        let refused = fetch(77, &other, hello);
        assert!(refused.contains("the plugin may not fetch from there"), "{refused}");
    }
    let audit = env.succeed(&["audit", "my/board"]).stdout;
    assert!(audit.contains(&format!("fetched {base}/files/hello (sha256:{hello})")), "{audit}");
    assert!(audit.contains("REFUSED the plugin may not fetch from there"), "{audit}");
}

#[test]
fn ok_command_writes_images() {
    let rest = format!(
        "{COMMAND}    capabilities: [{{write: images, why: changes them}}]\n    limits: {{memory_mib: 16, time_s: 1}}\n"
    );
    let env = with_guest(guests::OK_COMMAND_WRITES_IMAGES, &rest);
    let images = |name: &str| fs::read_to_string(env.path("workspaces/default/images").join(name)).ok();
    env.write("workspaces/default/.skiff-workspace", "");
    env.write("workspaces/default/images/old", "whole");
    for (way, code) in [("panic", 1), ("fail", 1), ("loop", 1)] {
        go(&env, code, &["--text", way]);
        assert_eq!((images("old").as_deref(), images("new")), (Some("whole"), None), "{way}");
    }
    go(&env, 3, &["--status", "3"]);
    assert_eq!(images("old").as_deref(), Some("whole"), "a status is a failure, too");
    go(&env, 0, &[]);
    assert_eq!((images("old").as_deref(), images("new").as_deref()), (Some("half"), Some("new")));
    let left: Vec<_> = fs::read_dir(env.path("workspaces/default")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".staging")), "{left:?}");
}
