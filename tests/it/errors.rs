//! Every failure that a user can cause names what, where and what to do.

use insta::assert_snapshot;

use crate::environment;

#[test]
fn an_unknown_package() {
    let env = environment();
    assert_snapshot!(env.fail(1, &["-c", "virt/qenu", "configure"]), @"
    error: unknown package `virt/qenu`
    hint: similar names: `virt/qemu`, `virt/qemu_arm64`, `virt/wsl`
    ");
}

#[test]
fn an_unknown_dependency() {
    let env = environment();
    env.write("layers/my/board/metadata/dependencies", "virt/qemu\nno/where\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: unknown package `no/where`, a dependency in [ROOT]/layers/my/board/metadata/dependencies:2
    hint: `skiff list --all` shows all packages; SKIFF_EXTRA_CONFIGS_PATH names further directories with packages
    ");
}

#[test]
fn a_name_that_is_none() {
    assert_snapshot!(environment().fail(1, &["-c", "virt", "configure"]), @"
    error: `virt` is not a package name (want `namespace/name` of letters, digits, `_`, `-`, `.`)
    hint: `skiff list` shows all packages
    ");
}

#[test]
fn no_chain_at_all() {
    assert_snapshot!(environment().fail(1, &["configure"]), @"
    error: no chain is named, and no chain is saved
    hint: name packages: SKIFF_CONFIG=virt/qemu skiff configure; `skiff list` shows them all
    ");
}

#[test]
fn a_dependency_cycle() {
    let env = environment();
    env.write("layers/c/a/metadata/dependencies", "c/b\n");
    env.write("layers/c/b/metadata/dependencies", "c/a\n");
    assert_snapshot!(env.fail(1, &["-c", "c/a", "configure"]), @"
    error: the dependencies of `c/a` form a cycle: c/a -> c/b -> c/a
    hint: take one of these dependencies out, such as that in [ROOT]/layers/c/b/metadata/dependencies:1
    ");
}

#[test]
fn two_boards() {
    assert_snapshot!(environment().fail(1, &["-c", "pi/4,intel/x64", "configure"]), @"
    error: `pi/4` and `intel/x64` are both in group `board`; a chain can contain one package of a group
    hint: leave `pi/4` or `intel/x64` out of the chain, and what depends on it
    ");
}

#[test]
fn a_broken_fragment_line() {
    let env = environment();
    env.write("layers/my/board/buildroot/config", "BR2_FINE=y\nBR2_BROKEN y\n BR2_LEAD=y\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/buildroot/config:2: there is no `=` and no value: `BR2_BROKEN y`
           [ROOT]/layers/my/board/buildroot/config:3: the line starts with a space: ` BR2_LEAD=y`
    hint: write `SYMBOL=value` or `# SYMBOL is not set` from the start of the line, and comments behind `#`
    hint: to leave these lines out, as Kconfig does without a word, run: skiff configure --ignore-broken-lines
    ");
}

#[test]
fn invisible_characters_in_a_fragment() {
    let env = environment();
    env.write("layers/my/board/buildroot/config", "\u{feff}BR2_A=y\r\nBR2_B\u{200b}=y\r\n# BR2_C is not set\r\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @r"
    error: [ROOT]/layers/my/board/buildroot/config:1: the line starts with a byte order mark (U+FEFF): `\u{feff}BR2_A=y`
           [ROOT]/layers/my/board/buildroot/config:2: the symbol's name has an invisible character: `BR2_B\u{200b}=y`
    hint: save the file as UTF-8 without a byte order mark
    hint: type the line again: `\u{…}` stands for a character that editors do not show
    hint: write `SYMBOL=value` or `# SYMBOL is not set` from the start of the line, and comments behind `#`
    hint: to leave these lines out, as Kconfig does without a word, run: skiff configure --ignore-broken-lines
    ");
}

#[test]
fn a_symbol_that_no_external_tree_defines() {
    let env = environment();
    env.write(
        "layers/my/board/buildroot/ix",
        "IX_KEYS=y\nIX_HOME=\"https://example.org\"\n# IX_KEYS is not set (yet)\n",
    );
    env.write("layers/my/board/buildroot_ext/external.mk", "");
    env.write("layers/my/board/buildroot_ext/external.desc", "name: IXT\n");
    env.write("layers/my/board/buildroot_ext/Config.in", "config IX_KEYS\n\tbool \"keys\"\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @r#"
    error: [ROOT]/layers/my/board/buildroot/ix:2: the symbol does not start with the prefix of this kind of fragment: `IX_HOME="https://example.org"`
    hint: symbols without `BR2_` need a definition in an external tree: buildroot_ext/Config.in of a layer of the chain
    hint: write `SYMBOL=value` or `# SYMBOL is not set` from the start of the line, and comments behind `#`
    hint: to leave these lines out, as Kconfig does without a word, run: skiff configure --ignore-broken-lines
    "#);
    env.write(
        "layers/my/board/buildroot_ext/Config.in",
        "config IX_KEYS\n\tbool \"keys\"\nconfig IX_HOME\n\tstring \"home\"\n",
    );
    env.succeed(&["-c", "my/board", "plan"]);
    let plan: serde_json::Value =
        serde_json::from_str(&env.succeed(&["-c", "my/board", "plan", "--json"]).stdout).unwrap();
    assert_eq!(plan["problems"].as_array().map(Vec::len), Some(0));
    assert_eq!(plan["symbols"]["buildroot"]["IX_KEYS"]["value"], "n");
}

#[test]
fn a_missing_external_desc() {
    let env = environment();
    env.write("layers/my/board/buildroot_ext/Config.in", "");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/buildroot_ext: the Buildroot extension of layer `my/board` has no `external.desc`
    hint: make the file `external.desc`: Buildroot needs external.desc (with `name: NAME`), external.mk and Config.in
    ");
}

#[test]
fn a_broken_users_table() {
    let env = environment();
    env.write("layers/my/board/users/table", "\nalice x alice -1 * - - -\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/users/table:2: expected a uid from 1, or -1 (system) or -2 (people) for the next free one, found `x`: `alice x alice -1 * - - -`
    hint: write: name uid group gid password home shell groups comment; of a group alone: - -1 group gid
    ");
}

const MANIFEST: &str = "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    \
                        interface: ^1.0\n    hooks: [pre]\n    capabilities:\n";

#[test]
fn an_unknown_capability() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", format!("{MANIFEST}      - network: all\n        why: fun\n"));
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:9: plugins[0].capabilities[0]: unknown field `network`, expected one of `read`, `write`, `tool`, `fetch`, `path`, `arguments`, `terminal`, `timeout_s`, `why`
    hint: configs/README.md describes this file
    ");
}

#[test]
fn an_unknown_zone_and_a_path_that_leads_out() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", format!("{MANIFEST}      - read: home\n        why: fun\n"));
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:9: plugins[0].capabilities[0].read: unknown variant `home`, expected one of `layer`, `layers`, `target`, `images`, `state`
    hint: configs/README.md describes this file
    ");
    env.write(
        "layers/my/board/metadata/plugins.yaml",
        format!("{MANIFEST}      - write: target\n        path: ../..\n        why: fun\n"),
    );
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:10: plugin `p`: `../..` is not a relative path of plain characters without `.`, `..` and empty parts
    hint: configs/README.md describes this file
    ");
}

#[test]
fn a_missing_component() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", MANIFEST);
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    warning: plugin `my/board/p` is not built and is left out: skiff plugin build my/board/p
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:5: plugin `my/board/p` is not built: there is no file `[ROOT]/layers/my/board/plugins/p.wasm`
    hint: build the plugin and put it at [ROOT]/layers/my/board/plugins/p.wasm
    ");
}

#[test]
fn a_component_that_is_none() {
    let env = environment();
    let manifest = MANIFEST.replace("hooks: [pre]", "commands: [{name: go, summary: Goes}]");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", "not wasm");
    assert_snapshot!(env.fail(1, &["cmd", "my/board", "go"]), @r"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:5: `[ROOT]/layers/my/board/plugins/p.wasm` is not a WebAssembly component: it does not start with the magic number `\0asm`
    hint: build it for the target wasm32-wasip2; sdk/README.md shows how
    ");
}

#[test]
fn a_core_module_in_the_place_of_a_component() {
    let env = environment();
    let manifest = MANIFEST.replace("hooks: [pre]", "commands: [{name: go, summary: Goes}]");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", b"\0asm\x01\0\0\0");
    let said = env.fail(1, &["cmd", "my/board", "go"]);
    assert!(said.contains("is not a WebAssembly component"), "{said}");
}

#[test]
fn an_interface_from_the_future() {
    let env = environment();
    let manifest = MANIFEST.replace("hooks: [pre]", "commands: [{name: go, summary: Goes}]").replace("^1.0", "^9.0");
    env.write("layers/my/board/metadata/plugins.yaml", manifest);
    env.write("layers/my/board/plugins/p.wasm", "x");
    assert_snapshot!(env.fail(1, &["cmd", "my/board", "go"]), @"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:5: plugin `my/board/p` is written for skiff:plugin ^9.0; this skiff provides 1.0.0
    hint: use a skiff or a version of the plugin that fits
    ");
}

#[test]
fn an_unknown_command_and_a_wrong_argument() {
    let env = environment();
    assert_snapshot!(env.fail(2, &["cmd", "virt/qemu", "fly"]), @"
    error: package `virt/qemu` has no command `fly`
    hint: it has: run, format, install, rollback, buildimage
    ");
    assert_snapshot!(env.fail(2, &["cmd", "virt/qemu/run", "--cpus", "many"]), @"error: --cpus is `many`, expected an integer");
}

#[test]
fn a_makefile_command_of_an_old_layer() {
    let env = environment();
    env.write("layers/my/board/metadata/commands", "run Runs it\n");
    env.write("layers/my/board/extensions/Makefile", "run:\n\ttouch /tmp/evil\n");
    assert_snapshot!(env.fail(77, &["cmd", "my/board", "run"]), @"
    error: `[ROOT]/layers/my/board/extensions/Makefile` of layer `my/board` is a script that would run with all of your rights
    hint: read what the scripts of the layer do, and if you want that, run: skiff grant add my/board shell
    hint: better, ask the layer's author for a plugin, which can do only what you grant
    ");
}

#[test]
fn a_checkout_that_is_none() {
    let mut env = environment();
    env.set("SKIFF_ROOT_DIR", "/nonexistent");
    assert_snapshot!(env.fail(1, &["list"]), @"
    error: `/nonexistent` is not a skiff checkout
    hint: it holds the directory configs/base/pre
    ");
}

#[test]
fn a_workspace_name_that_leads_out() {
    assert_snapshot!(environment().fail(2, &["-w", "..", "list"]), @"
    error: `..` is not a workspace name (want letters, digits, `_`, `-`, and `.` not at the start)
    hint: such as: SKIFF_WORKSPACE=boat-1
    ");
}

#[test]
fn a_wrong_source_date_epoch() {
    let mut env = environment();
    env.set("SOURCE_DATE_EPOCH", "yesterday");
    assert_snapshot!(env.fail(2, &["-c", "virt/qemu", "compile"]), @"error: SOURCE_DATE_EPOCH is `yesterday`; expected a number of seconds");
}

#[test]
fn a_target_of_buildroot_without_buildroot_and_an_engine_that_there_is_not() {
    let mut env = environment();
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "br", "menuconfig"]), @"
    error: `menuconfig` needs the engine `buildroot`; this workspace uses `prebuilt`
    hint: a workspace of its own for Buildroot: skiff -w another --engine buildroot configure
    ");
    env.set("SKIFF_ENGINE", "yocto");
    assert_snapshot!(env.fail(2, &["-c", "virt/qemu", "compile"]), @"
    error: there is no engine `yocto`
    hint: there are `prebuilt` and `buildroot`
    ");
}

#[test]
fn a_project_file_with_mistakes() {
    let env = environment();
    for (text, part) in [
        ("engine: yocto\n", "skiff.yaml:1: engine: unknown variant `yocto`"),
        ("\nworkspaces:\n  boat: {chains: x}\n", "skiff.yaml:3"),
        ("schema: 7\n", "skiff.yaml: schema 7 is unknown"),
        ("buildroot: {pin: {release: v1, commit: --upload-pack}}\n", "`--upload-pack` is not a commit"),
        (
            "buildroot: {pin: {url: --evil, release: v1, commit: 0123456789012345678901234567890123456789}}\n",
            "`--evil`",
        ),
        ("chains: {a/b: x}\n", "`a/b` cannot be the name of a chain"),
    ] {
        env.write("skiff.yaml", text);
        let said = env.fail(1, &["list"]);
        assert!(said.contains(part) && said.contains("hint: "), "{said}");
    }
}

#[test]
fn a_reader_that_has_seen_enough() {
    let env = environment();
    let mut command = env.command(&["-c", "pi/4,skiff/core", "plan", "--json"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_variable_and_a_default_are_not_the_users_words() {
    let env = environment();
    let manifest = MANIFEST.replace(
        "    hooks: [pre]\n",
        "    commands:\n      - {name: go, summary: Goes, arguments: [{name: x, kind: text, env: TOKEN, help: X}]}\n",
    );
    env.write("layers/my/board/metadata/plugins.yaml", format!("{manifest}      - {{read: images, why: reads}}\n"));
    env.write("layers/my/board/plugins/p.wasm", b"\0asm\x0d\0\x01\0");
    assert_snapshot!(env.fail(77, &["cmd", "my/board", "go"]), @"
    error: plugin `my/board/p` is not granted `read:images` (reads), `variable:TOKEN` (for --x: X)
    hint: if you want that, run: skiff grant add my/board/p read:images variable:TOKEN
    ");
}

#[test]
fn control_characters_in_a_reason() {
    let env = environment();
    env.write(
        "layers/my/board/metadata/plugins.yaml",
        format!("{MANIFEST}      - {{read: images, why: \"safe\\e[2J\"}}\n"),
    );
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @r#"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:9: plugins[0].capabilities[0]: control characters, line ends and invisible characters are refused, found U+001B
    hint: configs/README.md describes this file
    "#);
}

#[test]
fn a_manifest_of_another_time() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", "schema: 2\nnovelty: true\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/metadata/plugins.yaml:1: schema 2 is unknown; this skiff reads schema 1
    hint: configs/README.md describes this file
    ");
}

#[test]
fn a_package_name_that_is_an_option() {
    let env = environment();
    env.write("layers/my/board/metadata/prebuilt.yaml", "packages: [\"-oDir::Etc=/tmp\"]\n");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: [ROOT]/layers/my/board/metadata/prebuilt.yaml: `-oDir::Etc=/tmp` is not the name of a Debian package
    hint: configs/README.md describes this file
    ");
}

#[test]
fn a_broken_file_of_grants() {
    let env = environment();
    env.write("overrides/grants.yaml", "version: 1\nplugins: 7\n");
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "grant", "list"]), @"
    error: [ROOT]/overrides/grants.yaml:2: plugins: invalid type: integer `7`, expected a sequence
    hint: mend it, or delete [ROOT]/overrides/grants.yaml and grant again: skiff grant list shows what is wanted
    ");
}

#[test]
fn a_folder_of_a_package_that_is_not_there() {
    let mut env = environment();
    env.set("SKIFF_CONFIG_PATH_MY_BOARD", "/nonexistent");
    assert_snapshot!(env.fail(1, &["-c", "my/board", "configure"]), @"
    error: directory `/nonexistent` of package `my/board` (from SKIFF_CONFIG_PATH_MY_BOARD) does not exist
    hint: set SKIFF_CONFIG_PATH_MY_BOARD to the package's directory
    ");
}

#[test]
fn a_folder_that_is_somebody_elses() {
    let env = environment();
    env.write("workspaces/default/target/mine", "precious");
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "build"]), @"
    Configured workspace `default` for skiff/serial-console,util/rootlogin,skiff/board,virt/qemu (engine `prebuilt`)
    error: `[ROOT]/workspaces/default/target` exists, and skiff did not create it
    hint: use another workspace or SKIFF_WORKSPACES_DIR, or move that directory away
    ");
    env.fail(1, &["clean", "--yes"]);
    assert_eq!(env.read("workspaces/default/target/mine"), "precious");
}

#[test]
fn a_pipe_in_the_place_of_a_file() {
    let env = environment();
    env.write("layers/my/board/metadata/dependencies", "");
    let pipe = env.path("layers/my/board/metadata/description");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // It is not waited for, and hides no other package.
    let ran = env.succeed(&["list"]);
    assert!(ran.stdout.contains("virt/qemu"), "{}", ran.stdout);
    assert_snapshot!(ran.stderr, @"warning: [ROOT]/layers/my/board/metadata/description: expected a regular file");
}

#[test]
fn a_text_without_quotes() {
    let env = environment();
    env.write("overrides/buildroot/name", "BR2_TARGET_GENERIC_HOSTNAME=boat\n");
    assert_snapshot!(env.fail(1, &["-c", "virt/qemu", "compile"]), @r#"
    Configured workspace `default` for skiff/serial-console,util/rootlogin,skiff/board,virt/qemu (engine `prebuilt`)
    error: overrides: buildroot/name:1: BR2_TARGET_GENERIC_HOSTNAME is a string and needs quotes: `boat`
    hint: write BR2_TARGET_GENERIC_HOSTNAME="boat"
    "#);
}

#[test]
fn what_the_engine_prebuilt_needs_and_nobody_names() {
    let mut env = environment();
    env.write("base/pre/buildroot/arch", "BR2_x86_64=y\n");
    env.write("base/post/buildroot/x", "BR2_DL_DIR=\"x\"\n");
    env.write("layers/my/board/buildroot/x", "BR2_CCACHE=y\n");
    env.set("SKIFF_CONFIG", "my/board");
    assert_snapshot!(env.fail(1, &["--frozen", "-c", "virt/qemu", "build"]), @"
    Configured workspace `default` for skiff/serial-console,util/rootlogin,skiff/board,virt/qemu (engine `prebuilt`)
    error: the workspace locks no packages (`[ROOT]/workspaces/default/skiff.lock`), and `--frozen` looks none up
    hint: run it once without --frozen
    ");
    env.set("SKIFF_BASE_CONFIGS_DIR", env.path("base").to_str().unwrap());
    assert_snapshot!(env.fail(1, &["build"]), @"
    Configured workspace `default` for my/board (engine `prebuilt`)
    error: no layer of the chain names a kernel package, so the engine `prebuilt` cannot build it
    hint: add it to metadata/prebuilt.yaml of the base layers, or use skiff's own: SKIFF_BASE_CONFIGS_DIR= skiff configure
    hint: SkiffOS's layers are written for Buildroot: skiff -w another --engine buildroot build
    ");
}

#[test]
fn options_with_values_that_mean_nothing() {
    let env = environment();
    env.write("layers/my/board/metadata/plugins.yaml", format!("{MANIFEST}      - {{read: images, why: reads}}\n"));
    let mut said = String::new();
    for (code, option, value) in [
        (2, "--config", ""),
        (2, "--config", "  "),
        (1, "--config", ","),
        (2, "--workspace", ""),
        (2, "--workspace", "my boat"),
        (2, "--workspace", "a/b"),
        (2, "--workspace", "ö"),
        (2, "--root", ""),
        (1, "--root", "/dev/null"),
        (2, "--engine", ""),
        (2, "--engine", "x"),
        (2, "--allow", ""),
        (2, "--allow", "my/board/p"),
        (2, "--allow", "my/board/q=all"),
        (2, "--allow", "my/bord/p=all"),
        (2, "--allow", "virt/qemu=shell"),
        (2, "--allow", "util/noserial/p=all"),
        (2, "--allow", "overrides/p=all"),
        (2, "--allow", "=all"),
        (2, "--allow", "my/board/p="),
        (2, "--allow", "my/board/p=read:image"),
        (2, "--allow", "my/board/p=read:images,fly"),
        (2, "--grants", ""),
        (1, "--grants", "nowhere.yaml"),
    ] {
        // Before and behind the command is the same.
        let first = env.fail(code, &[option, value, "plan"]);
        assert_eq!(first, env.fail(code, &["plan", option, value]));
        said += &format!("{option} {value:?}\n{first}");
    }
    for size in ["0", "0GiB", "many", ""] {
        env.fail(2, &["layout", "pi/4", "--size", size]);
        env.fail(2, &["cmd", "pi/4", "buildimage", "--size", size]);
    }
    assert_snapshot!(said, @r#"
    --config ""
    error: the value of --config is empty
    hint: such as: skiff -c virt/qemu …; leave the option out for the default
    --config "  "
    error: the value of --config is empty
    hint: such as: skiff -c virt/qemu …; leave the option out for the default
    --config ","
    error: the chain is empty
    hint: name packages: SKIFF_CONFIG=virt/qemu skiff configure
    --workspace ""
    error: the value of --workspace is empty
    hint: such as: skiff -w boat …; leave the option out for the default
    --workspace "my boat"
    error: `my boat` is not a workspace name (want letters, digits, `_`, `-`, and `.` not at the start)
    hint: such as: SKIFF_WORKSPACE=boat-1
    --workspace "a/b"
    error: `a/b` is not a workspace name (want letters, digits, `_`, `-`, and `.` not at the start)
    hint: such as: SKIFF_WORKSPACE=boat-1
    --workspace "ö"
    error: `ö` is not a workspace name (want letters, digits, `_`, `-`, and `.` not at the start)
    hint: such as: SKIFF_WORKSPACE=boat-1
    --root ""
    error: the value of --root is empty
    hint: such as: skiff --root ~/skiff …; leave the option out for the default
    --root "/dev/null"
    error: `/dev/null` is not a skiff checkout
    hint: it holds the directory configs/base/pre
    --engine ""
    error: the value of --engine is empty
    hint: such as: skiff --engine buildroot …; leave the option out for the default
    --engine "x"
    error: there is no engine `x`
    hint: there are `prebuilt` and `buildroot`
    --allow ""
    error: the value of --allow is empty
    hint: such as: skiff --allow acme/board/flasher=all …; leave the option out for the default
    --allow "my/board/p"
    error: --allow `my/board/p` does not contain a capability
    hint: write PLUGIN=all, or PLUGIN=CAPABILITY,CAPABILITY
    --allow "my/board/q=all"
    error: --allow names `my/board/q`, which is not a plugin
    hint: `my/board` has: my/board/p
    --allow "my/bord/p=all"
    error: --allow names `my/bord/p`, and there is no package `my/bord`
    hint: `skiff grant list` shows the plugins of the chain, `skiff list --all` all packages
    --allow "virt/qemu=shell"
    error: --allow names `virt/qemu`, which is not a plugin
    hint: a plugin is named NAMESPACE/PACKAGE/PLUGIN, as `skiff grant list` shows it; scripts of a layer are allowed by: skiff grant add LAYER shell
    --allow "util/noserial/p=all"
    error: --allow names `util/noserial/p`, which is not a plugin
    hint: `util/noserial` has: util/noserial/noserial
    --allow "overrides/p=all"
    error: --allow names `overrides/p`, which is not a plugin
    hint: `overrides` has no plugins
    --allow "=all"
    error: --allow names ``, which is not a plugin
    hint: a plugin is named NAMESPACE/PACKAGE/PLUGIN, as `skiff grant list` shows it; scripts of a layer are allowed by: skiff grant add LAYER shell
    --allow "my/board/p="
    error: --allow names ``, which `my/board/p` does not declare
    hint: it declares: read:images
    --allow "my/board/p=read:image"
    error: --allow names `read:image`, which `my/board/p` does not declare
    hint: it declares: read:images
    --allow "my/board/p=read:images,fly"
    error: --allow names `fly`, which `my/board/p` does not declare
    hint: it declares: read:images
    --grants ""
    error: the value of --grants is empty
    hint: such as: skiff --grants ci.yaml …; leave the option out for the default
    --grants "nowhere.yaml"
    error: there is no file with grants `[ROOT]/nowhere.yaml`
    hint: `skiff grant add` writes such a file: overrides/grants.yaml
    "#);
    // A variable that is set to nothing is not set, as in SkiffOS.
    let mut env = environment();
    for variable in ["SKIFF_CONFIG", "SKIFF_WORKSPACE", "SKIFF_ENGINE", "SKIFF_ALLOW", "SKIFF_GRANTS", "SKIFF_ROOT_DIR"]
    {
        env.set(variable, "");
    }
    let mut emptied = env.command(&["list"]);
    assert!(emptied.current_dir(skiff_tests::TestEnvironment::checkout()).status().unwrap().success());
    env.unset("SKIFF_ROOT_DIR");
    env.succeed(&["-c", "virt/qemu", "plan"]);
    env.set("SKIFF_WORKSPACE", "My Boat");
    assert!(env.succeed(&["-c", "virt/qemu", "plan"]).stderr.contains("the workspace `My Boat` is called `myboat`"));
}

#[test]
fn a_name_that_is_not_quite_that_of_a_workspace() {
    let env = environment();
    env.succeed(&["-w", "boat", "-c", "virt/qemu", "configure"]);
    for arguments in [
        ["workspace", "remove", "bo at", "--yes"].as_slice(),
        &["workspace", "show", "boat!"],
        &["diff", "boat?", "virt/qemu"],
    ] {
        assert!(env.fail(2, arguments).contains("is not a workspace name"));
    }
    assert!(env.path("workspaces/.config_boat").exists());
}
