//! `skiff configure`: what it writes, when it does nothing, what it remembers.

use std::fs;

use crate::environment;

#[test]
fn a_second_run_does_nothing_and_says_so() {
    let env = environment();
    let first = env.succeed(&["-c", "virt/qemu", "configure"]).stderr;
    assert_eq!(
        first,
        "Configured workspace `default` for skiff/serial-console,util/rootlogin,skiff/board,virt/qemu (engine `prebuilt`)\n"
    );
    let written = fs::metadata(env.path("workspaces/.config_default/plan.json")).unwrap().modified().unwrap();
    let second = env.succeed(&["configure"]).stderr;
    assert!(second.contains("nothing to do"), "{second}");
    assert_eq!(fs::metadata(env.path("workspaces/.config_default/plan.json")).unwrap().modified().unwrap(), written);
}

#[test]
fn an_edited_input_is_noticed_by_content_alone() {
    let env = environment();
    env.write("overrides/root_overlay/etc/motd", "one");
    env.succeed(&["-c", "virt/qemu", "configure"]);
    env.write("overrides/root_overlay/etc/motd", "one");
    assert!(env.succeed(&["configure"]).stderr.contains("nothing to do"));
    env.write("overrides/root_overlay/etc/motd", "two");
    assert!(env.succeed(&["configure"]).stderr.starts_with("Configured"));
    env.write("overrides/kernel/x", "CONFIG_X=y\n");
    assert!(env.succeed(&["configure"]).stderr.starts_with("Configured"));
}

#[test]
fn a_damaged_configuration_is_written_again() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "configure"]);
    let good = env.read("workspaces/.config_default/buildroot/config");
    env.write("workspaces/.config_default/buildroot/config", "");
    assert!(env.succeed(&["configure"]).stderr.starts_with("Configured"));
    assert_eq!(env.read("workspaces/.config_default/buildroot/config"), good);
}

#[test]
fn the_chain_is_remembered_until_another_is_named() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu,skiff/core", "configure"]);
    let chain = "skiff/serial-console,util/rootlogin,skiff/board,virt/qemu,skiff/daemon-json,apps/docker,skiff/core\n";
    assert_eq!(env.read("workspaces/.config_default/skiff_config"), chain);
    let status = env.succeed(&[]).stdout;
    // What was asked for; what that needs may be something else tomorrow.
    assert!(status.contains("chain      virt/qemu,skiff/core (remembered)"), "{status}");
    env.succeed(&["-c", "pi/4", "-w", "pi4", "configure"]);
    assert_eq!(env.read("workspaces/.config_pi4/skiff_config"), "skiff/board,pi/common,pi/4\n");
}

#[test]
fn the_merged_text_names_layer_file_and_line_and_what_was_overridden() {
    let env = environment();
    env.write("overrides/buildroot/name", "\nBR2_TARGET_GENERIC_HOSTNAME=\"mine\"\n");
    env.succeed(&["-c", "virt/qemu", "configure"]);
    let config = env.read("workspaces/.config_default/buildroot/config");
    let line = "# overrides: buildroot/name:2, over \"\\\"skiff\\\"\" from base/pre: buildroot/system:6\n\
                BR2_TARGET_GENERIC_HOSTNAME=\"mine\"\n";
    assert!(config.contains(line), "{config}");
}

#[test]
fn overrides_of_a_workspace_win_over_overrides() {
    let env = environment();
    env.write("overrides/buildroot/name", "BR2_TARGET_GENERIC_HOSTNAME=\"all\"\n");
    env.write("overrides/workspaces/one/buildroot/name", "BR2_TARGET_GENERIC_HOSTNAME=\"one\"\n");
    let hostname = |workspace: &str| {
        let plan = env.succeed(&["-c", "virt/qemu", "-w", workspace, "plan", "--json"]).stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        plan["symbols"]["buildroot"]["BR2_TARGET_GENERIC_HOSTNAME"]["value"].as_str().unwrap().to_owned()
    };
    assert_eq!((hostname("one").as_str(), hostname("two").as_str()), ("\"one\"", "\"all\""));
}

#[test]
fn a_failed_configure_leaves_the_last_good_one() {
    let env = environment();
    env.succeed(&["-c", "virt/qemu", "configure"]);
    let good = env.read("workspaces/.config_default/plan.json");
    env.write("overrides/buildroot/x", "BR2_BROKEN\n");
    env.fail(1, &["configure"]);
    assert_eq!(env.read("workspaces/.config_default/plan.json"), good);
    env.fail(1, &["compile"]);
    env.succeed(&["configure", "--ignore-broken-lines"]);
}

#[test]
fn a_plan_changes_nothing() {
    let env = environment();
    env.succeed(&["-c", "pi/4,skiff/core", "plan", "--json"]);
    env.succeed(&["-c", "pi/4,skiff/core", "plan"]);
    assert_eq!(fs::read_dir(env.path("workspaces")).unwrap().count(), 0);
}

#[test]
fn a_busy_workspace_is_refused() {
    let env = environment();
    let lock = fs::File::create(env.path("workspaces/.lock_default")).unwrap();
    lock.lock().unwrap();
    let said = env.fail(1, &["-c", "virt/qemu", "configure"]);
    assert!(said.contains("another skiff is working on the workspace `default`"), "{said}");
}
