use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use semver::VersionReq;
use skiff_layers::CapabilityId;
use skiff_layers::Limits;
use skiff_layers::Location;
use skiff_layers::ReadError;
use skiff_layers::Stage;
use skiff_plan::PlanError;
use skiff_report::Cancelled;

use crate::AnswerTooLarge;
use crate::FactsError;
use crate::Late;
use crate::PluginId;
use crate::clock::WAITS;
use skiff_text::Shown as _;

/// The component host could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Wasmtime refuses the configuration.
    #[error("cannot set up the plugin engine: {0}")]
    Engine(String),
    /// The operating system refuses threads or timers.
    #[error("cannot start the plugin runtime")]
    Runtime(#[source] io::Error),
}

/// Why a component was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the component `{}` of plugin `{plugin}`", path.shown())]
    Unreadable {
        /// The plugin.
        plugin: PluginId,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than any plugin needs to be.
    #[error("the component `{}` of plugin `{plugin}` has {size} bytes, more than {limit}", path.shown())]
    TooLarge {
        /// The plugin.
        plugin: PluginId,
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// The bytes are no component.
    #[error("{manifest}: `{}` is not a WebAssembly component: {message}", path.shown())]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// The manifest that names it.
        manifest: Location,
        /// What wasmtime says.
        message: String,
    },
    /// It imports something that no plugin can have.
    #[error("plugin `{plugin}` imports `{import}`, which skiff does not offer to plugins")]
    UnknownImport {
        /// The plugin.
        plugin: PluginId,
        /// The import.
        import: String,
    },
    /// It imports an interface whose capability it does not declare.
    #[error("{manifest}: plugin `{plugin}` imports `{import}` and declares {lacks}")]
    UndeclaredImport {
        /// The plugin.
        plugin: PluginId,
        /// The import.
        import: String,
        /// The manifest.
        manifest: Location,
        /// What the manifest lacks.
        lacks: Box<str>,
    },
    /// It was built for another version of the interface.
    #[error("plugin `{plugin}` needs `{needed}`; this skiff provides {present}")]
    Version {
        /// The plugin.
        plugin: PluginId,
        /// What it needs.
        needed: String,
        /// What is there.
        present: String,
        /// What would fit.
        fits: String,
    },
    /// Compiling it takes more than a plugin may.
    #[error("compiling the component `{}` of plugin `{plugin}` takes more {what} than a plugin may", path.shown())]
    Budget {
        /// The plugin.
        plugin: PluginId,
        /// The file.
        path: PathBuf,
        /// Time or memory.
        what: &'static str,
    },
    /// The process that compiles components could not be run.
    #[error("cannot compile plugin `{plugin}`")]
    Compiler {
        /// The plugin.
        plugin: PluginId,
        /// Why.
        source: io::Error,
    },
    /// The manifest asks for an interface version that this skiff has not.
    #[error("{manifest}: plugin `{plugin}` is written for skiff:plugin {wanted}; this skiff provides {present}")]
    Interface {
        /// The plugin.
        plugin: PluginId,
        /// The manifest.
        manifest: Location,
        /// What the manifest wants.
        wanted: VersionReq,
        /// What is there.
        present: String,
    },
    /// The manifest promises hooks or commands that the component does not export.
    #[error("{manifest}: plugin `{plugin}` declares {declared} and its component does not export `{export}`")]
    MissingExport {
        /// The plugin.
        plugin: PluginId,
        /// The manifest.
        manifest: Location,
        /// "hooks" or "commands".
        declared: &'static str,
        /// The interface.
        export: &'static str,
    },
    /// An import has the right name and the wrong type.
    #[error("plugin `{plugin}` does not fit this skiff's interfaces: {message}")]
    Link {
        /// The plugin.
        plugin: PluginId,
        /// What wasmtime says.
        message: String,
    },
}

/// Why a call of a plugin came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The component was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The user has not granted all that the manifest declares.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A granted directory cannot be opened or made.
    #[error("cannot open `{}` for plugin `{plugin}`", path.shown())]
    Mount {
        /// The plugin.
        plugin: PluginId,
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The plugin reported a failure.
    #[error("{0}")]
    Failed(PluginFailure),
    /// The plugin trapped: a panic, a wrong memory access, a full stack.
    #[error("plugin `{plugin}` crashed: {message}")]
    Trap {
        /// The plugin.
        plugin: PluginId,
        /// The kind of trap.
        message: String,
    },
    /// The plugin used up its time.
    #[error("plugin `{plugin}` was stopped: it {}", longer(*limits, *late))]
    Timeout {
        /// The plugin.
        plugin: PluginId,
        /// Its limits.
        limits: Limits,
        /// Which of them it has reached.
        late: Late,
    },
    /// It asked about the system, and the plan of that cannot be made.
    #[error("plugin `{plugin}` asked about the system, which has no plan: {source}")]
    Facts {
        /// Which.
        plugin: PluginId,
        /// Why.
        source: FactsError,
    },
    /// The plugin asked the host for more than an answer may hold.
    #[error("plugin `{plugin}` was stopped: {answer}")]
    Answer {
        /// The plugin.
        plugin: PluginId,
        /// The limit.
        answer: AnswerTooLarge,
    },
    /// The plugin used up its memory.
    #[error("plugin `{plugin}` was stopped: it exceeded its memory limit of {} MiB", limits.memory_mib)]
    Memory {
        /// The plugin.
        plugin: PluginId,
        /// Its limits.
        limits: Limits,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// Another call of the plugin uses its state.
    #[error("plugin `{plugin}` is running already in this workspace")]
    Busy {
        /// The plugin.
        plugin: PluginId,
    },
    /// A layer's shell scripts would run, and the user has not agreed to that.
    #[error("`{}` of layer `{layer}` is a script that would run with all of your rights", path.shown())]
    Scripts {
        /// The layer.
        layer: String,
        /// What would run.
        path: PathBuf,
    },
    /// A script failed or could not be started.
    #[error("`{}` failed: {reason}", path.shown())]
    Script {
        /// The script.
        path: PathBuf,
        /// How it ended.
        reason: String,
    },
    /// What happens cannot be noted, so it must not happen.
    #[error("cannot write to the audit log `{}`", path.shown())]
    Audit {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Scripts cannot be read.
    #[error(transparent)]
    Unreadable(#[from] PlanError),
    /// A plugin's contribution to the configuration is none.
    #[error("plugin `{plugin}` returned an invalid fragment: {message}")]
    Contribution {
        /// The plugin.
        plugin: PluginId,
        /// What is wrong.
        message: String,
    },
    /// The plugin does not serve this stage.
    #[error("plugin `{plugin}` has no hook for the stage `{stage}`")]
    NoHook {
        /// The plugin.
        plugin: PluginId,
        /// The stage.
        stage: Stage,
    },
}

/// What a plugin reports as its failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFailure {
    /// The plugin.
    pub plugin: PluginId,
    /// Whether it is a refusal by policy.
    pub refused: bool,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
}

impl std::fmt::Display for PluginFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "plugin `{}`: ", self.plugin)?;
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// The user has not granted what a plugin declares.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{plugin}` {}", wants(missing, *changed))]
pub struct Denied {
    /// The plugin.
    pub plugin: PluginId,
    /// What is missing: the name of the capability and the reason that the manifest gives.
    pub missing: Vec<(CapabilityId, String)>,
    /// What it was granted before.
    pub held: Vec<CapabilityId>,
    /// Whether other bytes of it were granted something.
    pub changed: bool,
}

impl Denied {
    /// Returns the command that grants it.
    pub fn grant_line(&self) -> String {
        if self.missing.is_empty() {
            return format!("skiff grant add {} --all", self.plugin);
        }
        // An address may hold what means something to a shell.
        let quoted = |(id, _): &(CapabilityId, String)| {
            let name = id.shown();
            shlex::try_quote(name).map_or_else(|_| name.to_owned(), Cow::into_owned)
        };
        let names: Vec<String> = self.missing.iter().map(quoted).collect();
        format!("skiff grant add {} {}", self.plugin, names.join(" "))
    }
}

fn longer(limits: Limits, late: Late) -> String {
    match late {
        Late::Computed => format!("worked longer than the {} s that it may", limits.time_s),
        Late::Waited => format!("waited longer than the {} s that it may", limits.time_s * WAITS),
    }
}

fn wants(missing: &[(CapabilityId, String)], changed: bool) -> String {
    let names: Vec<String> = missing.iter().map(|(id, why)| format!("`{}` ({why})", id.shown())).collect();
    match (changed, names.is_empty()) {
        (false, true) => "is not granted to run (it asks for nothing else)".into(),
        (false, false) => format!("is not granted {}", names.join(", ")),
        (true, true) => "has changed since it was granted what it asks for".into(),
        (true, false) => format!("has changed and asks for more than it was granted: {}", names.join(", ")),
    }
}

/// Why a file with grants could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The file system refused.
    #[error("cannot access `{}`", path.shown())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no file that can be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file does not have the documented shape.
    #[error("{}{}: {message}", path.shown(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, where known.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
}
