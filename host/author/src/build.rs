use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use skiff_digest::Digest;
use skiff_layers::Layer;
use skiff_layers::PluginDecl;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_runtime::PluginId;

use crate::source::Source;
use skiff_project::Session;

use crate::error::Error;
use crate::error::Result;
use skiff_text::Shown as _;

/// The status of a build script that lacks a program, as sysexits.h has it (`EX_UNAVAILABLE`).
const UNAVAILABLE: i32 = 69;

/// A component that was built.
#[derive(Debug)]
pub struct BuiltPlugin {
    /// Where it is.
    pub component: PathBuf,
    /// Its size in bytes.
    pub size: usize,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Why a plugin is not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildFault {
    /// A file or directory cannot be used.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The program that builds cannot be run.
    #[error("{}: {error}", program.shown())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The compiler of its language is not there; what the build says.
    #[error("its compiler is missing\n{0}")]
    NoCompiler(String),
    /// The sources are wrong.
    #[error("{} has failed:\n{said}", program.shown())]
    Failed {
        /// The program that builds.
        program: PathBuf,
        /// What it says.
        said: String,
    },
}

/// Builds a plugin from its sources, which the user has to trust.
///
/// # Errors
/// If the sources are not trusted, or cannot be built.
pub fn build(session: &Session, layer: &Layer, plugin: &PluginDecl, trust: bool) -> Result<BuiltPlugin> {
    let source = Source::find(layer, plugin)?;
    let id = PluginId::new(&layer.name, &plugin.name);
    source.trust(session, id.as_str(), trust)?;
    let failed = |fault: BuildFault| Error::Build { plugin: id.clone(), fault };
    let broken = |error: io::Error| failed(error.into());
    let component = &plugin.component;
    let folder = component.parent().unwrap_or(&source.folder);
    fs::create_dir_all(folder).map_err(broken)?;
    // The old component stays until there is a new one.
    let staging = tempfile::Builder::new().prefix(".new-").tempdir_in(folder);
    let staging = staging.map_err(broken)?;
    let new = staging.path().join("plugin.wasm");
    session.belief.check_linked_tree("the SDK", &session.root.join("sdk"))?;
    let cache = source.compiler_cache(session)?;
    let builder = session.root.join("sdk/build").join(source.language.as_str());
    let task = Task::start(&session.console.reporter, &format!("Building {id}"), Unit::Items, None);
    let mut command = Command::new(&builder);
    command.arg(&source.folder).arg(&new).env("SKIFF_CACHE_DIR", cache);
    if session.policy.offline {
        command.env("SKIFF_OFFLINE", "1");
    }
    let output = session.console.passing(|| command.output());
    drop(task);
    let output = output.map_err(|error| failed(BuildFault::Program { program: builder.clone(), error }))?;
    if session.console.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.code() == Some(UNAVAILABLE) {
            return Err(failed(BuildFault::NoCompiler(said)));
        }
        return Err(failed(BuildFault::Failed { program: builder, said }));
    }
    let bytes = fs::read(&new).map_err(broken)?;
    fs::rename(&new, component).map_err(broken)?;
    Ok(BuiltPlugin { component: component.clone(), size: bytes.len(), digest: Digest::of(&bytes) })
}
