//! What makes a tree of packages a system: init, host name, console, modules.

use std::path::Path;

use skiff_plan::BuildPlan;
use skiff_plan::Target;

use super::PrebuiltError;
use super::tree::Tree;
use crate::FileError;

const RC_START: &str = include_str!("files/rcS");
const RC_STOP: &str = include_str!("files/rcK");
const DHCP_SCRIPT: &str = include_str!("files/udhcpc.script");
const PROFILE: &str = include_str!("files/profile");

/// What finds a device by its label or identity, in the initramfs and in the system.
pub(crate) const FIND_DEVICE: &str = include_str!("files/find-device");

/// The texts that are written as they are.
pub(crate) const FILES: [&str; 5] = [RC_START, RC_STOP, DHCP_SCRIPT, PROFILE, FIND_DEVICE];

/// The first program of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Init {
    /// That of Busybox, which this engine configures.
    Busybox,
    /// systemd, from packages that configure it themselves.
    Systemd,
}

impl Init {
    /// Finds the first program among unpacked packages.
    pub(crate) fn of(tree: &Tree) -> Self {
        match tree.has("usr/sbin/init") && tree.has("usr/lib/systemd/systemd") {
            true => Self::Systemd,
            false => Self::Busybox,
        }
    }
}

/// Writes the files of the system. Overlays come later and may replace any of them.
pub(crate) fn configure(tree: &Tree, plan: &BuildPlan, target: &Target, init: Init) -> Result<(), PrebuiltError> {
    let hostname = &target.hostname;
    tree.write("etc/hostname", 0o644, &format!("{hostname}\n"))?;
    tree.write("etc/hosts", 0o644, &format!("127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n::1\tlocalhost\n"))?;
    tree.write("etc/issue", 0o644, &format!("{}\n", target.issue))?;
    let modules: String = plan.prebuilt.modules.iter().map(|module| format!("{module}\n")).collect();
    tree.write("etc/modules-load.d/00-skiff.conf", 0o644, &modules)?;
    match init {
        Init::Busybox => busybox(tree, plan, target),
        Init::Systemd => systemd(tree, plan),
    }
}

fn busybox(tree: &Tree, plan: &BuildPlan, target: &Target) -> Result<(), PrebuiltError> {
    for (path, program) in [("usr/bin/sh", "busybox"), ("usr/sbin/init", "../bin/busybox")] {
        if !tree.has(path) {
            let failed = FileError::at("write", tree.path().join(path));
            tree.add_link(Path::new(path), Path::new(program)).map_err(failed)?;
        }
    }
    tree.write("etc/shells", 0o644, "/bin/sh\n")?;
    tree.write("etc/profile", 0o644, PROFILE)?;
    tree.write("etc/inittab", 0o644, &inittab(target))?;
    tree.write("etc/init.d/rcS", 0o755, RC_START)?;
    tree.write("etc/init.d/rcK", 0o755, RC_STOP)?;
    tree.write("usr/sbin/find-device", 0o755, FIND_DEVICE)?;
    tree.write("usr/share/udhcpc/default.script", 0o755, DHCP_SCRIPT)?;
    let release = format!("NAME=skiff\nID=skiff\nSKIFF_CHAIN={}\n", plan.chain.join(","));
    Ok(tree.write("etc/os-release", 0o644, &release)?)
}

/// The distribution's name stays: its programs ask for it. os-release(5) has `IMAGE_ID` for what is made of it.
fn systemd(tree: &Tree, plan: &BuildPlan) -> Result<(), PrebuiltError> {
    const RELEASE: &str = "usr/lib/os-release";
    let text = tree.read(RELEASE)?;
    Ok(tree.write(RELEASE, 0o644, &format!("{text}IMAGE_ID=skiff\nSKIFF_CHAIN={}\n", plan.chain.join(",")))?)
}

/// Checks that a host name is one that Linux and DNS take.
pub(crate) fn check_hostname(name: &str) -> Result<(), PrebuiltError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    match starts && name.len() <= 64 && name.chars().all(plain) {
        true => Ok(()),
        false => Err(PrebuiltError::Setting {
            what: format!("host name `{name}` (BR2_TARGET_GENERIC_HOSTNAME)"),
            message: "it is 1 to 64 letters, digits, `-` and `.`, and starts with a letter or digit".into(),
        }),
    }
}

fn inittab(target: &Target) -> String {
    let mut text = String::from("::sysinit:/etc/init.d/rcS\n");
    if let Some(getty) = &target.getty {
        // Busybox takes the port's name as the terminal's only if it is one.
        let terminal = if getty.port == "console" { "console" } else { getty.port.as_str() };
        let options = if getty.options.is_empty() { String::new() } else { format!("{} ", getty.options) };
        text +=
            &format!("{terminal}::respawn:/sbin/getty -L {options}{} {} {}\n", getty.baudrate, getty.port, getty.term);
    }
    text + "::ctrlaltdel:/sbin/reboot\n::shutdown:/etc/init.d/rcK\n"
}

#[cfg(test)]
mod tests {
    use skiff_plan::Getty;

    use super::*;

    #[test]
    fn the_console_gets_the_getty_of_the_configuration() {
        let getty =
            Getty { port: "ttyS0".into(), baudrate: 115_200, term: "vt100".into(), options: "-n -l /bin/x".into() };
        let target =
            Target { arch: None, hostname: "h".into(), issue: String::new(), root_password: None, getty: Some(getty) };
        assert!(inittab(&target).contains("ttyS0::respawn:/sbin/getty -L -n -l /bin/x 115200 ttyS0 vt100\n"));
    }

    #[test]
    fn host_names_are_plain() {
        assert!(check_hostname("board-1.lan").is_ok());
        for bad in ["", "-a", "a b", "a\nb", "$(x)"] {
            assert!(check_hostname(bad).is_err(), "{bad}");
        }
    }
}
