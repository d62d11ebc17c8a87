//! What a chain comes to, and why: `explain`, `diff`, `why`, `show`, `status`, and the project file.

use insta::assert_snapshot;
use serde_json::Value;
use skiff_tests::TestEnvironment;

use crate::environment;

/// Three packages that set one symbol after the other.
fn layers() -> TestEnvironment {
    let mut env = environment();
    env.set("SKIFF_BASE_CONFIGS_DIR", env.path("base").to_str().unwrap());
    env.write("base/pre/buildroot/all", "BR2_A=\"base\"\n");
    env.write("layers/my/common/buildroot/x", "\nBR2_A=\"common\"\nBR2_B=y\n");
    env.write("layers/my/common/kernel/x", "CONFIG_SAME=y\n");
    env.write("layers/my/common/root_overlay/etc/motd", "common");
    env.write("layers/my/common/metadata/description", "What the others share");
    env.write("layers/my/board/metadata/dependencies", "my/common\n");
    env.write("layers/my/board/buildroot/x", "BR2_A=\"board\"\n# BR2_B is not set\n");
    env.write("layers/my/board/busybox/x", "CONFIG_SAME=n\n");
    env.write("layers/my/board/root_overlay/etc/motd", "board");
    env.write("layers/my/system/metadata/dependencies", "my/board\n");
    env.write("layers/my/system/hooks/pre.sh", "exit\n");
    env
}

#[test]
fn explain_tells_the_winner_and_all_that_it_overrides() {
    let env = layers();
    assert_snapshot!(env.succeed(&["-c", "my/system", "explain", "BR2_A", "BR2_B", "CONFIG_SAME"]).stdout, @r#"
    BR2_A = "board"  (buildroot)
      set by   my/board                 [ROOT]/layers/my/board/buildroot/x:1
      over     my/common                [ROOT]/layers/my/common/buildroot/x:2  "common"
      over     base/pre                 [ROOT]/base/pre/buildroot/all:1  "base"
      Kconfig  has not been asked: `skiff -w another --engine buildroot configure` does
    BR2_B = n  (buildroot)
      set by   my/board                 [ROOT]/layers/my/board/buildroot/x:2
      over     my/common                [ROOT]/layers/my/common/buildroot/x:3  y
      Kconfig  has not been asked: `skiff -w another --engine buildroot configure` does
    CONFIG_SAME = y  (kernel)
      set by   my/common                [ROOT]/layers/my/common/kernel/x:1
      Kconfig  is asked when the kernel is built
    CONFIG_SAME = n  (busybox)
      set by   my/board                 [ROOT]/layers/my/board/busybox/x:1
      Kconfig  is asked when the busybox is built
    "#);
    let json = env.succeed(&["-c", "my/system", "explain", "--json", "BR2_A"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["winner"]["layer"], "my/board");
    assert_eq!(json[0]["shadowed"][0]["line"], 2);
    assert_snapshot!(env.fail(1, &["-c", "my/system", "explain", "BR2_AA"]), @"
    error: no layer of the chain sets `BR2_AA`, and it is in no configuration
    hint: `skiff plan --json` lists all that are set; what the kernel makes of them is known once it is built
    ");
    assert_snapshot!(env.fail(2, &["-c", "my/system", "explain", "A"]), @"
    error: `A` is not a symbol
    hint: symbols of Buildroot start with BR2_, those of the kernel, U-Boot and Busybox with CONFIG_
    ");
}

#[test]
fn diff_compares_chains_and_workspaces() {
    let env = layers();
    assert_snapshot!(env.succeed(&["diff", "my/common", "my/system"]).stdout, @r#"
    layers
    + my/board
    + my/system
    hooks
    + pre hook [ROOT]/layers/my/system/hooks/pre.sh (a script)
    buildroot
    - BR2_A="common"  (my/common: buildroot/x:2)
    + BR2_A="board"  (my/board: buildroot/x:1)
    - BR2_B=y  (my/common: buildroot/x:3)
    + BR2_B=n  (my/board: buildroot/x:2)
    busybox
    + CONFIG_SAME=n  (my/board: busybox/x:1)
    overlays
    ~ /etc/motd  (my/common / my/board)
    "#);
    env.succeed(&["-c", "my/common", "-w", "one", "configure"]);
    env.write("overrides/workspaces/one/buildroot/x", "BR2_C=\"REPLACEME_FINAL_CONFIG_DIR\"\n");
    let json = env.succeed(&["-c", "my/common", "-w", "two", "diff", "one", "--json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["symbols"]["buildroot"]["BR2_C"]["to"], Value::Null);
    assert_eq!(json["symbols"]["buildroot"]["BR2_C"]["from"]["value"], "\".config/\"");
    assert_eq!(env.succeed(&["diff", "my/board", "my/board"]).stdout, "no difference\n");
    assert_snapshot!(env.fail(1, &["diff", "three", "my/board"]), @"
    error: there is no workspace `three` that is configured
    hint: `skiff workspace list` shows them; a chain has a `/` in it
    ");
}

#[test]
fn why_names_every_package_that_needs_a_layer() {
    let env = layers();
    assert_snapshot!(env.succeed(&["-c", "my/system", "why", "my/common"]).stdout, @"
    my/common: `my/board` needs it ([ROOT]/layers/my/board/metadata/dependencies:1)
    from what was asked for: my/system -> my/board -> my/common
    ");
    assert_snapshot!(env.succeed(&["-c", "my/system", "why", "my/system"]).stdout, @"my/system: you asked for it");
    assert_snapshot!(env.fail(1, &["-c", "my/system", "why", "virt/qemu"]), @"
    error: `virt/qemu` is not in the chain my/system
    hint: `skiff plan` shows what is
    ");
}

#[test]
fn show_tells_what_a_package_is_and_brings() {
    let env = layers();
    assert_snapshot!(env.succeed(&["show", "my/board"]).stdout, @"
    my/board  
    directory    [ROOT]/layers/my/board
    brings       my/common
    needed by    my/system
    holds        buildroot, busybox, metadata, root_overlay
    ");
    let json: Value = serde_json::from_str(&env.succeed(&["show", "--json", "virt/qemu"]).stdout).unwrap();
    assert_eq!(json["plugins"][0]["commands"][0], "run");
    assert!(json["brings"].as_array().unwrap().contains(&"util/rootlogin".into()));
    assert!(env.fail(1, &["show", "my/bord"]).contains("similar names: `my/board`"));
}

#[test]
fn a_project_names_chains_workspaces_and_layers_and_the_environment_overrides_it() {
    let mut env = layers();
    env.set("SKIFF_BASE_CONFIGS_DIR", TestEnvironment::checkout().join("configs/base").to_str().unwrap());
    env.write("more/own/thing/metadata/description", "Found through the project");
    env.write(
        "skiff.yaml",
        "schema: 1\nextra_layers: [more, layers]\nchains: {base: \"virt/qemu,my/common\"}\n\
         workspaces:\n  one: {chain: \"base,own/thing\"}\n  two: {chain: no/such}\n  three: {chain: base}\n",
    );
    let with_project = |arguments: &[&str]| {
        let mut command = env.command(arguments);
        env.ran(&command.env_remove("SKIFF_EXTRA_CONFIGS_PATH").output().unwrap())
    };
    let chain = |ran: skiff_tests::Ran| {
        let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
        plan["chain"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(
        chain(with_project(&["-w", "one", "plan", "--json"])),
        "skiff/serial-console,util/rootlogin,skiff/board,virt/qemu,my/common,own/thing"
    );
    assert_eq!(chain(with_project(&["-w", "one", "-c", "my/common", "plan", "--json"])), "my/common");
    let ran = with_project(&["build", "--all"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(
            "one                      built\nthree                    built\ntwo                      failed (1)\n"
        ),
        "{}",
        ran.stderr
    );
    assert!(
        env.path("workspaces/one/images/rootfs.tar").exists()
            && env.path("workspaces/three/images/rootfs.tar").exists()
    );
    let listed = with_project(&["workspace", "list"]).stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(with_project(&["workspace", "remove", "one", "--yes"]).code == 0 && !env.path("workspaces/one").exists());
    assert!(!env.path("workspaces/.config_one").exists());
    assert_eq!(with_project(&["-c", "my/board", "build", "--all"]).code, 2);
}

#[test]
fn a_folder_that_is_no_workspace_is_not_removed() {
    let env = environment();
    env.write("workspaces/mine/images/precious", "x");
    assert!(env.fail(1, &["workspace", "remove", "mine", "--yes"]).contains("skiff did not create it"));
    assert_eq!(env.read("workspaces/mine/images/precious"), "x");
    env.write("workspaces/thesis/chapter", "x");
    env.write("workspaces/code/build/x", "x");
    env.write("workspaces/.config_thesis/photo", "x");
    env.fail(1, &["workspace", "remove", "thesis", "--yes"]);
    env.fail(1, &["-w", "code", "clean", "--yes"]);
    assert!(env.path("workspaces/thesis/chapter").exists() && env.path("workspaces/code/build/x").exists());
    assert!(env.path("workspaces/.config_thesis/photo").exists());
    env.write("workspaces/.config_default/photo", "x");
    env.fail(1, &["-c", "virt/qemu", "configure"]);
    env.write("workspaces/proj/state/db", "x");
    env.fail(1, &["workspace", "remove", "proj", "--yes"]);
    assert!(env.path("workspaces/.config_default/photo").exists() && env.path("workspaces/proj/state/db").exists());
    assert_snapshot!(env.fail(1, &["workspace", "show", "nothing"]), @"
    error: there is no workspace `nothing`
    hint: `skiff workspace list` shows them
    ");
}

#[test]
fn completions_know_commands_packages_workspaces_and_engines() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "-w", "boat", "configure"]);
    for shell in ["bash", "zsh", "fish"] {
        let script = env.succeed(&["completions", shell]).stdout;
        assert!(script.contains("SKIFF_COMPLETE"), "{shell}: {script}");
    }
    let offered = |words: &[&str]| {
        let mut command = env.command(&["--"]);
        command.args(words).env("SKIFF_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        let ran = env.ran(&command.env("_CLAP_IFS", " ").output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.trim().to_owned()
    };
    assert_eq!(offered(&["skiff", "exp"]), "explain");
    assert_eq!(offered(&["skiff", "insid"]), "");
    assert_eq!(offered(&["skiff", "--engine", "b"]), "buildroot");
    assert_eq!(offered(&["skiff", "-w", "bo"]), "boat");
    assert_eq!(offered(&["skiff", "show", "apps/"]), "apps/balena apps/docker");
    assert_eq!(offered(&["skiff", "-c", "pi/4,skiff/c"]), "pi/4,skiff/core");
    assert_eq!(offered(&["skiff", "cmd", "pi/4/b"]), "pi/4/buildimage");
    assert_eq!(offered(&["skiff", "cmd", "pi/common/in"]), "pi/common/install");
}

#[test]
fn each_workspace_is_read_with_what_it_remembers() {
    let mut env = layers();
    env.unset("SKIFF_BASE_CONFIGS_DIR");
    env.write("base/pre/buildroot/name", "BR2_TARGET_GENERIC_HOSTNAME=\"other\"\n");
    env.write("base/post/buildroot/x", "BR2_DL_DIR=\"x\"\n");
    env.succeed(&["-w", "one", "-c", "my/common", "configure"]);
    env.set("SKIFF_BASE_CONFIGS_DIR", env.path("base").to_str().unwrap());
    env.succeed(&["-w", "two", "-c", "my/common", "configure"]);
    env.unset("SKIFF_BASE_CONFIGS_DIR");
    let from = |workspace: &str| env.succeed(&["-w", workspace, "diff", "one", "two", "--json"]).stdout;
    let difference: Value = serde_json::from_str(&from("one")).unwrap();
    let name = &difference["symbols"]["buildroot"]["BR2_TARGET_GENERIC_HOSTNAME"];
    assert_eq!((&name["from"]["value"], &name["to"]["value"]), (&"\"skiff\"".into(), &"\"other\"".into()));
    assert_eq!(from("one"), from("two"));
}

#[test]
fn a_broken_package_hides_no_command_of_others() {
    let env = layers();
    env.write("layers/my/broken/metadata/plugins.yaml", "plugins: 7\n");
    let ran = env.succeed(&["cmd"]);
    assert!(ran.stdout.contains("virt/qemu") && ran.stderr.contains("`my/broken` is left out"), "{}", ran.stderr);
}

#[test]
fn doctor_says_what_is_missing_and_how_to_get_it() {
    let env = environment();
    env.succeed(&["doctor"]);
    let mut command = env.command(&["--engine", "buildroot", "doctor", "--json"]);
    let ran = env.ran(&command.env("PATH", "/nowhere:/with a blank").output().unwrap());
    assert_eq!(ran.code, 1);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(json["install"].as_str().unwrap().contains("apt-get install") && ran.stdout.contains("\"rsync\""));
    let path = json["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == "PATH").unwrap();
    assert_eq!(path["state"], "missing");
}

#[test]
fn nothing_is_downloaded_offline_and_a_lock_that_would_change_is_refused() {
    let mut env = environment();
    env.set("SKIFF_CACHE_DIR", env.path("empty").to_str().unwrap());
    assert!(env.fail(1, &["-c", "virt/qemu", "--offline", "fetch"]).contains("error: "));
    assert!(!env.path("empty/packages").exists());
    env.set("SKIFF_CACHE_DIR", "");
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "--locked", "fetch"]), @"
    error: the system is not as `[ROOT]/workspaces/default/skiff.lock` has it, and --locked is given:
      nothing is locked yet
    hint: run it once without --locked, and look at what has changed
    ");
    env.succeed(&["-c", "virt/qemu", "fetch"]);
    env.succeed(&["-c", "virt/qemu", "--locked", "--offline", "compile"]);
}

#[test]
fn a_board_answers_to_the_commands_of_its_mediums_package() {
    let mut env = environment();
    crate::media::fill_images(&env, "v1");
    env.set("SKIFF_CONFIG", "pi/4,skiff/core");
    let both = |arguments: &[&str]| {
        let [board, owner] = ["pi/4", "pi/common"].map(|package| {
            let arguments: Vec<&str> =
                arguments.iter().map(|word| if *word == "AT" { package } else { word }).collect();
            env.succeed(&arguments).stdout
        });
        assert_eq!(
            board,
            owner.replace("skiff cmd pi/common", "skiff cmd pi/4").replace("pi/common, GPT", "pi/4, GPT"),
            "{arguments:?}"
        );
        board
    };
    let help = both(&["cmd", "AT", "format", "--help"]);
    assert!(help.contains("Usage: skiff cmd pi/4 format") && help.contains("PI_SD"), "{help}");
    both(&["cmd", "AT", "buildimage", "--output", "x.img", "--size", "8GB", "--dry-run", "--json"]);
    both(&["layout", "AT"]);
    for spelling in [["cmd", "pi/4"].as_slice(), &["cmd", "PI/4", "--help"], &["show", "pi/4"], &["status"]] {
        let said = env.succeed(spelling).stdout;
        for command in ["format", "install", "rollback", "buildimage"] {
            assert!(said.contains(command), "{said}");
        }
    }
    assert!(env.succeed(&["cmd", "pi/4"]).stdout.contains("(of `pi/common`)"));
    let status = env.succeed(&["status"]).stdout;
    assert!(status.contains("skiff cmd pi/4 format") && !status.contains("skiff cmd pi/common format"), "{status}");
    let shown: Value = serde_json::from_str(&env.succeed(&["show", "pi/4", "--json"]).stdout).unwrap();
    assert_eq!(
        (&shown["inherited_commands"][0]["name"], &shown["inherited_commands"][0]["of"][0]),
        (&"format".into(), &"pi/common".into())
    );
    // The variables are those of the owner.
    env.set("PI_IMAGE", env.path("made.img").to_str().unwrap());
    let planned = env.succeed(&["cmd", "pi/4/buildimage", "--size", "8GB", "--dry-run"]).stdout;
    assert!(planned.contains("made.img"), "{planned}");
    assert_snapshot!(env.fail(2, &["cmd", "skiff/core", "format"]), @"
    error: package `skiff/core` has no command `format`
    hint: the board of the chain has it: skiff cmd pi/common format
    ");
}

#[test]
fn a_command_is_looked_for_in_what_a_package_needs_the_nearest_first() {
    let env = environment();
    let script = |package: &str, listed: &str, makefile: &str| {
        env.write(&format!("layers/{package}/metadata/commands"), listed);
        env.write(&format!("layers/{package}/extensions/Makefile"), makefile);
    };
    script("my/far", "hello Says hello\nfar Is far away\n", "hello:\n\t@echo far\nfar:\n\t@echo far away\n");
    script("my/near", "hello Says hello\n", "hello:\n\t@echo near\n");
    script("my/other", "bye Says goodbye\nfar Is not\n", "bye far:\n\t@echo other\n");
    env.write("layers/my/near/metadata/dependencies", "my/far\n");
    env.write("layers/my/system/metadata/dependencies", "my/near\nvirt/qemu\n");
    env.write("layers/my/both/metadata/dependencies", "my/far\nmy/other\n");
    script("my/own", "", "far: x\nx:\n\t@echo own\n");
    env.write("layers/my/own/metadata/dependencies", "my/far\n");
    // What runs is what its owner is granted.
    assert!(env.fail(77, &["cmd", "my/system", "hello"]).contains("skiff grant add my/near shell"));
    env.succeed(&["grant", "add", "my/near", "my/far", "my/other", "my/own", "shell"]);
    assert_eq!(env.succeed(&["cmd", "my/system", "hello"]).stdout, "near\n");
    assert_eq!(env.succeed(&["cmd", "my/system/far"]).stdout, "far away\n");
    assert_eq!(
        env.succeed(&["cmd", "my/own", "far"]).stdout,
        "own\n",
        "a target that is not listed is there all the same"
    );
    assert!(env.succeed(&["cmd", "my/system", "run", "--help"]).stdout.contains("QEMU_MEMORY"));
    assert_snapshot!(env.succeed(&["cmd", "my/both"]).stdout, @"
    Usage: skiff cmd my/both COMMAND [ARGUMENTS]

      hello            Says hello (a script) (of `my/far`)
      far              (ambiguous: name one of `my/far`, `my/other`)
      bye              Says goodbye (a script) (of `my/other`)
    ");
    assert_snapshot!(env.fail(2, &["cmd", "my/both", "far"]), @"
    error: `my/both` needs `my/far` and `my/other`, and each of them has a command `far`
    hint: name one: skiff cmd my/far far, or skiff cmd my/other far
    ");
    assert_snapshot!(env.fail(2, &["cmd", "my/both", "fly"]), @"
    error: package `my/both` has no command `fly`
    hint: it has: hello, far, bye
    ");
    assert_snapshot!(env.fail(2, &["cmd", "apps/docker", "fly"]), @"
    error: package `apps/docker` has no command `fly`
    hint: neither it nor what it needs has commands; `skiff status` shows those of the chain
    ");
}
