//! A machine whose serial console is in our hands.

use std::io::Read as _;
use std::io::Write as _;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How long a machine may say nothing of what is waited for. It only ends a test that hangs: emulated, on a host with
/// other work, a boot takes many times what it takes alone.
const PATIENCE: Duration = Duration::from_secs(1800);

/// How long firmware may take to start what is on a disk, and how often it is tried.
const FIRMWARE: Duration = Duration::from_secs(180);
const FIRMWARE_STARTS: u32 = 3;

/// A machine whose serial console is in our hands.
pub(crate) struct Console {
    pub(crate) child: std::process::Child,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Console {
    /// Starts what connects the machine's console to its own input and output.
    pub(crate) fn start(command: &mut Command) -> Self {
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

    /// Starts a machine until its firmware starts what is on its disk: emulated, the firmware of arm64 sometimes stops before.
    pub(crate) fn start_firmware(command: &mut Command) -> Self {
        for _ in 0..FIRMWARE_STARTS {
            let mut console = Self::start(command);
            if console.read_until("BdsDxe: starting", FIRMWARE).is_some() {
                return console;
            }
            eprintln!("the firmware has stopped; it said:\n{}", console.seen);
        }
        panic!("the firmware stopped {FIRMWARE_STARTS} times");
    }

    /// Reads until a text appears and returns what came before it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        match self.read_until(text, PATIENCE) {
            Some(before) => before,
            None => panic!("`{text}` did not appear; the console said:\n{}", self.seen),
        }
    }

    /// As [`Self::wait_for`]; `None` if it does not appear in time.
    fn read_until(&mut self, text: &str, patience: Duration) -> Option<String> {
        let end = Instant::now() + patience;
        loop {
            if let Some((before, after)) = self.seen.split_once(text) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.seen = after;
                return Some(before);
            }
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.output.recv_timeout(left).ok()?;
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Types a line at a shell and returns what the machine printed in answer.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        // The markers are put together by the shell, so that the echo of the line does not match them.
        let typed = format!("echo BE''GIN; {line}; echo E''ND\n");
        self.child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
        self.wait_for("BEGIN");
        self.wait_for("END").replace('\r', "").trim().to_owned()
    }

    /// Shuts the machine down; returns the code of what connected it.
    pub(crate) fn finish(mut self) -> i32 {
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
