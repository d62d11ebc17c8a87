use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Result;
use skiff_sdk::Tool;

use crate::kvm::Acceleration;

/// An emulated machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The emulator.
    pub(crate) program: &'static str,
    /// The Debian package that has it.
    pub(crate) package: &'static str,
    /// Its serial port.
    pub(crate) console: &'static str,
    kind: &'static str,
    /// The processor without KVM: one that is quick to emulate (`-cpu max` boots two to three times slower).
    emulated_cpu: &'static str,
}

impl Machine {
    /// Chooses the machine for an architecture, by its Debian name.
    pub(crate) fn for_arch(arch: &str) -> Result<Self> {
        match arch {
            "amd64" => Ok(Self {
                program: "qemu-system-x86_64",
                package: "qemu-system-x86",
                console: "ttyS0",
                kind: "q35",
                emulated_cpu: "qemu64",
            }),
            "arm64" => Ok(Self {
                program: "qemu-system-aarch64",
                package: "qemu-system-arm",
                console: "ttyAMA0",
                kind: "virt",
                emulated_cpu: "cortex-a72",
            }),
            other => Err(Failure::new(FailureCode::Unsupported, format!("no machine is known for `{other}`"))
                .hint("virt/qemu runs amd64 and arm64 systems")),
        }
    }

    /// Adds the arguments of a machine without any device but its serial port, which is the terminal.
    pub(crate) fn bare(&self, qemu: Tool, acceleration: Acceleration) -> Tool {
        let (accel, cpu) = match acceleration {
            Acceleration::Kvm => ("kvm", "host"),
            Acceleration::Tcg => ("tcg,thread=multi", self.emulated_cpu),
        };
        qemu.args(["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-monitor", "none"])
            .args(["-M", self.kind, "-accel", accel, "-cpu", cpu])
    }

    /// Adds the arguments that do not depend on what is booted. A port of the host leads to the machine's port 22.
    pub(crate) fn complete(&self, qemu: Tool, acceleration: Acceleration, ssh_port: Option<u16>) -> Tool {
        let forward = ssh_port.map_or_else(String::new, |port| format!(",hostfwd=tcp:127.0.0.1:{port}-:22"));
        self.bare(qemu, acceleration)
            .args(["-device", "virtio-rng-pci", "-netdev", &format!("user,id=net0{forward}")])
            .args(["-device", "virtio-net-pci,netdev=net0,romfile="])
    }
}
