mod author;
mod engine;
mod media;
mod project;
mod source;

use std::error::Error;
use std::fmt::Display;
use std::io;

use crate::output::note;
use skiff_build::ConfigureError;
use skiff_build::FileError;
use skiff_build::LockError;
use skiff_build::WorkspaceError;
use skiff_layers::CatalogError;
use skiff_layers::ChainError;
use skiff_layers::InvalidName;
use skiff_layers::LayerName;
use skiff_layers::ReadError;
use skiff_plan::HookFailure;
use skiff_plan::InvalidWorkspace;
use skiff_plan::PlanError;
use skiff_plan::TargetError;
use skiff_plan::UserError;
use skiff_plan::UserFault;
use skiff_runtime::CallError;
use skiff_runtime::Denied;
use skiff_runtime::GrantError;
use skiff_runtime::HostError;
use skiff_runtime::LoadError;
use skiff_text::Shown as _;
use skiff_text::indented;

/// The class of an error, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The user's input or a file of the user's is wrong, or the machine refuses.
    User,
    /// The command line is wrong.
    Usage,
    /// Policy says no: something was not granted.
    Refused,
    /// A fault in skiff.
    Bug,
    /// The user asked to stop.
    Cancelled,
}

/// Whether a full disk is behind an error.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::StorageFull) {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error on its way to the user: what happened, why, and what to do about it.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: Kind,
    message: String,
    hints: Vec<String>,
}

pub(crate) type Result<T, E = CommandError> = std::result::Result<T, E>;

impl CommandError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Makes an error of a library's error and the causes behind it.
    fn of(kind: Kind, error: &(dyn Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        let plain = Self::new(kind, message);
        if is_full(error) {
            plain.hint("make room on that disk; nothing of the last good state is lost")
        } else {
            plain
        }
    }

    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Prints the error.
    pub(crate) fn report(&self) {
        note!("\x1b[1;31merror:\x1b[0m {}", indented(&self.message));
        for hint in &self.hints {
            note!("\x1b[1;36mhint:\x1b[0m {}", indented(hint));
        }
        if self.kind == Kind::Bug {
            note!("\x1b[1;36mhint:\x1b[0m this is a fault in skiff; please report it with this output");
        }
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            Kind::User => 1,
            Kind::Usage => 2,
            Kind::Refused => 77,
            Kind::Bug => 101,
            Kind::Cancelled => 130,
        }
    }
}

/// A word of a command line that a hint proposes, quoted where the shell would take it apart.
pub(crate) fn quoted(word: &str) -> String {
    let quoted = shlex::try_quote(word).map_or_else(|_| word.to_owned(), |text| text.into_owned());
    skiff_text::shown(&quoted).to_string()
}

impl From<CatalogError> for CommandError {
    fn from(error: CatalogError) -> Self {
        Self::of(Kind::User, &error).hint("run skiff inside its checkout, or set SKIFF_ROOT_DIR to it")
    }
}

impl From<ChainError> for CommandError {
    fn from(error: ChainError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            ChainError::Empty => plain.hint("name packages: SKIFF_CONFIG=virt/qemu skiff configure"),
            ChainError::InvalidName(_) => plain.hint("`skiff list` shows all packages"),
            ChainError::Unknown { similar, .. } if similar.is_empty() => plain.hint(
                "`skiff list --all` shows all packages; SKIFF_EXTRA_CONFIGS_PATH names further directories with packages",
            ),
            ChainError::Unknown { similar, .. } => plain.hint(format!("similar names: {}", alternatives(&similar))),
            ChainError::MissingFolder { variable, .. } => plain.hint(format!("set {variable} to the package's directory")),
            ChainError::TooLong { .. } => plain.hint("`skiff why` shows who needs what"),
            ChainError::Cycle { at, .. } => {
                plain.hint(format!("take one of these dependencies out, such as that in {at}"))
            }
            ChainError::Excluded { first, second, .. } => {
                plain.hint(format!("leave `{first}` or `{second}` out of the chain, and what depends on it"))
            }
            ChainError::Read(error) => error.into(),
            ChainError::Catalog(error) => error.into(),
            ChainError::Reserved { .. } => plain.hint("base layers and overrides are in every chain; leave it out"),
            ChainError::Twice { .. } | ChainError::Namesakes { .. } => plain.hint("rename one of them"),
        }
    }
}

fn alternatives(names: &[LayerName]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            ReadError::Io { .. } => plain.hint("check that the file can be read"),
            ReadError::NotAFile { .. } => plain.hint("move it out of the directory"),
            ReadError::LeadsOut { .. } => {
                plain.hint("copy what it leads to into the layer; links between packages of one tree are followed")
            }
            ReadError::TooLarge { .. } | ReadError::TooMuch { .. } => {
                plain.hint("a layer holds settings and small files; put large ones into `resources`")
            }
            ReadError::BadDependency { .. } => {
                plain.hint("write `namespace/name`, several of them separated by commas or line ends")
            }
            ReadError::IncompleteExtension { missing, .. } => plain.hint(format!(
                "make the file `{missing}`: Buildroot needs external.desc (with `name: NAME`), external.mk and Config.in"
            )),
            ReadError::Yaml { .. } | ReadError::Manifest { .. } => {
                plain.hint("configs/README.md describes this file")
            }
        }
    }
}

impl From<InvalidName> for CommandError {
    fn from(error: InvalidName) -> Self {
        Self::new(Kind::Usage, error.to_string())
    }
}

impl From<PlanError> for CommandError {
    fn from(error: PlanError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            PlanError::Read(error) => error.into(),
            PlanError::Cancelled(_) => Self::new(Kind::Cancelled, "cancelled; nothing was changed"),
            PlanError::TooMuch { .. } => plain.hint("take what is not needed out of the layer"),
            PlanError::Input { .. } => {
                plain.hint("a layer holds only files, directories and symbolic links that can be read")
            }
            PlanError::User(error) => users(plain, &error),
            PlanError::Contribution { .. } => plain.hint("this is a fault in the plugin"),
            PlanError::MissingComponent { layer, plugin, component, .. } => {
                let sources = component.with_file_name(&plugin);
                match sources.is_dir() {
                    true => plain.hint(format!("build it: skiff plugin build {layer}/{plugin}")),
                    false => plain.hint(format!("build the plugin and put it at {}", component.shown())),
                }
            }
        }
    }
}

/// Says how to write a line of a users table.
fn users(plain: CommandError, error: &UserError) -> CommandError {
    let plain = match (error.cut, &error.fault) {
        (true, _) => {
            plain.hint("a `#` starts a comment, also inside of a password: write the password without it, or encrypted")
        }
        (_, UserFault::Root) => plain.hint("set root's password with BR2_TARGET_GENERIC_ROOT_PASSWD"),
        (_, UserFault::Password) => plain.hint("write the password encrypted: mkpasswd -m sha-512"),
        _ => plain,
    };
    plain.hint("write: name uid group gid password home shell groups comment; of a group alone: - -1 group gid")
}

impl From<ConfigureError> for CommandError {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::File(error) => error.into(),
            ConfigureError::Workspace(error) => error.into(),
            ConfigureError::Memory(error) => error.into(),
            ConfigureError::Engine(error) => error.into(),
            // The command `configure` shows the settings with their places.
            ConfigureError::Strict { .. } => Self::of(Kind::User, &error),
        }
    }
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        // Long work on a tree ends so when the user asks for it.
        match error.source.kind() {
            io::ErrorKind::Interrupted => Self::new(Kind::Cancelled, "cancelled"),
            _ => Self::of(Kind::User, &error),
        }
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::File(error) => error.into(),
            LockError::Busy { .. } => {
                Self::of(Kind::User, &error).hint("wait for it, or use another workspace: SKIFF_WORKSPACE=<name>")
            }
        }
    }
}

impl From<WorkspaceError> for CommandError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::File(error) => error.into(),
            WorkspaceError::Foreign(_) => Self::of(Kind::User, &error)
                .hint("use another workspace or SKIFF_WORKSPACES_DIR, or move that directory away"),
        }
    }
}

impl From<TargetError> for CommandError {
    fn from(error: TargetError) -> Self {
        let assignment = &error.assignment;
        Self::of(Kind::User, &error).hint(format!("write {}=\"{}\"", assignment.symbol, assignment.value.text()))
    }
}

impl From<InvalidWorkspace> for CommandError {
    fn from(error: InvalidWorkspace) -> Self {
        Self::of(Kind::Usage, &error).hint("such as: SKIFF_WORKSPACE=boat-1")
    }
}

impl From<GrantError> for CommandError {
    fn from(error: GrantError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            GrantError::Io { .. } => plain.hint("check that the file can be read and its directory be written"),
            GrantError::Read(error) => error.into(),
            GrantError::Malformed { path, .. } => plain.hint(format!(
                "mend it, or delete {} and grant again: skiff grant list shows what is wanted",
                path.shown()
            )),
        }
    }
}

impl From<skiff_draw::DrawError> for CommandError {
    fn from(error: skiff_draw::DrawError) -> Self {
        Self::of(Kind::Bug, &error)
    }
}

impl From<HostError> for CommandError {
    fn from(error: HostError) -> Self {
        Self::of(Kind::Bug, &error)
    }
}

impl From<LoadError> for CommandError {
    fn from(error: LoadError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            LoadError::Unreadable { .. } => plain.hint("check that the file can be read"),
            LoadError::TooLarge { .. } => plain.hint("build it in release mode and strip it"),
            LoadError::NotAComponent { .. } => {
                plain.hint("build it for the target wasm32-wasip2; sdk/README.md shows how")
            }
            LoadError::UnknownImport { .. } => {
                plain.hint("plugins get skiff:host and the files they declare; the network is not among it")
            }
            LoadError::UndeclaredImport { .. } => {
                plain.hint("declare under `capabilities` what it needs it for, or do not use it")
            }
            LoadError::Version { fits, .. } => plain.hint(format!("what would fit: {fits}")),
            LoadError::Interface { .. } => plain.hint("use a skiff or a version of the plugin that fits"),
            LoadError::Budget { .. } => plain
                .hint("the component may be built to exhaust the compiler; rebuild it from source or ask its author"),
            LoadError::Compiler { .. } => plain.hint("there may be too little memory, or too many processes"),
            LoadError::MissingExport { .. } => {
                plain.hint("export it with export_hook! or export_command! of the SDK, or take it out of the manifest")
            }
            LoadError::Link { .. } => plain.hint("build it again with the SDK of this skiff"),
        }
    }
}

impl From<Denied> for CommandError {
    fn from(error: Denied) -> Self {
        let line = error.grant_line();
        Self::of(Kind::Refused, &error).hint(format!("if you want that, run: {line}"))
    }
}

impl From<CallError> for CommandError {
    fn from(error: CallError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            CallError::Load(error) => error.into(),
            CallError::Denied(error) => error.into(),
            CallError::Cancelled(_) => Self::new(Kind::Cancelled, "cancelled"),
            CallError::Failed(failure) => {
                let kind = if failure.refused { Kind::Refused } else { Kind::User };
                let plain = Self { kind, ..plain };
                failure.hint.iter().fold(plain, |error, hint| error.hint(format!("(from the plugin) {hint}")))
            }
            CallError::Timeout { limits, .. } => plain.hint(format!(
                "if it needs more, raise `time_s` (now {}) under `limits` in its manifest",
                limits.time_s
            )),
            CallError::Facts { .. } => plain.hint("`skiff plan` shows what is wrong with the chain"),
            CallError::Answer { .. } => plain
                .hint("ask for less at a time: the plugin's author can split the call, or close listings after use"),
            CallError::Memory { limits, .. } => plain.hint(format!(
                "if it needs more, raise `memory_mib` (now {}) under `limits` in its manifest",
                limits.memory_mib
            )),
            CallError::Trap { .. } => plain.hint("report this to the author of the plugin, with its output above"),
            CallError::Mount { .. } => plain.hint("check that the directory is one and can be read"),
            CallError::Busy { .. } => plain.hint("end that first, or use another workspace: SKIFF_WORKSPACE=<name>"),
            CallError::Scripts { layer, .. } => Self { kind: Kind::Refused, ..plain }
                .hint(format!(
                    "read what the scripts of the layer do, and if you want that, run: skiff grant add {layer} shell"
                ))
                .hint("better, ask the layer's author for a plugin, which can do only what you grant"),
            CallError::Script { .. } => plain.hint("what it printed stands above"),
            CallError::Unreadable(error) => error.into(),
            CallError::Contribution { .. } => plain.hint("this is a fault in the plugin"),
            CallError::Audit { .. } => {
                plain.hint("free space on the disk of the audit log: df; skiff runs no tool that it cannot record")
            }
            CallError::NoHook { .. } => plain,
        }
    }
}

impl From<HookFailure> for CommandError {
    fn from(failure: HookFailure) -> Self {
        let place = format!(", which is the {} hook of layer `{}`", failure.stage, failure.layer);
        match failure.source.downcast::<CallError>() {
            // The path of a script says all that.
            Ok(error) if matches!(*error, CallError::Scripts { .. } | CallError::Script { .. }) => Self::from(*error),
            Ok(error) => {
                let mut error = Self::from(*error);
                error.message += &place;
                error
            }
            Err(source) => Self::of(Kind::User, source.as_ref()),
        }
    }
}
