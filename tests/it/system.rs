//! The operating system of `skiff/system`, from packages: what runs in it, who can log in, and what it keeps.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use skiff_tests::TestEnvironment;

use crate::console::Console;
use crate::environment;

/// A connection as NetworkManager keeps it, with a higher priority than the automatic one.
const CONNECTION: &str = "[connection]\\nid=mine\\ntype=ethernet\\nautoconnect-priority=9\\n[ipv4]\\nmethod=auto\\n";

/// Makes a key, and returns its file. The public part is beside it.
fn key(env: &TestEnvironment, name: &str) -> String {
    let path = env.path(name).display().to_string();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &path]).status();
    assert!(made.unwrap().success());
    path
}

/// Returns the public part of a key.
fn public(key: &str) -> String {
    std::fs::read_to_string(Path::new(key).with_extension("pub")).unwrap()
}

/// Runs a command in the machine over ssh.
fn ssh(env: &TestEnvironment, port: u16, key: &str, command: &str) -> String {
    let known = format!("UserKnownHostsFile={}", env.path("known_hosts").display());
    let options =
        ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=accept-new", "ConnectTimeout=60", &known];
    let mut ssh = Command::new("ssh");
    ssh.args(["-p", &port.to_string(), "-i", key]).args(options.iter().flat_map(|option| ["-o", option]));
    let output = ssh.arg("root@127.0.0.1").arg(command).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Starts the machine and waits until systemd has started everything.
fn start(env: &TestEnvironment, port: u16) -> Console {
    let port = port.to_string();
    let arguments = ["cmd", "virt/qemu", "run", "--memory", "972M", "--disk-size", "256M", "--ssh-port", &port];
    let mut console = Console::start(&mut env.command(&arguments));
    console.wait_for(":~# ");
    let state = console.ask("systemctl is-system-running --wait");
    assert_eq!(
        state,
        "running",
        "{}",
        console.ask("systemctl --failed --no-pager; journalctl -p err -b --no-pager | tail -n 40")
    );
    assert_eq!(console.ask("journalctl -b --no-pager | grep -ci 'ordering cycle'"), "0");
    console
}

#[test]
fn an_amd64_system_runs_is_reached_over_ssh_and_keeps_what_it_is() {
    let system = System::built("virt/qemu");
    let (machine, keys) = system.first();
    system.second(&machine, &keys);
}

#[test]
fn an_arm64_system_runs_and_is_reached_over_ssh() {
    System::built("virt/qemu_arm64").first();
}

/// They run as root, in namespaces, on file systems in loop devices.
#[test]
fn the_scripts_of_the_system_pass_their_tests() {
    let tests = TestEnvironment::checkout().join("tests/system/run");
    let output = Command::new(&tests).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" 0 failed"), "{said}");
}

/// A system with two users' keys.
struct System {
    env: TestEnvironment,
    port: u16,
    /// Its public part is in the image.
    in_image: String,
    /// Its public part comes onto the persistent partition.
    on_persist: String,
}

impl System {
    fn built(machine: &str) -> Self {
        let env = environment();
        let (in_image, on_persist) = (key(&env, "image"), key(&env, "persist"));
        let chain = format!("{machine},skiff/system");
        let said = env.fail(1, &["-c", &chain, "build", "--ssh-key", &in_image]);
        assert!(said.contains("does not contain a public ssh key"), "{said}");
        let said = env.succeed(&["-c", &chain, "build", "--ssh-key", &format!("{in_image}.pub")]).stderr;
        assert!(said.contains("root logs in over ssh with a key of the image"), "{said}");
        // The layer asks for it with a symbol of Buildroot only.
        env.succeed(&["graph", "size", "-o", "pictures"]);
        assert!(env.read("pictures/size.html").contains("openssh-server (skiff/system)"));
        // The port is free now; only another test that starts at this very moment could take it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { env, port, in_image, on_persist }
    }

    /// Starts it for the first time, and leaves settings on the persistent partition. Returns what identifies the system.
    fn first(&self) -> (String, String) {
        let mut console = start(&self.env, self.port);
        assert_eq!(console.ask("nmcli -c no -t -f STATE general"), "connected");
        let said = ssh(&self.env, self.port, &self.in_image, "id -un; findmnt -no LABEL /mnt/persist");
        assert_eq!(said, "root\npersist");
        // What an installation of the packages would have done.
        let modes = console.ask("stat -c '%a %U:%G' /usr/bin/su /etc/shadow | tr '\\n' ,");
        assert_eq!(modes, "4755 root:root,640 root:shadow,");
        assert_eq!(console.ask("modprobe -n -v br_netfilter | grep -c /br_netfilter.ko"), "1");
        let machine = console.ask("cat /etc/machine-id");
        let keys = console.ask("cat /etc/ssh/ssh_host_*_key.pub | sha256sum");
        console.ask(&format!("echo '{}' > /mnt/persist/skiff/keys/me.pub", public(&self.on_persist).trim()));
        console.ask("echo boat-1 > /mnt/persist/skiff/hostname");
        console.ask(&format!("printf '{CONNECTION}' > /mnt/persist/skiff/connections/mine.nmconnection; sync"));
        assert_eq!(console.finish(), 0);
        (machine, keys)
    }

    /// Starts it again: it is the same, with the settings.
    fn second(&self, machine: &str, keys: &str) {
        let mut console = start(&self.env, self.port);
        assert_eq!(console.ask("cat /etc/machine-id"), machine);
        assert_eq!(console.ask("cat /etc/ssh/ssh_host_*_key.pub | sha256sum"), keys);
        assert_eq!(console.ask("hostname"), "boat-1");
        assert_eq!(console.ask("nmcli -c no -t -f NAME connection show --active | grep -x mine"), "mine");
        // The host key is that of the first start, or ssh would refuse it.
        assert_eq!(ssh(&self.env, self.port, &self.on_persist, "hostname"), "boat-1");
        let before = console.ask("journalctl -q -b -1 -n 1 --no-pager | wc -l");
        assert_eq!(before, "1", "the journal of the first start is there");
        assert_eq!(console.finish(), 0);
    }
}
