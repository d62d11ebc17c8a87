//! What a run as a whole finds wrong, and what the user can do about it.

use skiff_build::EngineName;
use skiff_layers::ChainError;
use skiff_layers::shown_capabilities;
use skiff_project::AttendError;
use skiff_project::ConsentError;
use skiff_project::Error;
use skiff_project::FileProblem;
use skiff_project::Instead;
use skiff_project::MediumError;
use skiff_project::PackageError;
use skiff_project::PersonalError;
use skiff_project::SessionError;
use skiff_project::TrustError;
use skiff_text::Shown as _;
use skiff_trust::Untrusted;

use super::CommandError;
use super::Kind;
use super::quoted;

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        match error {
            Error::Session(error) => error.into(),
            Error::Trust(error) => error.into(),
            Error::Project(error) => error.into(),
            Error::Consent(error) => error.into(),
            Error::Attend(error) => error.into(),
            Error::Package(error) => error.into(),
            Error::Medium(error) => error.into(),
            Error::Personal(error) => error.into(),
            Error::Private(error) => error.into(),
            Error::Name(error) => error.into(),
            Error::Read(error) => error.into(),
            Error::Catalog(error) => error.into(),
            Error::Chain(error) => error.into(),
            Error::Plan(error) => (*error).into(),
            Error::Target(error) => error.into(),
            Error::Workspace(error) => error.into(),
            Error::Claim(error) => error.into(),
            Error::File(error) => error.into(),
            Error::Memory(error) => error.into(),
            Error::Record(error) => error.into(),
            Error::Lock(error) => error.into(),
            Error::LockFile(error) => error.into(),
            Error::Open(error) => error.into(),
            Error::Engine(error) => (*error).into(),
            Error::Grant(error) => error.into(),
            Error::Denied(error) => error.into(),
            Error::Host(error) => error.into(),
            Error::Load(error) => (*error).into(),
            Error::Call(error) => (*error).into(),
            Error::Hook(error) => error.into(),
            Error::Select(error) => error.into(),
            Error::Refusal(error) => error.into(),
            Error::Content(error) => (*error).into(),
            Error::Install(error) => (*error).into(),
            Error::OpenMedium(error) => error.into(),
        }
    }
}

impl From<SessionError> for CommandError {
    fn from(error: SessionError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            SessionError::NoCheckout => plain.hint("run skiff inside its checkout, or set SKIFF_ROOT_DIR to it"),
            SessionError::OtherCheckout(_) => plain.hint("it holds the directory configs/base/pre"),
            SessionError::NoBase(_) => plain.hint(
                "SKIFF_BASE_CONFIGS_DIR names the folder, or did when the workspace was configured; set it to another, \
                 or to nothing for those of the checkout",
            ),
            SessionError::NoChain => {
                plain.hint("name packages: SKIFF_CONFIG=virt/qemu skiff configure; `skiff list` shows them all")
            }
            SessionError::Chain { error, chains } => chain(error, &chains),
            SessionError::NoEngine(_) => {
                Self { kind: Kind::Usage, ..plain }.hint(format!("there are {}", EngineName::list("and")))
            }
            SessionError::NoBuildSystem { other: Some(other), .. } => plain.hint(format!(
                "a workspace of its own for {}: skiff -w another --engine {} configure",
                other.title, other.name
            )),
            SessionError::NoBuildSystem { other: None, .. } => plain,
            SessionError::LostBuildSystem(_) => Self { kind: Kind::Bug, ..plain },
            SessionError::NoProgram => Self { kind: Kind::Bug, ..plain },
            SessionError::Workspaces { .. } => plain.hint("SKIFF_WORKSPACES_DIR names another"),
            SessionError::Epoch(_) => Self { kind: Kind::Usage, ..plain },
            SessionError::NoCache => plain.hint("set SKIFF_CACHE_DIR to a directory that only you can write to"),
            SessionError::Audit { .. } => {
                plain.hint("free space on the disk of the audit log: df; skiff runs no tool that it cannot record")
            }
        }
    }
}

/// Names the chains of the project file, one of which may be meant.
fn chain(error: ChainError, chains: &[String]) -> CommandError {
    let plain = CommandError::from(error);
    match chains.is_empty() {
        true => plain,
        false => plain.hint(format!("the chains of the project file are: {}", chains.join(", "))),
    }
}

impl From<TrustError> for CommandError {
    fn from(error: TrustError) -> Self {
        let plain = Self::of(Kind::Refused, &error);
        match error {
            TrustError::Untrusted { error, .. } => plain.hint(trusting(&error)),
            TrustError::ForeignList(error) => plain.hint(match error.path.to_str() {
                Some(path) => format!("read it, then delete it, or make it yours alone: {}", quoted(path)),
                None => "delete it, or make it yours alone".to_owned(),
            }),
            TrustError::Cancelled => Self { kind: Kind::Cancelled, ..plain },
            TrustError::List(_) => {
                Self { kind: Kind::User, ..plain }.hint("`skiff trust list` shows it; delete it to trust nothing")
            }
            TrustError::Read(error) => error.into(),
        }
    }
}

/// Says which line makes something trusted.
fn trusting(error: &Untrusted) -> String {
    // What is shown of other names is not what they are.
    let shown = error.path.shown().to_string();
    match error.path.to_str().filter(|path| *path == shown) {
        Some(path) => format!("if you trust all that lies there, run: skiff trust add {}", quoted(path)),
        None => "give it a name of letters that can be typed, then `skiff trust add` can name it".to_owned(),
    }
}

impl From<FileProblem> for CommandError {
    fn from(error: FileProblem) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            FileProblem::Hidden { .. } => {
                plain.hint("it may protect devices; SKIFF_PROJECT names another project file")
            }
            FileProblem::Unreadable { .. } => plain.hint("check that the file can be read"),
            FileProblem::Wrong(_) => plain.hint("docs/project.md shows what a project file may say"),
            FileProblem::TooLong(_) => plain.hint("no system has so many layers: look at the chains that it contains"),
            FileProblem::Cycle(_) => plain.hint("take it out of its own definition"),
            FileProblem::Unknown(_) => plain.hint("`skiff list` shows all packages"),
        }
    }
}

impl From<ConsentError> for CommandError {
    fn from(error: ConsentError) -> Self {
        let plain = Self::of(Kind::Usage, &error);
        match error {
            ConsentError::NoCapability(_) => plain.hint("write PLUGIN=all, or PLUGIN=CAPABILITY,CAPABILITY"),
            ConsentError::Undeclared { id, declared, .. } => match declared.is_empty() {
                true => plain.hint(format!("it declares nothing; to let it run: --allow {id}=all")),
                false => plain.hint(format!("it declares: {}", shown_capabilities(&declared))),
            },
            ConsentError::NoPlugin { instead, .. } => plain.hint(match instead {
                Instead::Form => "a plugin is named NAMESPACE/PACKAGE/PLUGIN, as `skiff grant list` shows it; \
                                  scripts of a layer are allowed by: skiff grant add LAYER shell"
                    .to_owned(),
                Instead::Layer(name) => format!("the layer is written `{name}`"),
                Instead::Plugins { layer, names } if names.is_empty() => format!("`{layer}` has no plugins"),
                Instead::Plugins { layer, names } => format!("`{layer}` has: {}", names.join(", ")),
            }),
            ConsentError::NoLayer { .. } => {
                plain.hint("`skiff grant list` shows the plugins of the chain, `skiff list --all` all packages")
            }
            ConsentError::NoFile(_) => {
                Self { kind: Kind::User, ..plain }.hint("`skiff grant add` writes such a file: overrides/grants.yaml")
            }
        }
    }
}

impl From<AttendError> for CommandError {
    fn from(error: AttendError) -> Self {
        Self::of(Kind::Usage, &error).hint(format!("run: {}", error.without))
    }
}

impl From<PackageError> for CommandError {
    fn from(error: PackageError) -> Self {
        let plain = Self::of(Kind::Usage, &error);
        match error {
            PackageError::Ambiguous { name, owners, .. } => {
                let lines: Vec<String> = owners.iter().map(|owner| format!("skiff cmd {owner} {name}")).collect();
                plain.hint(format!("name one: {}", lines.join(", or ")))
            }
            PackageError::Value { .. } | PackageError::Missing(_) => plain,
        }
    }
}

impl From<MediumError> for CommandError {
    fn from(error: MediumError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            MediumError::Unnamed { variable } => {
                let plain = Self { kind: Kind::Usage, ..plain }.hint("`skiff device list` shows those of this machine");
                match variable {
                    Some(name) => {
                        plain.hint(format!("name it with --device /dev/disk/by-id/…, or in the variable {name}"))
                    }
                    None => plain.hint("name it with --device /dev/disk/by-id/…"),
                }
            }
            MediumError::InUse { .. } => {
                Self { kind: Kind::Refused, ..plain }.hint("detach it first: losetup --detach")
            }
            MediumError::Devices(_) => plain.hint("they are read from /sys/class/block"),
            MediumError::NoBoard(_) => plain.hint("one says `board: true` in metadata/plugins.yaml"),
            MediumError::OtherChain { chain, .. } => {
                plain.hint(format!("build this one in a workspace of its own: skiff -w WORKSPACE -c {chain} build"))
            }
            MediumError::Unopened { .. } => plain.hint("devices are root's: sudo, or a rule of udev"),
            MediumError::Changed(_) => Self { kind: Kind::Refused, ..plain }.hint("look at it, and try again"),
            MediumError::Busy(_) => plain.hint("wait for the other to end"),
            MediumError::Write { .. } => {
                plain.hint("the medium still boots the old system or the new one; install again")
            }
            MediumError::Map(_) => plain.hint("it would no longer fit; nothing was written"),
        }
    }
}

impl From<PersonalError> for CommandError {
    fn from(error: PersonalError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            PersonalError::NoPartition => plain.hint("personal settings go to the last partition with ext4"),
            PersonalError::Hostname(_) => plain.hint("letters, digits and `-`, 63 at most"),
            PersonalError::NoKey(_) => plain.hint("public keys are in files that end with .pub"),
            PersonalError::Locked(_) => plain.hint("build once without `--locked`"),
            PersonalError::NoVariable { .. } => plain.hint("set it for this run"),
            PersonalError::Passwords(_) => plain.hint("see `personalize:` in docs/media.md"),
            PersonalError::NoPassword(_) => Self { kind: Kind::Usage, ..plain }
                .hint("in a file: --wifi-password-file, or in the variable SKIFF_WIFI_PASSWORD"),
            PersonalError::Network(_) => plain.hint("a name has up to 32 bytes, a password 8 to 63 characters"),
            PersonalError::Unreadable { path, .. } | PersonalError::Unwritable { path, .. } => {
                plain.hint(format!("look at it: ls -l {}", quoted(&path.to_string_lossy())))
            }
        }
    }
}
