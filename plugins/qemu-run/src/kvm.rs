//! Whether KVM truly works.
//!
//! That `/dev/kvm` exists says little: in many virtual machines it is there and aborts or hangs. So a firmware
//! of a few bytes is run that does nothing but end the emulator; only if that happens in time is KVM used.

use std::fmt;
use std::fs;

use skiff_sdk::Failure;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Tool;

use crate::machine::Machine;
use crate::machine::Probe;

const FIRMWARE: &str = "/state/kvm-probe.bin";

/// Milliseconds that the probe may take; where KVM works it takes about 100.
const TIMEOUT_MS: u32 = 3000;

/// `isa-debug-exit` ends QEMU with twice the written value, plus one.
const X86_STATUS: i32 = (0x10 << 1) | 1;

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
            Self::Tcg => "emulated (KVM does not work here)",
        })
    }
}

/// Finds out whether KVM works for a machine.
pub(crate) fn probe(machine: &Machine) -> Result<Acceleration> {
    fs::write(FIRMWARE, firmware(machine.probe)).map_err(|error| Failure::io(FIRMWARE, &error))?;
    let qemu = Tool::new(machine.program)
        .args(["-nodefaults", "-no-reboot", "-display", "none", "-accel", "kvm", "-cpu", "host", "-m", "32M"]);
    let (qemu, status) = match machine.probe {
        Probe::X86 => {
            let exit = ["-M", "pc", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"];
            (qemu.args(exit), X86_STATUS)
        }
        Probe::Arm => (qemu.args(["-M", "virt"]), 0),
    };
    let outcome = qemu.args(["-bios"]).path(FIRMWARE).run(Some(TIMEOUT_MS))?;
    skiff_sdk::log(Level::Debug, format!("KVM probe: status {}, timed out: {}", outcome.status, outcome.timed_out));
    match outcome.status == status && !outcome.timed_out {
        true => Ok(Acceleration::Kvm),
        false => Ok(Acceleration::Tcg),
    }
}

fn firmware(probe: Probe) -> Vec<u8> {
    match probe {
        // A PC starts 16 bytes before the end of its ROM: mov dx, 0xf4; mov al, 0x10; out dx, al; hlt.
        Probe::X86 => {
            let mut rom = vec![0; (64 << 10) - 16];
            rom.extend([0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xf4]);
            rom.resize(64 << 10, 0);
            rom
        }
        // mov w0, #0x8400_0008 (PSCI SYSTEM_OFF); hvc #0; b .
        Probe::Arm => [0x5280_0100_u32, 0x72b0_8000, 0xd400_0002, 0x1400_0000]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pc_finds_its_first_instruction() {
        let rom = firmware(Probe::X86);
        assert_eq!((rom.len(), rom[0xfff0]), (0x1_0000, 0xba));
        assert_eq!(firmware(Probe::Arm).len(), 16);
    }
}
