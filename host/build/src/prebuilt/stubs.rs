//! Packages that apt is told are installed, since nothing of them is needed where no maintainer script runs.

use std::fmt::Write as _;

use serde::Deserialize;
use skiff_plan::Arch;

/// The list, which the program carries.
const STUBS: &str = include_str!("files/stubs.yaml");

/// A package that counts as installed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stub {
    name: String,
    /// A virtual package that it provides.
    provides: Option<String>,
    /// Whether packages of other architectures may ask for it with `:any`.
    #[serde(default)]
    allowed: bool,
}

/// Returns the file `status` of a dpkg that has all stubs but those that layers name.
///
/// # Errors
/// If the list is not YAML, which a test excludes.
pub(crate) fn status(arch: Arch, named: &[String]) -> Result<String, serde_yaml::Error> {
    let stubs: Vec<Stub> = serde_yaml::from_str(STUBS)?;
    let mut text = String::new();
    for stub in stubs.iter().filter(|stub| !named.contains(&stub.name)) {
        let multi = if stub.allowed { "allowed" } else { "foreign" };
        // No dependency asks for a newer version than this one.
        let _ = write!(
            text,
            "Package: {}\nStatus: install ok installed\nPriority: optional\nSection: misc\nMaintainer: skiff\n\
             Architecture: {}\nMulti-Arch: {multi}\nVersion: 99:999\n",
            stub.name,
            arch.debian()
        );
        if let Some(provides) = &stub.provides {
            let _ = writeln!(text, "Provides: {provides}");
        }
        text += "Description: stands for a package that only maintainer scripts need\n\n";
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_layer_names_is_really_installed() {
        let status = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            status(Arch::Arm64, &named).unwrap()
        };
        let all = status(&[]);
        assert!(all.contains("Package: kmod\n") && all.contains("Package: debconf\n"), "{all}");
        assert!(all.contains("Provides: debconf-2.0\n") && all.contains("Architecture: arm64\n"), "{all}");
        assert!(!status(&["kmod"]).contains("Package: kmod\n"));
    }
}
