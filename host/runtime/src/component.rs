//! Loading a component, and checking it before anything of it runs.

use std::io;
use std::time::Duration;

use semver::Version;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_layers::LayerPlugin;
use skiff_layers::PluginDecl;
use skiff_layers::Stage;
use skiff_report::Cancel;
use skiff_report::Cancelled;
use skiff_text::shown;
use wasmtime::component::Component;
use wasmtime::component::InstancePre;

use crate::Identity;
use crate::LoadError;
use crate::PluginId;
use crate::capability::Imports;
use crate::capability::Permission;
use crate::compiler::CompileFailure;
use crate::engine::Host;
use crate::state::State;

/// The packages of the contract and the versions that this host provides.
pub const INTERFACES: [(&str, &str); 3] =
    [("skiff:host", "1.0.0"), ("skiff:plugin", "1.0.0"), ("skiff:board", "0.3.0")];

/// The package whose version a manifest names.
const PLUGIN: &str = "skiff:plugin";

/// Bytes a component may have. A JavaScript or Python component with its interpreter has up to 20 MB.
const MAX_SIZE: u64 = 64 << 20;

/// A component that was read once, checked and compiled.
pub(crate) struct Plugin {
    pub(crate) id: PluginId,
    /// What it was loaded from.
    pub(crate) source: LayerPlugin,
    pub(crate) digest: Digest,
    /// Ready to be instantiated, again and again.
    pub(crate) ready: InstancePre<State>,
}

impl Plugin {
    pub(crate) fn decl(&self) -> &PluginDecl {
        &self.source.decl
    }
}

/// What a component really imports and exports, whatever its manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The bytes that it has.
    pub size: u64,
    /// Its imports.
    pub imports: Vec<String>,
    /// Its exports.
    pub exports: Vec<String>,
}

impl Host {
    /// Makes a component ready to be called: from the cache, or by compiling it. Before anything of it runs, what it
    /// imports is compared with what its manifest declares.
    ///
    /// # Errors
    /// [`LoadError`] when it is no component, imports what no plugin may have, or does not keep what its
    /// manifest promises.
    pub(crate) fn load(
        &self,
        unchecked: &Unchecked,
        plugin: &LayerPlugin,
        cancel: &Cancel,
    ) -> Result<Result<Plugin, LoadError>, Cancelled> {
        let component = match self.component(unchecked, &plugin.decl, cancel)? {
            Ok(component) => component,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.check(&unchecked.id, unchecked.digest, plugin, &component))
    }

    /// As [`Self::load`], for a component that was compiled before: its bytes need not be read. `None` if it was not.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub(crate) fn load_compiled(&self, identity: &Identity, plugin: &LayerPlugin) -> Result<Option<Plugin>, LoadError> {
        let compiled = self.compiled(identity.digest);
        compiled.map(|component| self.check(&identity.plugin, identity.digest, plugin, &component)).transpose()
    }

    fn check(
        &self,
        id: &PluginId,
        digest: Digest,
        plugin: &LayerPlugin,
        component: &Component,
    ) -> Result<Plugin, LoadError> {
        let decl = &plugin.decl;
        let allowed = Imports::of(&decl.capabilities);
        check_imports(id, decl, &allowed, &self.imports(component))?;
        check_exports(id, decl, &self.exports(component))?;
        let link =
            |error: wasmtime::Error| LoadError::Link { plugin: id.clone(), message: told(&format!("{error:#}")) };
        let linker = self.linker(&allowed).map_err(link)?;
        let ready = linker.instantiate_pre(component).map_err(link)?;
        Ok(Plugin { id: id.clone(), source: plugin.clone(), digest, ready })
    }

    fn component(
        &self,
        unchecked: &Unchecked,
        decl: &PluginDecl,
        cancel: &Cancel,
    ) -> Result<Result<Component, LoadError>, Cancelled> {
        let wrong = |message: String| LoadError::NotAComponent {
            path: decl.component.clone(),
            manifest: decl.manifest.clone(),
            message: told(&message),
        };
        if let Some(component) = self.compiled(unchecked.digest) {
            return Ok(Ok(component));
        }
        let code = match self.compiler.compile(&unchecked.bytes, cancel) {
            Ok(code) => code,
            Err(CompileFailure::Cancelled) => return Err(Cancelled),
            Err(CompileFailure::Invalid(message)) => return Ok(Err(wrong(message))),
            Err(CompileFailure::Budget(what)) => {
                return Ok(Err(LoadError::Budget { plugin: unchecked.id.clone(), path: decl.component.clone(), what }));
            }
            Err(CompileFailure::Io(source)) => {
                return Ok(Err(LoadError::Compiler { plugin: unchecked.id.clone(), source }));
            }
        };
        if let Some(cache) = &self.cache {
            cache.store(unchecked.digest, &code);
        }
        Ok(self.deserialize(&code).map_err(|error| wrong(format!("{error:#}"))))
    }

    /// Returns a component that was compiled before, by the digest of its bytes.
    fn compiled(&self, digest: Digest) -> Option<Component> {
        let code = self.cache.as_ref()?.load(digest)?;
        self.deserialize(&code).ok()
    }

    fn deserialize(&self, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are what `precompile` of this program has written: they come from the process that was just
        // started for that, or bear a digest made with a key that only this user's skiff has.
        unsafe { Component::deserialize(&self.engine, code) }
    }

    fn describe(&self, unchecked: &Unchecked, component: &Component) -> Inspection {
        Inspection {
            digest: unchecked.digest,
            size: unchecked.bytes.len() as u64,
            imports: self.imports(component),
            exports: self.exports(component),
        }
    }

    fn imports(&self, component: &Component) -> Vec<String> {
        component.component_type().imports(&self.engine).map(|(name, _)| name_of(name)).collect()
    }

    fn exports(&self, component: &Component) -> Vec<String> {
        component.component_type().exports(&self.engine).map(|(name, _)| name_of(name)).collect()
    }

    /// Compiles a component and tells what it imports and exports; it is not checked, and nothing of it runs.
    pub(crate) fn inspect(
        &self,
        unchecked: &Unchecked,
        decl: &PluginDecl,
        cancel: &Cancel,
    ) -> Result<Result<Inspection, LoadError>, Cancelled> {
        let component = self.component(unchecked, decl, cancel)?;
        Ok(component.map(|component| self.describe(unchecked, &component)))
    }
}

/// A component that was read, once, so that what is digested is what is compiled. Nothing is known of it yet.
pub(crate) struct Unchecked {
    pub(crate) id: PluginId,
    pub(crate) digest: Digest,
    bytes: Vec<u8>,
}

impl Unchecked {
    pub(crate) fn read(plugin: &LayerPlugin) -> Result<Self, LoadError> {
        let (id, decl) = (PluginId::of(plugin), &plugin.decl);
        check_interface(&id, decl)?;
        let bytes = read(&id, decl)?;
        check_preamble(decl, &bytes)?;
        Ok(Self { digest: Digest::of(&bytes), id, bytes })
    }
}

fn read(id: &PluginId, decl: &PluginDecl) -> Result<Vec<u8>, LoadError> {
    let path = &decl.component;
    let failed = |source| LoadError::Unreadable { plugin: id.clone(), path: path.clone(), source };
    let file = skiff_file::open_file(path).map_err(failed)?;
    let file = file.ok_or_else(|| failed(io::Error::other("expected a regular file")))?;
    if let Some(bytes) = skiff_file::read_up_to(&file, MAX_SIZE).map_err(failed)? {
        return Ok(bytes);
    }
    let size = file.metadata().map_err(failed)?.len().max(MAX_SIZE + 1);
    Err(LoadError::TooLarge { plugin: id.clone(), path: path.clone(), size, limit: MAX_SIZE })
}

/// Returns the name of an import or export as messages show it: names of URLs may hold anything, and be of any length.
fn name_of(name: &str) -> String {
    format!("{:.200}", shown(name))
}

/// Returns what the compiler says of a component, whose names it quotes, as one line.
fn told(message: &str) -> String {
    format!("{:.600}", shown(&message.replace('\n', " ")))
}

/// Returns the version of a package that this host provides.
fn present(package: &str) -> Option<Version> {
    let (_, version) = INTERFACES.iter().find(|(name, _)| *name == package)?;
    Version::parse(version).ok()
}

/// Returns whether this host has what an interface of the contract (`skiff:host/tools@1.0.0`) needs. Within a major
/// version a newer host serves an older plugin, not the other way round; no host serves a version that was never
/// released, and version 0 promises nothing.
fn serves(interface: &str, version: &str) -> bool {
    let package = interface.split('/').next().unwrap_or(interface);
    match (Version::parse(version), present(package)) {
        (Ok(needed), Some(present)) => {
            let same = needed.major == present.major && (needed.major > 0 || needed.minor == present.minor);
            needed.pre.is_empty() && same && needed <= present
        }
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
    match present(PLUGIN) {
        Some(present) if decl.interface.matches(&present) => Ok(()),
        present => Err(LoadError::Interface {
            plugin: id.clone(),
            manifest: decl.manifest.clone(),
            wanted: decl.interface.clone(),
            present: present.map(|version| version.to_string()).unwrap_or_default(),
        }),
    }
}

impl Plugin {
    /// Returns the time that a call of it may take.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.decl().limits.time_s.into())
    }
}

/// The linker is no allow-list (it lets an unknown empty instance pass), so names are checked here.
fn check_imports(id: &PluginId, decl: &PluginDecl, allowed: &Imports, imports: &[String]) -> Result<(), LoadError> {
    for import in imports {
        let (interface, version) = import.split_once('@').unwrap_or((import, ""));
        match allowed.permission(interface) {
            Permission::Granted => {}
            Permission::Unknown => return Err(LoadError::UnknownImport { plugin: id.clone(), import: import.clone() }),
            Permission::Undeclared(lacks) => {
                return Err(LoadError::UndeclaredImport {
                    plugin: id.clone(),
                    import: import.clone(),
                    manifest: decl.manifest.clone(),
                    lacks,
                });
            }
        }
        if interface.starts_with("skiff:") && !serves(interface, version) {
            return Err(version_error(id, interface, version));
        }
    }
    Ok(())
}

fn check_exports(id: &PluginId, decl: &PluginDecl, exports: &[String]) -> Result<(), LoadError> {
    let (configure, hooks): (Vec<&Stage>, Vec<&Stage>) =
        decl.hooks.iter().partition(|stage| **stage == Stage::Configure);
    let promised = [
        ("the hook `configure`", "skiff:plugin/configuration", !configure.is_empty()),
        ("hooks", "skiff:plugin/hooks", !hooks.is_empty()),
        ("commands", "skiff:plugin/commands", !decl.commands.is_empty()),
        ("a board", "skiff:board/layouts", decl.board.is_some()),
    ];
    for (declared, export, _) in promised.into_iter().filter(|(.., wanted)| *wanted) {
        let found = exports.iter().find_map(|name| name.split_once('@').filter(|(name, _)| *name == export));
        match found {
            Some((_, version)) if serves(export, version) => {}
            Some((_, version)) => return Err(version_error(id, export, version)),
            None => {
                let manifest = decl.manifest.clone();
                return Err(LoadError::MissingExport { plugin: id.clone(), manifest, declared, export });
            }
        }
    }
    Ok(())
}

/// Says what is needed, what is present, and what would fit.
fn version_error(id: &PluginId, interface: &str, version: &str) -> LoadError {
    let package = interface.split('/').next().unwrap_or(interface);
    let needed = format!("{interface}@{version}");
    let Some(present) = present(package) else {
        return LoadError::UnknownImport { plugin: id.clone(), import: needed };
    };
    let fits = match Version::parse(version) {
        Ok(wanted) if wanted.pre.is_empty() && wanted > present => {
            format!("a newer skiff, with {package} {wanted}, or the plugin built for {package} {present}")
        }
        _ => format!("the plugin built for {package} {present}"),
    };
    LoadError::Version { plugin: id.clone(), needed, present: format!("{package} {present}"), fits }
}
