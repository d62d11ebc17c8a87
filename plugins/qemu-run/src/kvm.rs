//! Whether KVM truly works.
//!
//! That `/dev/kvm` exists says little: in many virtual machines it is there and aborts or hangs, and it may even
//! run a few instructions before it does. So the kernel itself is started, without a root file system; only if
//! it gets as far as missing that, in time, is KVM used. The answer is kept for a day.

use std::fmt;
use std::fs;
use std::time::SystemTime;

use skiff_sdk::Failure;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Tool;

use crate::machine::Machine;

/// Milliseconds that the probe may take; where KVM works it takes less than one second.
const TIMEOUT_MS: u32 = 5000;

/// Seconds for which an answer holds.
const VALID_S: u64 = 24 * 3600;

/// How the machine's processor is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acceleration {
    /// By the host's processor.
    Kvm,
    /// By emulation.
    Tcg,
}

impl fmt::Display for Acceleration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "with KVM",
            Self::Tcg => "emulated, without KVM",
        })
    }
}

/// Finds out whether KVM works for a machine.
pub(crate) fn probe(machine: &Machine, kernel: &str) -> Result<Acceleration> {
    let answer = format!("/state/kvm-{}", machine.program);
    if let Some(known) = remembered(&answer) {
        return Ok(known);
    }
    let qemu = machine.bare(Tool::new(machine.program), Acceleration::Kvm).args(["-m", "256M"]);
    let line = format!("console={} panic=-1 root=none", machine.console);
    let outcome = qemu.args(["-kernel"]).path(kernel).args(["-append", &line]).run(Some(TIMEOUT_MS))?;
    // The kernel panics for want of a root, and `panic=-1` makes it restart, which ends QEMU.
    let panicked = String::from_utf8_lossy(&outcome.stdout).contains("Kernel panic");
    let works = outcome.status == 0 && !outcome.timed_out && panicked;
    skiff_sdk::log(Level::Debug, format!("KVM probe: status {}, panicked: {panicked}", outcome.status));
    fs::write(&answer, if works { "works" } else { "fails" }).map_err(|error| Failure::io(&answer, &error))?;
    Ok(if works { Acceleration::Kvm } else { Acceleration::Tcg })
}

fn remembered(answer: &str) -> Option<Acceleration> {
    let age = SystemTime::now().duration_since(fs::metadata(answer).ok()?.modified().ok()?).ok()?;
    if age.as_secs() > VALID_S {
        return None;
    }
    match fs::read_to_string(answer).ok()?.as_str() {
        "works" => Some(Acceleration::Kvm),
        "fails" => Some(Acceleration::Tcg),
        _ => None,
    }
}
