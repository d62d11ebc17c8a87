//! Loading a component, and checking it before anything of it runs.

use std::fs::File;
use std::io::Read as _;

use semver::Version;
use skiff_layers::Capability;
use skiff_layers::PluginDecl;
use skiff_plan::Digest;
use wasmtime::component::Component;

use crate::Host;
use crate::LoadError;
use crate::PluginId;

/// The version of `skiff:host` and `skiff:plugin` that this host provides.
pub const INTERFACE_VERSION: &str = "1.0.0";

/// Bytes a component may have. A JavaScript or Python component with its interpreter has up to 20 MB.
const MAX_SIZE: u64 = 64 << 20;

const HOOKS: &str = "skiff:plugin/hooks";
const COMMANDS: &str = "skiff:plugin/commands";

/// Interfaces of `skiff:host` that every plugin may import.
const OPEN: [&str; 3] = ["skiff:host/fault", "skiff:host/report", "skiff:host/context"];

/// The interface that only plugins with a declared tool may import.
const TOOLS: &str = "skiff:host/tools";

/// Parts of WASI that standard libraries import; each is there and most are empty.
const WASI: [&str; 5] = ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:filesystem/", "wasi:random/"];

/// A component that was read once, checked and compiled.
pub struct Plugin {
    pub(crate) id: PluginId,
    pub(crate) decl: PluginDecl,
    pub(crate) digest: Digest,
    pub(crate) component: Component,
}

/// What a component really imports and exports, whatever its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Its imports.
    pub imports: Vec<String>,
    /// Its exports.
    pub exports: Vec<String>,
}

impl Host {
    /// Compiles a component and checks it before anything of it runs.
    ///
    /// # Errors
    /// [`LoadError`] when it is no component, imports what no plugin may have, or does not keep what its
    /// manifest promises.
    pub(crate) fn compile(&self, unchecked: Unchecked, decl: &PluginDecl) -> Result<Plugin, LoadError> {
        let Unchecked { id, digest, bytes } = unchecked;
        let component = Component::from_binary(&self.engine, &bytes).map_err(|error| LoadError::NotAComponent {
            path: decl.component.clone(),
            manifest: decl.manifest.clone(),
            message: format!("{error:#}").replace('\n', " "),
        })?;
        let plugin = Plugin { id, decl: decl.clone(), digest, component };
        plugin.check_imports(self)?;
        plugin.check_exports(self)?;
        Ok(plugin)
    }
}

/// A component that was read, once, so that what is digested is what is compiled. Nothing is known of it yet.
pub(crate) struct Unchecked {
    pub(crate) id: PluginId,
    pub(crate) digest: Digest,
    bytes: Vec<u8>,
}

impl Unchecked {
    pub(crate) fn read(layer: &str, decl: &PluginDecl) -> Result<Self, LoadError> {
        let id = PluginId::new(layer, &decl.name);
        check_interface(&id, decl)?;
        let bytes = read(&id, decl)?;
        check_preamble(decl, &bytes)?;
        Ok(Self { digest: Digest::of(&bytes), id, bytes })
    }
}

fn read(id: &PluginId, decl: &PluginDecl) -> Result<Vec<u8>, LoadError> {
    let path = &decl.component;
    let failed = |source| LoadError::Unreadable { plugin: id.clone(), path: path.clone(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(failed)?;
    let size = bytes.len() as u64;
    if size > MAX_SIZE {
        return Err(LoadError::TooLarge { plugin: id.clone(), path: path.clone(), size, limit: MAX_SIZE });
    }
    Ok(bytes)
}

/// Within a major version a newer host serves an older plugin, not the other way round; no host serves a
/// version that was never released.
fn serves(version: &str) -> bool {
    match (Version::parse(version), Version::parse(INTERFACE_VERSION)) {
        (Ok(needed), Ok(present)) => needed.pre.is_empty() && needed.major == present.major && needed <= present,
        _ => false,
    }
}

/// What every component starts with, and no core module: magic number, version 13, layer 1.
const PREAMBLE: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// Looks at the first bytes only: what is no component at all is said to be none before anybody is asked to
/// agree to it.
fn check_preamble(decl: &PluginDecl, bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(&PREAMBLE) {
        return Ok(());
    }
    let message = match bytes.starts_with(b"\0asm") {
        true => "it is a core module",
        false => "it does not start with the magic number `\\0asm`",
    };
    let (path, manifest) = (decl.component.clone(), decl.manifest.clone());
    Err(LoadError::NotAComponent { path, manifest, message: message.to_owned() })
}

fn check_interface(id: &PluginId, decl: &PluginDecl) -> Result<(), LoadError> {
    match Version::parse(INTERFACE_VERSION) {
        Ok(present) if decl.interface.matches(&present) => Ok(()),
        _ => Err(LoadError::Interface {
            plugin: id.clone(),
            manifest: decl.manifest.clone(),
            wanted: decl.interface.clone(),
            present: INTERFACE_VERSION,
        }),
    }
}

impl Plugin {
    /// Returns who it is.
    pub fn id(&self) -> &PluginId {
        &self.id
    }

    /// Returns what it really imports and exports.
    pub fn inspect(&self, host: &Host) -> Inspection {
        let names = |name: &str| name.to_owned();
        let ty = self.component.component_type();
        Inspection {
            digest: self.digest,
            imports: ty.imports(&host.engine).map(|(name, _)| names(name)).collect(),
            exports: ty.exports(&host.engine).map(|(name, _)| names(name)).collect(),
        }
    }

    /// The linker is no allow-list (it lets an unknown empty instance pass), so names are checked here.
    fn check_imports(&self, host: &Host) -> Result<(), LoadError> {
        for import in self.inspect(host).imports {
            if WASI.iter().any(|prefix| import.starts_with(prefix)) {
                continue;
            }
            let (interface, version) = import.split_once('@').unwrap_or((&import, ""));
            if interface == TOOLS {
                self.check_tools_declared(&import)?;
            } else if !OPEN.contains(&interface) {
                return Err(LoadError::UnknownImport { plugin: self.id.clone(), import });
            }
            self.check_version(&import, version)?;
        }
        Ok(())
    }

    fn check_tools_declared(&self, import: &str) -> Result<(), LoadError> {
        match self.decl.capabilities.iter().any(|capability| matches!(capability, Capability::Tool(_))) {
            true => Ok(()),
            false => Err(LoadError::UndeclaredImport {
                plugin: self.id.clone(),
                import: import.to_owned(),
                manifest: self.decl.manifest.clone(),
            }),
        }
    }

    fn check_version(&self, import: &str, version: &str) -> Result<(), LoadError> {
        match serves(version) {
            true => Ok(()),
            false => Err(LoadError::Version {
                plugin: self.id.clone(),
                needed: import.to_owned(),
                present: format!("skiff:host {INTERFACE_VERSION}"),
            }),
        }
    }

    fn check_exports(&self, host: &Host) -> Result<(), LoadError> {
        let exports = self.inspect(host).exports;
        let promised =
            [("hooks", HOOKS, !self.decl.hooks.is_empty()), ("commands", COMMANDS, !self.decl.commands.is_empty())];
        for (declared, export, wanted) in promised {
            let served =
                |name: &String| name.split_once('@').is_some_and(|(name, version)| name == export && serves(version));
            if wanted && !exports.iter().any(served) {
                let manifest = self.decl.manifest.clone();
                return Err(LoadError::MissingExport { plugin: self.id.clone(), manifest, declared, export });
            }
        }
        Ok(())
    }
}
