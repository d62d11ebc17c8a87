use std::fmt;

use skiff_kconfig::Assignment;
use skiff_kconfig::Merged;
use skiff_kconfig::Value;

/// The architecture of the system being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit Arm.
    Arm64,
    /// 32-bit Arm with hardware floating point.
    Armhf,
    /// 64-bit RISC-V.
    Riscv64,
}

impl Arch {
    const SYMBOLS: [(&'static str, Self); 4] = [
        ("BR2_x86_64", Self::Amd64),
        ("BR2_aarch64", Self::Arm64),
        ("BR2_arm", Self::Armhf),
        ("BR2_riscv", Self::Riscv64),
    ];

    /// Returns the name that Debian uses.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
            Self::Riscv64 => "riscv64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.debian())
    }
}

/// What the merged Buildroot configuration says about the running system, in types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The architecture; Buildroot's default is none that skiff's layers use, so it must be set.
    pub arch: Option<Arch>,
    /// `BR2_TARGET_GENERIC_HOSTNAME`.
    pub hostname: String,
    /// `BR2_TARGET_GENERIC_ISSUE`: the banner above the login prompt.
    pub issue: String,
    /// The root password as configured (plain, or encrypted when it starts with `$`), or `None` when root
    /// cannot log in.
    pub root_password: Option<String>,
    /// The login prompt on a serial or graphical console.
    pub getty: Option<Getty>,
}

/// A text without quotes where Kconfig wants a string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {} is a string and needs quotes: `{}`", assignment.origin, assignment.symbol, assignment.value.text())]
pub struct TargetError {
    /// The assignment.
    pub assignment: Assignment,
}

/// `BR2_TARGET_GENERIC_GETTY…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Getty {
    /// The device under `/dev`, or `console`.
    pub port: String,
    /// Bits per second; 0 keeps what the kernel has set.
    pub baudrate: u32,
    /// The value of `TERM`.
    pub term: String,
    /// Further options of getty.
    pub options: String,
}

impl Target {
    /// Reads the merged Buildroot configuration. Defaults are Buildroot's.
    ///
    /// # Errors
    /// [`TargetError`] when a text has no quotes: Kconfig would take it for nothing.
    pub fn of(config: &Merged) -> Result<Self, TargetError> {
        let names: Vec<&str> = Arch::SYMBOLS.iter().map(|(name, _)| *name).collect();
        let chosen = config.choice(&names);
        let arch = Arch::SYMBOLS.iter().find(|(name, _)| Some(*name) == chosen).map(|(_, arch)| *arch);
        let login = config.value("BR2_TARGET_ENABLE_ROOT_LOGIN").is_none_or(|value| value.is_yes());
        let password = text(config, "BR2_TARGET_GENERIC_ROOT_PASSWD", "")?;
        Ok(Self {
            arch,
            hostname: text(config, "BR2_TARGET_GENERIC_HOSTNAME", "buildroot")?,
            issue: text(config, "BR2_TARGET_GENERIC_ISSUE", "Welcome to Buildroot")?,
            root_password: login.then_some(password),
            getty: getty(config)?,
        })
    }
}

/// Reads a text, which must be quoted.
fn text(config: &Merged, symbol: &str, default: &str) -> Result<String, TargetError> {
    let Some(entry) = config.entry(symbol) else { return Ok(default.to_owned()) };
    let assignment = &entry.winner;
    match (&assignment.value, assignment.value.string()) {
        (_, Some(text)) => Ok(text),
        (Value::NotSet, None) => Ok(default.to_owned()),
        (Value::Text(_), None) => Err(TargetError { assignment: assignment.clone() }),
    }
}

fn getty(config: &Merged) -> Result<Option<Getty>, TargetError> {
    if !config.value("BR2_TARGET_GENERIC_GETTY").is_none_or(|value| value.is_yes()) {
        return Ok(None);
    }
    const RATES: [u32; 6] = [9600, 19200, 38400, 57600, 115_200, 1_500_000];
    let symbols: Vec<String> = RATES.iter().map(|rate| format!("BR2_TARGET_GENERIC_GETTY_BAUDRATE_{rate}")).collect();
    let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let rate = config.choice(&names).and_then(|name| name.rsplit('_').next()).and_then(|rate| rate.parse().ok());
    Ok(Some(Getty {
        port: text(config, "BR2_TARGET_GENERIC_GETTY_PORT", "console")?,
        baudrate: rate.unwrap_or(0),
        term: text(config, "BR2_TARGET_GENERIC_GETTY_TERM", "vt100")?,
        options: text(config, "BR2_TARGET_GENERIC_GETTY_OPTIONS", "")?,
    }))
}

#[cfg(test)]
mod tests {
    use skiff_kconfig::Fragment;
    use skiff_kconfig::Kind;

    use super::*;

    #[test]
    fn the_last_architecture_and_the_values_of_the_layers_count() {
        let text = "BR2_x86_64=y\nBR2_aarch64=y\nBR2_TARGET_GENERIC_HOSTNAME=\"a\\\"b\"\n\
                    # BR2_TARGET_ENABLE_ROOT_LOGIN is not set\nBR2_TARGET_GENERIC_GETTY_BAUDRATE_115200=y\n";
        let target =
            Target::of(&skiff_kconfig::merge(Fragment::parse(Kind::Buildroot, "l", "f".into(), text).assignments));
        let target = target.unwrap();
        assert_eq!(target.arch, Some(Arch::Arm64));
        assert_eq!(target.hostname, "a\"b");
        assert_eq!(target.root_password, None);
        let getty = target.getty.unwrap();
        assert_eq!((getty.port.as_str(), getty.baudrate), ("console", 115_200));
    }
}
