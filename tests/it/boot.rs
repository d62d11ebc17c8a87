//! The whole road: layers, merged configuration, image, and a machine that boots it.

use std::process::Command;

use skiff_tests::TestEnvironment;

use crate::console::Console;
use crate::environment;

fn boots(chain: &str, arch: &str, machine: &str) {
    let env = environment();
    env.write("layers/my/board/buildroot/name", format!("BR2_TARGET_GENERIC_HOSTNAME=\"board-{arch}\"\n"));
    env.write(
        "layers/my/board/resources/docker/daemon.json.d/10-board.json",
        "{\"debug\": true, \"log-level\": \"warn\"}",
    );
    env.write("overrides/root_overlay/etc/note", "from the overrides\n");
    env.write("overrides/resources/docker/daemon.json.d/mine.json", "{\"log-level\": \"error\"}");
    let chain = format!("{chain},apps/docker,my/board");
    env.succeed(&["-c", &chain, "build"]);
    let shared = format!("{}/shared/from-host", env.state_of_ours("virt/qemu", "qemu-run"));
    env.write(&shared, "hello\n");

    let arguments = ["cmd", "virt/qemu", "run", "--memory", "512M", "--disk-size", "64M"];
    let mut console = Console::start(&mut env.command(&arguments));
    console.wait_for(":~# ");
    assert_eq!(console.ask("hostname"), format!("board-{arch}"));
    assert_eq!(console.ask("uname -m"), machine);
    assert_eq!(console.ask("cat /etc/note"), "from the overrides");
    let daemon: serde_json::Value = serde_json::from_str(&console.ask("cat /etc/docker/daemon.json")).unwrap();
    let wanted = serde_json::json!({
        "data-root": "/mnt/persist/docker",
        "debug": true,
        "exec-opts": ["native.cgroupdriver=systemd"],
        "log-level": "error",
    });
    assert_eq!(daemon, wanted);
    assert_eq!(console.ask("cat /mnt/shared/from-host"), "hello");
    assert_eq!(console.ask("echo kept > /mnt/persist/file; sync; cat /mnt/persist/file"), "kept");
    assert_eq!(console.finish(), 0);

    let mut console = Console::start(&mut env.command(&arguments));
    console.wait_for(":~# ");
    assert_eq!(console.ask("cat /mnt/persist/file"), "kept", "the persistent disk stays");
    // Ctrl-C at the terminal reaches skiff and the machine; a signal to skiff alone must end both, too.
    let status = std::process::Command::new("kill").args(["-INT", &console.child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(console.child.wait().unwrap().code(), Some(130));
}

#[test]
fn an_amd64_system_boots_to_a_shell() {
    boots("virt/qemu", "amd64", "x86_64");
}

#[test]
fn an_arm64_system_boots_to_a_shell() {
    boots("virt/qemu_arm64", "arm64", "aarch64");
}

/// A machine with UEFI firmware that boots from a disk, and from nothing else.
fn machine(env: &TestEnvironment, arch: &str, disk: &str) -> Command {
    let (program, code, variables, words): (_, _, _, &[&str]) = match arch {
        "amd64" => (
            "qemu-system-x86_64",
            "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "/usr/share/OVMF/OVMF_VARS_4M.fd",
            &["-M", "q35", "-cpu", "qemu64"],
        ),
        _ => (
            "qemu-system-aarch64",
            "/usr/share/AAVMF/AAVMF_CODE.fd",
            "/usr/share/AAVMF/AAVMF_VARS.fd",
            &["-M", "virt", "-cpu", "cortex-a72"],
        ),
    };
    let own = env.path("variables.fd");
    std::fs::copy(variables, &own).unwrap_or_else(|error| panic!("{variables}: {error}"));
    let mut command = Command::new(program);
    command.args(words).args(["-accel", "tcg,thread=multi", "-m", "768M", "-nodefaults", "-no-reboot"]);
    command.args(["-display", "none", "-serial", "stdio", "-monitor", "none"]);
    command.arg("-drive").arg(format!("if=pflash,format=raw,readonly=on,file={code}"));
    command.arg("-drive").arg(format!("if=pflash,format=raw,file={}", own.display()));
    command.arg("-drive").arg(format!("id=disk,if=none,format=raw,file={}", env.path(disk).display()));
    command.args(["-device", if arch == "amd64" { "ide-hd,drive=disk" } else { "virtio-blk-pci,drive=disk" }]);
    command
}

/// From a build to a medium, to a machine that boots it; an install of another build keeps what users have written, and the
/// way back leads to the first.
fn installs(chain: &str, board: &str, arch: &str) {
    let env = environment();
    env.write(
        "layers/my/board/buildroot/getty",
        match arch {
            "amd64" => "BR2_TARGET_GENERIC_GETTY=y\nBR2_TARGET_GENERIC_GETTY_PORT=\"ttyS0\"\n",
            _ => "",
        },
    );
    env.write("layers/my/board/metadata/prebuilt.yaml", "getty_options: -n -l /bin/sh\n");
    env.write("overrides/root_overlay/etc/note", "first\n");
    let chain = format!("{chain},my/board");
    env.succeed(&["-c", &chain, "build"]);
    let disk = env.path("disk.img").display().to_string();
    env.succeed(&["cmd", board, "buildimage", "--size", "1GiB", "--output", &disk]);
    let boot = |note: &str, then: &str| {
        let mut console = Console::start_firmware(&mut machine(&env, arch, "disk.img"));
        console.wait_for("# ");
        assert_eq!(console.ask("cat /etc/note"), note);
        let said = console.ask(then);
        console.finish();
        said
    };
    assert_eq!(boot("first", "echo kept > /mnt/persist/file; sync; mount | grep -c /mnt/persist"), "1");
    env.write("overrides/root_overlay/etc/note", "second\n");
    env.succeed(&["build"]);
    env.succeed(&["cmd", board, "install", "--device", &disk]);
    assert_eq!(boot("second", "cat /mnt/persist/file"), "kept");
    env.succeed(&["cmd", board, "rollback", "--device", &disk]);
    assert_eq!(boot("first", "cat /mnt/persist/file"), "kept");
}

#[test]
fn a_pc_boots_its_medium_and_what_is_installed_onto_it() {
    installs("intel/x64", "intel/x64", "amd64");
}

#[test]
fn an_arm64_machine_boots_its_medium_and_what_is_installed_onto_it() {
    installs("virt/qemu_arm64", "virt/qemu", "arm64");
}
