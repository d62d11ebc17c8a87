//! The command `ssh`: logs in to the machine that `run --ssh-port` has started.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use skiff_sdk::Arguments;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Result;
use skiff_sdk::Tool;

/// The port of a machine that runs.
const PORT: &str = "/state/ssh-port";

/// The host keys of machines with the persistent disk of this workspace.
const KNOWN_HOSTS: &str = "/state/known_hosts";

/// Notes the port of a machine for as long as it runs.
pub(crate) struct Noted;

impl Noted {
    /// Notes it.
    pub(crate) fn new(port: u16) -> Result<Self> {
        fs::write(PORT, port.to_string()).map_err(|error| Failure::io(PORT, &error))?;
        Ok(Self)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        // A port that is left over leads to nothing: ssh says so.
        let _ = fs::remove_file(PORT);
    }
}

/// Forgets the host keys: a new disk brings new ones.
pub(crate) fn forget_hosts() -> Result<()> {
    match fs::remove_file(KNOWN_HOSTS) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::io(KNOWN_HOSTS, &error)),
        _ => Ok(()),
    }
}

/// Logs in as root, or runs the user's command there.
pub(crate) fn run(_: &Arguments) -> Result<u8> {
    let ssh = Tool::new("ssh");
    if !ssh.available() {
        return Err(Failure::new(FailureCode::Missing, "the program `ssh` is not installed")
            .hint("on Debian or Ubuntu: sudo apt-get install openssh-client"));
    }
    let port = port(Path::new(PORT)).ok_or_else(|| {
        Failure::new(FailureCode::Missing, "no machine with a port for ssh runs in this workspace")
            .hint("start one in another terminal: skiff cmd virt/qemu run --ssh-port 2222")
    })?;
    ssh.args(["-p", &port.to_string(), "-o", "StrictHostKeyChecking=accept-new", "-o", "LogLevel=ERROR", "-o"])
        .with_path("UserKnownHostsFile=", KNOWN_HOSTS, "")
        .args(["root@127.0.0.1"])
        .given("args")
        .attach()
}

fn port(file: &Path) -> Option<u16> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number() {
        let file = std::env::temp_dir().join(format!("skiff-ssh-port-{}", std::process::id()));
        assert_eq!(port(&file), None);
        for (text, expected) in [("2222\n", Some(2222)), ("", None), ("x", None), ("70000", None)] {
            fs::write(&file, text).unwrap();
            assert_eq!(port(&file), expected, "{text:?}");
        }
        fs::remove_file(&file).unwrap();
    }
}
