//! `virt/qemu`'s command `run`: boots the finished images in QEMU, connected to the user's terminal.

mod images;
mod kvm;
mod machine;
mod memory;
mod persist;
mod shared;

use std::path::Path;

use skiff_sdk::Arguments;
use skiff_sdk::Command;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Target;
use skiff_sdk::Tool;

use crate::images::Images;
use crate::kvm::Acceleration;
use crate::machine::Machine;

struct QemuRun;

skiff_sdk::export_command!(QemuRun);

impl Command for QemuRun {
    fn invoke(command: &str, arguments: &Arguments) -> Result<u8> {
        match command {
            "run" => run(arguments),
            other => Err(Arguments::unknown_command(other)),
        }
    }
}

fn run(arguments: &Arguments) -> Result<u8> {
    let target = skiff_sdk::target();
    let arch = target.arch.as_deref().ok_or_else(|| {
        Failure::new(FailureCode::Unsupported, "the configuration names no architecture")
            .hint("put a layer into the chain that does, such as virt/qemu")
    })?;
    let machine = Machine::for_arch(arch)?;
    let images = Images::find(Path::new("/images"))?;
    let qemu = Tool::new(machine.program);
    if !qemu.available() {
        let message = format!("the program `{}` is not installed", machine.program);
        let hint = format!("on Debian or Ubuntu: sudo apt-get install --no-install-recommends {}", machine.package);
        return Err(Failure::new(FailureCode::Missing, message).hint(hint));
    }
    let acceleration = match arguments.flag("no-kvm") {
        true => Acceleration::Tcg,
        false => kvm::probe(&machine, &images.kernel)?,
    };
    let persist = match arguments.flag("no-persist") {
        true => None,
        false => persist::prepare(arguments.text("disk-size").unwrap_or("32G"))?,
    };
    let shared = shared::prepare()?;
    let ssh_port = ssh_port(arguments)?;
    let mut qemu = resources(machine.complete(qemu, acceleration, ssh_port), arguments)?;
    if let Some(port) = ssh_port {
        skiff_sdk::log(Level::Info, format!("port 22 of the machine: ssh -p {port} root@127.0.0.1"));
    }
    skiff_sdk::log(Level::Info, format!("{}, {acceleration}; Ctrl-C ends it", machine.program));
    qemu = qemu.args(["-kernel"]).path(&images.kernel).args(["-initrd"]).path(&images.initramfs);
    qemu = qemu.args(["-append", &command_line(&machine, acceleration, &target, &images)]);
    if let Some(root) = &images.root {
        qemu = qemu.args(["-drive"]).with_path("file=", root, ",format=raw,if=virtio,readonly=on");
    }
    if let Some(disk) = &persist {
        qemu = qemu.args(["-drive"]).with_path("file=", *disk, ",format=raw,if=virtio,discard=unmap");
    }
    shared.attach(qemu).given("args").attach()
}

/// Returns the port of the host that leads to the machine's port 22.
fn ssh_port(arguments: &Arguments) -> Result<Option<u16>> {
    let Some(number) = arguments.number("ssh-port") else { return Ok(None) };
    match u16::try_from(number) {
        Ok(port @ 1..) => Ok(Some(port)),
        _ => Err(Failure::new(FailureCode::Invalid, format!("{number} is not a port (1 to 65535)")).about("ssh-port")),
    }
}

fn resources(qemu: Tool, arguments: &Arguments) -> Result<Tool> {
    let cpus = arguments.number("cpus").unwrap_or(2);
    if !(1..=255).contains(&cpus) {
        let message = format!("{cpus} processors cannot be emulated (1 to 255)");
        return Err(Failure::new(FailureCode::Invalid, message).about("cpus"));
    }
    let memory = memory::parse(arguments.text("memory").unwrap_or("2G"))
        .map_err(|message| Failure::new(FailureCode::Invalid, message).about("memory"))?;
    Ok(qemu.args(["-smp".to_owned(), cpus.to_string(), "-m".to_owned(), format!("{}M", memory.max(1 << 20) >> 20)]))
}

fn command_line(machine: &Machine, acceleration: Acceleration, target: &Target, images: &Images) -> String {
    let console = target.console.as_deref().unwrap_or(machine.console);
    let root = if images.root.is_some() { "root=/dev/vda" } else { "root=/dev/ram0" };
    let mut words = vec![format!("console={console}"), root.into(), "ro".into(), "net.ifnames=0".into()];
    if acceleration == Acceleration::Tcg {
        // Emulated processors have nothing to mitigate, and every mitigation is emulated, too.
        words.push("mitigations=off".into());
    }
    words.extend(target.command_line.iter().cloned());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_told_console_root_and_the_layers_words() {
        let arch = Some("arm64".into());
        let target = Target { arch, hostname: "h".into(), command_line: vec!["quiet".into()], console: None };
        let machine = Machine::for_arch("arm64").unwrap();
        let images = Images { kernel: "k".into(), initramfs: "i".into(), root: None };
        let line = command_line(&machine, Acceleration::Kvm, &target, &images);
        assert_eq!(line, "console=ttyAMA0 root=/dev/ram0 ro net.ifnames=0 quiet");
    }
}
