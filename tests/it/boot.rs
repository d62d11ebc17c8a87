//! The whole road: layers, merged configuration, image, and a machine that boots it.

use std::io::Read as _;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use skiff_tests::TestEnvironment;

use crate::environment;

/// How long a machine may take under emulation on a busy host.
const PATIENCE: Duration = Duration::from_secs(180);

/// A machine whose serial console is in our hands.
struct Console {
    child: std::process::Child,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Console {
    fn start(env: &TestEnvironment, arguments: &[&str]) -> Self {
        let mut command = env.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, output, seen: String::new() }
    }

    /// Reads until a text appears and returns what came before it.
    fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some((before, after)) = self.seen.split_once(text) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.seen = after;
                return before;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("`{text}` did not appear; the console said:\n{}", self.seen),
            }
        }
    }

    /// Types a line and returns what the machine printed in answer.
    fn ask(&mut self, line: &str) -> String {
        // The markers are put together by the shell, so that the echo of the line does not match them.
        let typed = format!("echo BE''GIN; {line}; echo E''ND\n");
        self.child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
        self.wait_for("BEGIN");
        self.wait_for("END").replace('\r', "").trim().to_owned()
    }

    fn finish(mut self) -> i32 {
        self.child.stdin.as_mut().unwrap().write_all(b"poweroff\n").unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // The machine goes down with a test that failed.
        let _ = std::process::Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

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
    let shared = "workspaces/default/state/virt/qemu/qemu-run/shared/from-host";
    env.write(shared, "hello\n");

    let arguments = ["cmd", "virt/qemu", "run", "--memory", "512M", "--disk-size", "64M"];
    let mut console = Console::start(&env, &arguments);
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

    let mut console = Console::start(&env, &arguments);
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
