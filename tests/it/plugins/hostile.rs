//! Plugins that mean harm: each guest whose name starts with `hostile_` has a test of its name here.

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
foreach_hostile_guest!(assert_test_exists);

/// Runs a hostile guest with one second of time and 16 MiB of memory, which skiff stops.
fn hostile(component: &str, arguments: &[&str]) -> String {
    let env = with_guest(component, &format!("{COMMAND}    limits: {{memory_mib: 16, time_s: 1}}\n"));
    go(&env, 1, arguments)
}

#[test]
fn hostile_infinite_loop() {
    assert_snapshot!(hostile(guests::HOSTILE_INFINITE_LOOP, &[]), @"
    error: plugin `my/board/p` was stopped: it worked longer than the 1 s that it may
    hint: if it needs more, raise `time_s` (now 1) under `limits` in its manifest
    ");
}

#[test]
fn hostile_sleep() {
    assert_snapshot!(hostile(guests::HOSTILE_SLEEP, &[]), @"
    error: plugin `my/board/p` was stopped: it waited longer than the 10 s that it may
    hint: if it needs more, raise `time_s` (now 1) under `limits` in its manifest
    ");
}

#[test]
fn hostile_memory() {
    assert_snapshot!(hostile(guests::HOSTILE_MEMORY, &[]), @"
    error: plugin `my/board/p` was stopped: it exceeded its memory limit of 16 MiB
    hint: if it needs more, raise `memory_mib` (now 16) under `limits` in its manifest
    ");
}

#[test]
fn hostile_panic() {
    let said = hostile(guests::HOSTILE_PANIC, &[]);
    assert!(said.contains("on purpose") && said.contains("error: plugin `my/board/p` crashed"), "{said}");
}

#[test]
fn hostile_recursion() {
    let said = hostile(guests::HOSTILE_RECURSION, &[]);
    assert!(said.contains("error: plugin `my/board/p` crashed: "), "{said}");
}

#[test]
fn hostile_image_links() {
    for stages in ["pre", "post", "pre, post"] {
        let rest = format!("    hooks: [{stages}]\n    capabilities:\n      - {{write: images, why: adds an image}}\n");
        let env = with_guest(guests::HOSTILE_IMAGE_LINKS, &rest);
        env.write("victim", "precious");
        env.succeed(&["grant", "add", "--all", "my/board/p"]);
        let ran = env.run(&["-c", "virt/qemu,my/board", "build"]);
        assert_eq!(env.read("victim"), "precious", "{stages}");
        // A link where skiff writes an image is replaced by the image; one that is left at the end is refused.
        assert_eq!(ran.code, if stages == "pre" { 0 } else { 1 }, "{}", ran.stderr);
    }
}

#[test]
fn hostile_log_flood() {
    let said = hostile(guests::HOSTILE_LOG_FLOOD, &["--flag"]);
    assert!(said.len() < 3 << 20, "{} bytes", said.len());
    assert!(said.contains("the rest of its messages is left out"));
    assert!(!said.contains('\x1b') && !said.contains('\r') && !said.contains('\x07'));
    assert!(said.lines().all(|line| !line.starts_with("error: forged")));
}

/// One process that loads a hostile and a good plugin: the good one works after the hostile one was stopped.
#[test]
fn the_host_goes_on_after_a_hostile_plugin() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {write: target, path: etc, why: writes a file}\n";
    let env = with_guest(guests::OK_HOOK_WRITES_TARGET, rest);
    let runner = Host::new(&env, crate::PROGRAM, &[guests::HOSTILE_INFINITE_LOOP, guests::OK_HOOK_WRITES_TARGET]);
    for _ in 0..3 {
        let stopped = runner.command(guests::HOSTILE_INFINITE_LOOP);
        assert!(stopped.contains("it worked longer than the 1 s"), "{stopped}");
        assert_eq!(runner.hook(guests::OK_HOOK_WRITES_TARGET), "");
    }
}

const STATE: &str = "    capabilities: [{write: state, why: keeps}]\n    limits: {memory_mib: 16, time_s: 1}\n";

#[test]
fn hostile_host_calls() {
    let said = hostile(guests::HOSTILE_HOST_CALLS, &[]);
    assert!(said.contains("it worked longer than the 1 s that it may"), "{said}");
}

#[test]
fn hostile_handles() {
    let env = with_guest(guests::HOSTILE_HANDLES, &format!("{COMMAND}{STATE}"));
    for way in ["tasks", "trees", "files"] {
        let said = go(&env, 1, &["--text", way]);
        // Files are refused by the host, which the guest tells; the others end it.
        let ended = if way == "files" { "error: plugin `my/board/p` " } else { "error: plugin `my/board/p` crashed: " };
        assert!(said.contains(ended) && !said.contains("time_s"), "{way}: {said}");
        assert!(said.len() < 2 << 20, "{} bytes", said.len());
    }
}

#[test]
fn hostile_huge_return() {
    let env = with_guest(guests::HOSTILE_HUGE_RETURN, "    hooks: [configure]\n    limits: {memory_mib: 512}\n");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let said = env.fail(1, &["-c", "my/board", "configure"]);
    assert!(said.contains("error: plugin `my/board/p` crashed: "), "{said}");
}

#[test]
fn hostile_names() {
    let env =
        with_guest(guests::HOSTILE_NAMES, &format!("{COMMAND}    capabilities: [{{write: state, why: keeps}}]\n"));
    let said = go(&env, 13, &[]);
    assert_eq!(said, "");
    // Whatever it left can be removed.
    env.write("workspaces/default/.skiff-workspace", "");
    let skiff = env.command(&["workspace", "remove", "--yes", "default"]);
    // Its directories are nested far deeper than that.
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 256; exec \"$@\"", "sh"]).arg(skiff.get_program()).args(skiff.get_args());
    limited.current_dir(env.path("")).env_clear();
    limited.envs(skiff.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = limited.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!env.path("workspaces/default").exists());
}

/// Each name is answered with a copy of the value: the host's memory is not the guest's.
#[test]
fn hostile_symbols() {
    let env = with_guest(guests::HOSTILE_SYMBOLS, COMMAND);
    env.write("layers/my/board/buildroot/long", format!("BR2_X=\"{}\"\n", "A".repeat(1 << 20)));
    go(&env, 0, &["--text", "2"]);
    for many in ["5", "3000", "20000"] {
        let said = go(&env, 1, &["--text", many]);
        let limit = "was stopped: it exceeded the limit of 4 MiB for one answer";
        assert!(said.contains(limit), "{many}: {said}");
    }
    // Many short ones take room, too.
    env.write("layers/my/board/buildroot/long", "BR2_X=\"A\"\n");
    go(&env, 1, &["--text", "70000"]);
    go(&env, 0, &["--text", "1000"]);
}

#[test]
fn hostile_many_files() {
    let env = with_guest(guests::HOSTILE_MANY_FILES, &format!("{COMMAND}{STATE}"));
    let said = go(&env, 1, &[]);
    assert!(said.contains("it worked longer than the 1 s that it may"), "{said}");
}

#[test]
fn hostile_raw() {
    let env = with_guest(guests::HOSTILE_RAW, &format!("{COMMAND}{STATE}"));
    for way in ["random", "foreign", "stale", "other"] {
        let said = go(&env, 1, &["--text", way]);
        assert!(said.contains("error: plugin `my/board/p` crashed: "), "{way}: {said}");
    }
    go(&env, 0, &["--text", "none"]);
}

#[test]
fn hostile_tools() {
    let rest = format!(
        "{COMMAND}    capabilities:\n      - {{tool: endless, why: w}}\n      - {{tool: forking, why: w}}\n      \
         - {{tool: env, why: w}}\n"
    );
    let mut env = with_guest(guests::HOSTILE_TOOLS, &rest);
    let mark = format!("{}", std::process::id());
    for (name, script) in [
        ("endless", "#!/bin/sh\nexec yes\n".to_owned()),
        ("forking", format!("#!/bin/sh\nsleep 98{mark} &\n(sleep 97{mark} &)\nexit 0\n")),
    ] {
        env.write(&format!("bin/{name}"), script);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(env.path(&format!("bin/{name}")), mode).unwrap();
    }
    env.set("PATH", &format!("{}:{}", env.path("bin").display(), std::env::var("PATH").unwrap()));
    for (name, value) in [("LD_PRELOAD", "/nowhere"), ("GIT_DIR", "/nowhere"), ("SECRET", "s3cret")] {
        env.set(name, value);
    }
    let said = go(&env, 137, &["--text", "endless"]);
    assert!(said.contains("1048576 bytes, truncated true, timed out true"), "{said}");
    // What a tool has left running ends with it.
    go(&env, 0, &["--text", "forking"]);
    let running = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
    let running = String::from_utf8_lossy(&running.stdout).into_owned();
    assert!(!running.contains(&format!("98{mark}")) && !running.contains(&format!("97{mark}")), "{running}");
    let said = go(&env, 0, &["--text", "env"]);
    assert!(said.contains("PATH=") && !said.contains("s3cret"), "{said}");
    assert!(!said.contains("LD_PRELOAD=") && !said.contains("GIT_DIR="), "{said}");
    let audit = env.succeed(&["audit"]).stdout;
    assert_eq!(audit.matches(" ran ").count(), 3, "{audit}");
}
