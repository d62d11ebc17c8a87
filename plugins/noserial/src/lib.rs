//! The hooks of `util/noserial`: no login prompt and no kernel messages on the serial port.

use std::fs;
use std::io;

use skiff_sdk::ConfigKind;
use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::Tree;

const SYSTEMD: &str = "/target/usr/lib/systemd/system";
const CONSOLE: &str = "/target/usr/lib/systemd/system/serial-getty@.service.d/buildroot-console.conf";

/// Tells whoever writes the medium that there is no serial console, as in SkiffOS.
const MARK: &str = "/images/.disable-serial-console";

/// What the firmware of a Raspberry Pi hands to the kernel.
const CMDLINE: &str = "/images/rpi-firmware/cmdline.txt";

struct NoSerial;

skiff_sdk::export_hook!(NoSerial);

impl Hook for NoSerial {
    fn run(stage: Stage) -> Result<()> {
        match stage {
            Stage::Pre => no_login(),
            Stage::Post => {
                fs::write(skiff_sdk::path(MARK), "").map_err(|error| Failure::io(MARK, &error))?;
                no_messages()
            }
        }
    }
}

/// Masks the login prompt that the configuration asks for.
fn no_login() -> Result<()> {
    if !skiff_sdk::path(SYSTEMD).is_dir() {
        return Err(Failure::new(FailureCode::Missing, "there is no systemd in the target")
            .about(SYSTEMD)
            .hint("leave util/noserial out of the chain, or build a system with systemd"));
    }
    match fs::remove_file(skiff_sdk::path(CONSOLE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io(CONSOLE, &error)),
        _ => {}
    }
    if let Some(port) = skiff_sdk::symbol_text(ConfigKind::Buildroot, "BR2_TARGET_GENERIC_GETTY_PORT") {
        let units = Tree::open("/target/etc")?;
        units.link(&format!("systemd/system/serial-getty@{port}.service"), "/dev/null")?;
        skiff_sdk::log(Level::Info, format!("no login prompt on {port}"));
    }
    Ok(())
}

/// Takes consoles off the command line that the firmware hands over.
fn no_messages() -> Result<()> {
    let path = skiff_sdk::path(CMDLINE);
    let line = match fs::read_to_string(&path) {
        Ok(line) => line,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::io(CMDLINE, &error)),
    };
    let quiet = without_consoles(&line);
    if quiet.trim() == line.trim() {
        return Ok(());
    }
    skiff_sdk::log(Level::Info, format!("the kernel's command line is now: {}", quiet.trim()));
    fs::write(path, quiet).map_err(|error| Failure::io(CMDLINE, &error))
}

fn without_consoles(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().filter(|word| !word.starts_with("console=")).collect();
    words.join(" ") + "\n"
}

#[cfg(test)]
mod tests {
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn the_prompt_is_masked_and_the_console_is_gone() {
        let host = Host::new()
            .file(CONSOLE, "x")
            .folder("/target/etc")
            .symbol(ConfigKind::Buildroot, "BR2_TARGET_GENERIC_GETTY_PORT", "\"ttyS0\"")
            .file(CMDLINE, "root=/dev/mmcblk0p2 console=tty1 console=ttyAMA0,115200 consoleblank=0 rootwait\n");
        NoSerial::run(Stage::Pre).unwrap();
        NoSerial::run(Stage::Post).unwrap();
        let unit = skiff_sdk::path("/target/etc/systemd/system/serial-getty@ttyS0.service");
        assert_eq!(fs::read_link(unit).unwrap(), std::path::Path::new("/dev/null"));
        assert!(!skiff_sdk::path(CONSOLE).exists());
        assert_eq!(host.read(CMDLINE), "root=/dev/mmcblk0p2 consoleblank=0 rootwait\n");
        assert!(skiff_sdk::path(MARK).is_file());
    }

    #[test]
    fn a_target_without_systemd_is_named() {
        let _host = Host::new().folder("/target");
        assert!(NoSerial::run(Stage::Pre).unwrap_err().to_string().contains("no systemd in the target"));
    }
}
