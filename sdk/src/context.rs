use std::path::PathBuf;

use crate::ConfigKind;
use crate::host;

/// A layer of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, such as `apps/docker`.
    pub name: String,
    /// Where the parts of it that the plugin may read are, or `None` when it may read nothing.
    pub folder: Option<PathBuf>,
}

/// What is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The architecture as Debian calls it (`amd64`, `arm64`, …), where the configuration names one.
    pub arch: Option<String>,
    /// The host name.
    pub hostname: String,
    /// Words that the layers want on the kernel's command line.
    pub command_line: Vec<String>,
    /// The serial port of the console (`ttyS0`), where the configuration names one.
    pub console: Option<String>,
}

/// Returns the path under which a file of the plugin is found: the same in a component, and in the temporary folder of the
/// test's `testing::Host` in a native build.
pub fn path(path: &str) -> PathBuf {
    host::path(path)
}

/// Returns all layers in merge order: later ones win.
pub fn layers() -> Vec<Layer> {
    host::layers()
}

/// Returns what is being built.
pub fn target() -> Target {
    host::target()
}

/// Returns what the layer tells the plugin under `settings` in its manifest, as JSON: `{}` when that is nothing.
pub fn settings() -> String {
    host::settings()
}

/// Returns the merged values of symbols, one for each name, as Kconfig writes them: texts in their quotes. `n` stands for
/// "is not set", `None` for a symbol that no layer mentions.
pub fn symbols(kind: ConfigKind, names: &[&str]) -> Vec<Option<String>> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    host::symbols(kind, &names)
}

/// Returns the value of a symbol that is a text, without its quotes; `None` when it is empty, not set, or mentioned by no
/// layer.
pub fn symbol_text(kind: ConfigKind, name: &str) -> Option<String> {
    let value = symbols(kind, &[name]).pop().flatten()?;
    let mut text = String::new();
    let mut chars = value.strip_prefix('"')?.chars();
    // As Kconfig reads it: a backslash takes the next character as it is, and what follows the last quote is ignored.
    loop {
        match chars.next()? {
            '"' => return (!text.is_empty()).then_some(text),
            '\\' => text.push(chars.next()?),
            other => text.push(other),
        }
    }
}

/// Returns the name of the layer that ships this plugin.
pub fn own_layer() -> String {
    host::own_layer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Host;

    #[test]
    fn a_text_is_read_as_kconfig_reads_it() {
        let texts = [
            ("\"ttyS0\"", Some("ttyS0")),
            ("\"a\" # mine", Some("a")),
            ("\"C:\\d\"", Some("C:d")),
            ("\"say \\\"x\\\"\"", Some("say \"x\"")),
            ("\"n\"", Some("n")),
            ("n", None),
            ("\"\"", None),
            ("\"open", None),
        ];
        for (value, wanted) in texts {
            let _host = Host::new().symbol(ConfigKind::Buildroot, "BR2_X", value);
            assert_eq!(symbol_text(ConfigKind::Buildroot, "BR2_X").as_deref(), wanted, "{value}");
        }
    }
}
