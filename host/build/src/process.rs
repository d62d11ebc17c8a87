//! Running a program that takes long, whose lines are looked at, and that ends when the user wants it to.

use std::io;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process_group;
use skiff_report::Cancel;

/// How often a waiting skiff looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a program may take to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// How long the last lines of a program that has ended may take to arrive.
const AFTERMATH: Duration = Duration::from_secs(2);

/// Runs a program to its end in a process group of its own and hands every line of its output and its complaints,
/// without the line end, to `line`. When the user wants to stop, the whole group is asked to, and made to.
pub(crate) fn watch(command: &mut Command, cancel: &Cancel, mut line: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = command.spawn()?;
    // The command holds the writing end, too, and would keep the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, lines) = mpsc::sync_channel(WAITING);
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        // It ends when the last writer does, or when nobody listens any more.
        while let Ok(1..) = reader.by_ref().take(LINE).read_until(b'\n', &mut bytes) {
            let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            bytes.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    let mut asked: Option<Instant> = None;
    let mut looked = Instant::now();
    loop {
        match lines.recv_timeout(GLANCE) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return child.wait(),
        }
        if looked.elapsed() < GLANCE {
            continue;
        }
        looked = Instant::now();
        // A program that it left behind may hold the pipe, and write into it, for ever.
        if let Some(status) = child.try_wait()? {
            // What the program itself has written may still be under way, and ends with the pipe.
            let end = Instant::now() + AFTERMATH;
            while let Ok(text) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                line(&text);
            }
            return Ok(status);
        }
        match asked {
            None if cancel.is_cancelled() => {
                signal(&child, Signal::INT);
                asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > GRACE => signal(&child, Signal::KILL),
            _ => {}
        }
    }
}

/// Bytes of a line; the rest counts as another one. Buildroot describes all packages in one line.
const LINE: u64 = 16 << 20;

/// Lines that wait to be looked at: whoever writes more has to wait, too.
const WAITING: usize = 16;

/// Sends a signal to the child's group. One that has ended needs none.
fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_complaints_arrive_line_by_line() {
        let mut lines = Vec::new();
        let script = "echo one; echo two >&2; printf three";
        let status = watch(&mut shell(script), &Cancel::default(), |line| lines.push(line.to_owned())).unwrap();
        assert!(status.success());
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn long_lines_arrive_whole_and_endless_ones_in_parts() {
        let lengths = |bytes: u64| {
            let mut lengths = Vec::new();
            let script = format!("head -c {bytes} /dev/zero | tr '\\0' x");
            watch(&mut shell(&script), &Cancel::default(), |line| lengths.push(line.len() as u64)).unwrap();
            lengths
        };
        assert_eq!(lengths(300_000), [300_000]);
        assert_eq!(lengths(LINE + 7), [LINE, 7]);
    }

    #[test]
    fn whoever_wants_to_stop_does_not_wait_for_the_end() {
        let cancel = Cancel::default();
        let stop = cancel.clone();
        let status = watch(&mut shell("echo up; sleep 60 & wait"), &cancel, |_| stop.cancel()).unwrap();
        // Had it not been asked first, it would have been killed. Whoever runs these tests in the background may have them
        // ignore SIGINT, which their children then do, too (signal(7)).
        let said = std::fs::read_to_string("/proc/self/status").unwrap();
        let mask = said.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        let is_ignored = u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << (Signal::INT.as_raw() - 1) != 0;
        let expected = if is_ignored { Signal::KILL } else { Signal::INT };
        assert_eq!(status.signal(), Some(expected.as_raw()));
    }

    #[test]
    fn a_program_that_stays_behind_is_not_waited_for() {
        // It would write for ever.
        let script = "setsid sh -c 'while echo noise; do sleep 0.01; done' & echo started";
        assert!(watch(&mut shell(script), &Cancel::default(), |_| {}).unwrap().success());
    }
}
