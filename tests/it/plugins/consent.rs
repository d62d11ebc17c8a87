//! What the user is asked, and what is locked.

use std::process::Command;

use skiff_tests::guests;

use super::*;

/// Runs skiff at a terminal on which somebody types something once there is a question.
pub(crate) fn at_terminal(env: &TestEnvironment, typed: &str, arguments: &[&str]) -> (i32, String) {
    at_terminal_early(env, "", typed, arguments)
}

/// As [`at_terminal`], where somebody has typed something before skiff runs.
fn at_terminal_early(env: &TestEnvironment, early: &str, typed: &str, arguments: &[&str]) -> (i32, String) {
    let skiff = env.command(arguments);
    let words: Vec<String> = std::iter::once(skiff.get_program())
        .chain(skiff.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut script = Command::new("script");
    script.args(["-qec", &words.join(" "), "/dev/null"]).current_dir(env.path("")).env_clear();
    script.envs(skiff.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    let mut child = script.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), early.as_bytes()).unwrap();
    let (mut said, mut rest) = (Vec::new(), child.stdout.take().unwrap());
    let mut byte = [0];
    // The terminal shows what is typed when it is typed: before or after the question.
    while !said.ends_with(b"[y/N] ") && std::io::Read::read(&mut rest, &mut byte).unwrap() == 1 {
        said.push(byte[0]);
    }
    // Who is asked nothing may have ended already.
    let _ = std::io::Write::write_all(child.stdin.as_mut().unwrap(), typed.as_bytes());
    std::io::Read::read_to_end(&mut rest, &mut said).unwrap();
    let status = child.wait().unwrap();
    let output = std::process::Output { status, stdout: said, stderr: Vec::new() };
    (status.code().unwrap(), env.ran(&output).stdout.replace('\r', ""))
}

const IMAGES: &str = "    capabilities:\n      - {read: images, why: finds the kernel}\n";

fn plain(text: &str) -> String {
    let text = String::from_utf8(anstream::adapter::strip_bytes(text.as_bytes()).into_vec()).unwrap();
    // Digests change with the compiler of the guests.
    let mut out = String::new();
    for (number, part) in text.split("sha256:").enumerate() {
        let rest = if number == 0 { part } else { part.get(64..).unwrap_or_default() };
        out += if number == 0 { rest } else { "sha256:…" };
        if number > 0 {
            out += rest;
        }
    }
    out
}

#[test]
fn a_terminal_is_asked_once_and_after_an_update_for_the_difference_only() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, &format!("{COMMAND}{IMAGES}"));
    let (code, said) = at_terminal(&env, "n\n", &["cmd", "my/board", "go"]);
    assert_eq!(code, 77);
    insta::assert_snapshot!(plain(&said), @"

    Plugin my/board/p 1.0.0
      of layer my/board in [ROOT]/layers/my/board
      sha256:…
    asks to be able to:
      variable:MY_TEXT
          for --text: A text
      read:images
          finds the kernel
    Allow my/board/p to do this? [y/N] n
    error: plugin `my/board/p` is not granted `read:images` (finds the kernel), `variable:MY_TEXT` (for --text: A text)
    hint: if you want that, run: skiff grant add my/board/p read:images variable:MY_TEXT
    ");
    assert!(!env.path("overrides/grants.yaml").exists());
    let (code, said) = at_terminal(&env, "y\n", &["cmd", "my/board", "go"]);
    assert_eq!(code, 0, "{said}");
    assert!(!env.succeed(&["cmd", "my/board", "go"]).stderr.contains("changed"), "asked once");
    // Other bytes that ask for the same carry on, and it is said.
    env.write("layers/my/board/plugins/p.wasm", fs::read(guests::OK_COMMAND_WRITES_IMAGES).unwrap());
    let said = env.run(&["cmd", "my/board", "go", "--text", "fail"]).stderr;
    assert!(said.contains("my/board/p 1.0.0 has changed and asks for no more than before"), "{said}");
    env.write("layers/my/board/plugins/p.wasm", fs::read(guests::OK_COMMAND_ECHOES).unwrap());
    let manifest = env.read("layers/my/board/metadata/plugins.yaml");
    env.write(
        "layers/my/board/metadata/plugins.yaml",
        manifest.clone() + "      - {write: state, why: keeps what it found}\n",
    );
    insta::assert_snapshot!(env.fail(77, &["cmd", "my/board", "go"]), @"
    error: plugin `my/board/p` has changed and asks for more than it was granted: `write:state` (keeps what it found)
    hint: if you want that, run: skiff grant add my/board/p write:state
    ");
    let (code, said) = at_terminal(&env, "y\n", &["cmd", "my/board", "go"]);
    assert_eq!(code, 0, "{said}");
    insta::assert_snapshot!(plain(&said), @r#"

    Plugin my/board/p 1.0.0
      of layer my/board in [ROOT]/layers/my/board
      sha256:…
    has changed; it may do already: read:images variable:MY_TEXT
    asks for more:
      write:state
          keeps what it found
    Allow my/board/p to do this? [y/N] y
    [my/board/p] go text=Some("none") choice=None flag=false words=[] status=0
    to stdout
    "#);
    // Asking for less asks for nothing.
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.succeed(&["cmd", "my/board", "go"]);
    let audit = env.succeed(&["audit", "my/board/p"]).stdout;
    for what in [
        "REFUSED the user said no",
        "was granted read:images",
        "took over",
        "was granted read:images variable:MY_TEXT write:state",
    ] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
    assert!(env.succeed(&["audit", "other"]).stdout.is_empty());
    assert!(env.succeed(&["audit", "--refused", "--json"]).stdout.lines().all(|line| line.contains("\"refused\"")));
}

#[test]
fn what_was_typed_before_a_question_does_not_answer_it() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, &format!("{COMMAND}{IMAGES}"));
    let (code, said) = at_terminal_early(&env, "y\n", "n\n", &["cmd", "my/board", "go"]);
    assert_eq!(code, 77, "{said}");
    assert!(!env.path("overrides/grants.yaml").exists());
    // What is no plugin is granted nothing.
    env.write("layers/my/board/plugins/p.wasm", b"\0asm\x0d\0\x01\0nothing");
    let (code, said) = at_terminal(&env, "y\n", &["cmd", "my/board", "go"]);
    assert!(code == 1 && said.contains("[y/N] y"), "{said}");
    assert!(!env.path("overrides/grants.yaml").exists());
}

#[test]
fn who_wants_no_questions_is_asked_none_and_has_agreed_to_nothing() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, &format!("{COMMAND}{IMAGES}"));
    env.set("SKIFF_NO_INTERACTIVE", "1");
    let (code, said) = at_terminal(&env, "y\n", &["cmd", "my/board", "go"]);
    assert!(code == 77 && said.contains("skiff grant add my/board/p read:images"), "{said}");
}

#[test]
fn consent_can_be_given_beforehand() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, &format!("{COMMAND}{IMAGES}"));
    let go = ["cmd", "my/board", "go"];
    let allow = |what: &str| env.run(&["--allow", what, "cmd", "my/board", "go"]).code;
    assert_eq!(allow("my/board/p=all"), 0);
    assert_eq!(allow("my/board/p=read:images,variable:MY_TEXT"), 0);
    assert_eq!(allow("my/board/p=read:images"), 77);
    let partly = env.fail(77, &["--allow", "my/board/p=read:images", "cmd", "my/board", "go"]);
    assert!(partly.contains("MY_TEXT") && !partly.contains("read:images"), "only what is missing: {partly}");
    let typo = env.fail(2, &["--allow", "my/board/p=read:image", "cmd", "my/board", "go"]);
    assert!(typo.contains("--allow names `read:image`, which `my/board/p` does not declare"), "{typo}");
    assert_eq!(allow("my/other/p=all"), 2);
    assert_eq!(allow("my/board/p"), 2);
    env.fail(77, &go);
    assert!(!env.path("overrides/grants.yaml").exists(), "it was for those runs only");
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    fs::rename(env.path("overrides/grants.yaml"), env.path("ci.yaml")).unwrap();
    env.fail(77, &go);
    env.succeed(&["--grants", env.path("ci.yaml").to_str().unwrap(), "cmd", "my/board", "go"]);
    let said = env.fail(1, &["--grants", "nowhere.yaml", "cmd", "my/board", "go"]);
    assert!(said.contains("there is no file with grants"), "{said}");
    env.set("SKIFF_GRANTS", env.path("ci.yaml").to_str().unwrap());
    env.succeed(&go);
}

/// A stranger's layer that bears the name of another takes nothing over of what that one may do.
#[test]
fn a_layer_of_the_same_name_in_another_folder_is_a_stranger() {
    let mut env = with_guest(guests::OK_COMMAND_ECHOES, &format!("{COMMAND}{IMAGES}"));
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    let strange = env.path("strangers");
    env.write("strangers/my/board/plugins/p.wasm", fs::read(guests::OK_COMMAND_WRITES_IMAGES).unwrap());
    env.write("strangers/my/board/metadata/plugins.yaml", env.read("layers/my/board/metadata/plugins.yaml"));
    let first = env.path("layers");
    env.set("SKIFF_EXTRA_CONFIGS_PATH", &format!("{}:{}", strange.display(), first.display()));
    let said = env.fail(77, &["cmd", "my/board", "go"]);
    assert!(said.contains("is not granted `read:images`"), "{said}");
    env.set("SKIFF_EXTRA_CONFIGS_PATH", first.to_str().unwrap());
    env.succeed(&["cmd", "my/board", "go"]);
}

/// The manifest says what a command's plugin may do and is told: it is locked like the component.
#[test]
fn a_command_is_held_to_the_lock_with_all_of_its_layer() {
    let env = with_guest(guests::OK_COMMAND_ECHOES, COMMAND);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.succeed(&["-c", "virt/qemu,my/board", "build"]);
    env.succeed(&["--locked", "cmd", "my/board", "go"]);
    let manifest = env.read("layers/my/board/metadata/plugins.yaml");
    env.write("layers/my/board/metadata/plugins.yaml", manifest + "    settings: {a: 1}\n");
    let said = env.fail(1, &["--locked", "cmd", "my/board", "go"]);
    assert!(said.contains("layer `my/board` has changed"), "{said}");
    env.succeed(&["cmd", "my/board", "go"]);
}

/// A tool finds its files in a directory of the workspace, which is skiff's from then on.
#[test]
fn a_command_may_come_before_the_first_build() {
    let rest = format!("{COMMAND}    capabilities:\n      - {{tool: echo, why: speaks, arguments: ['{{text}}']}}\n");
    let env = with_guest(guests::OK_COMMAND_ECHOES, &rest);
    let said = env.succeed(&["--allow", "my/board/p=all", "cmd", "my/board", "go"]).stderr;
    assert!(!said.contains("error"), "{said}");
    env.succeed(&["--allow", "my/board/p=all", "-c", "virt/qemu,my/board", "build"]);
}

/// Scripts of a layer are held to the lock and noted like plugins.
#[test]
fn a_command_of_a_makefile_is_locked_and_noted() {
    let env = environment();
    env.write("layers/my/make/extensions/Makefile", "go:\n\t@echo ran\n");
    env.fail(77, &["cmd", "my/make", "go"]);
    env.succeed(&["grant", "add", "my/make", "shell"]);
    assert!(env.fail(1, &["--locked", "cmd", "my/make", "go"]).contains("nothing is locked yet"));
    assert!(env.succeed(&["cmd", "my/make", "go"]).stdout.contains("ran"));
    let audit = env.succeed(&["audit", "my/make"]).stdout;
    assert!(audit.contains("ran the script") && audit.contains("REFUSED"), "{audit}");
}

#[test]
fn what_is_locked_is_used_or_nothing() {
    let rest = "    hooks: [pre]\n    capabilities:\n      - {write: target, path: etc, why: writes a file}\n";
    let env = with_guest(guests::OK_HOOK_WRITES_TARGET, rest);
    let locked = || env.run(&["--locked", "-c", "virt/qemu,my/board", "build"]);
    let first = locked();
    assert!(first.code == 1 && first.stderr.contains("nothing is locked yet"), "{}", first.stderr);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    env.succeed(&["-c", "virt/qemu,my/board", "build"]);
    assert_eq!(locked().code, 0, "{}", locked().stderr);
    let lock: serde_json::Value = serde_yaml::from_str(&env.read("workspaces/default/skiff.lock")).unwrap();
    let mut plugins = lock["system"]["plugins"].as_array().unwrap().iter();
    let plugin = plugins.find(|plugin| plugin["plugin"] == "my/board/p").unwrap();
    assert_eq!(plugin["grants"], serde_json::json!(["write:target/etc"]));
    assert!(plugin["interfaces"].as_array().unwrap().iter().any(|name| name == "skiff:plugin/hooks@1.0.0"), "{plugin}");
    // One byte of the plugin, at its end, where a section begins that nobody reads.
    let component = fs::read(env.path("layers/my/board/plugins/p.wasm")).unwrap();
    env.write("layers/my/board/plugins/p.wasm", [&component[..], &[0, 2, 1, b'x']].concat());
    let said = env.fail(1, &["--locked", "-c", "virt/qemu,my/board", "build"]);
    assert!(
        said.contains("plugin `my/board/p` has changed: sha256:") && said.contains("layer `my/board` has changed"),
        "{said}"
    );
    assert!(!said.contains("base/pre"), "{said}");
    // Without --locked it carries on, and that is locked then.
    let said = env.succeed(&["-c", "virt/qemu,my/board", "build"]).stderr;
    assert!(said.contains("asks for no more than before"), "{said}");
    assert_eq!(locked().code, 0);
    env.write("overrides/root_overlay/etc/motd", "Ahoy");
    assert!(locked().stderr.contains("layer `overrides` has changed"), "{}", locked().stderr);
    fs::remove_dir_all(env.path("overrides/root_overlay")).unwrap();
    env.succeed(&["grant", "revoke", "my/board/p"]);
    assert!(locked().stderr.contains("plugin `my/board/p` has other grants"), "{}", locked().stderr);
    env.write("workspaces/default/skiff.lock", "rubbish");
    let said = env.fail(1, &["--locked", "-c", "virt/qemu,my/board", "build"]);
    assert!(said.contains("cannot read the lock file"), "{said}");
}
