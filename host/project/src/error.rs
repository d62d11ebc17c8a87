use skiff_build::BuildrootError;
use skiff_build::EngineError;
use skiff_build::FileError;
use skiff_build::LockError;
use skiff_build::LockFileError;
use skiff_build::MemoryError;
use skiff_build::OpenError;
use skiff_build::PrebuiltError;
use skiff_build::RecordError;
use skiff_build::WorkspaceError;
use skiff_flash::ContentError;
use skiff_flash::InstallError;
use skiff_flash::Refusal;
use skiff_flash::SelectError;
use skiff_layers::CatalogError;
use skiff_layers::ChainError;
use skiff_layers::InvalidName;
use skiff_layers::ReadError;
use skiff_plan::HookFailure;
use skiff_plan::InvalidWorkspace;
use skiff_plan::PlanError;
use skiff_plan::TargetError;
use skiff_runtime::CallError;
use skiff_runtime::Denied;
use skiff_runtime::GrantError;
use skiff_runtime::HostError;
use skiff_runtime::LoadError;
use skiff_trust::PrivateError;

use crate::AttendError;
use crate::ConsentError;
use crate::FileProblem;
use crate::MediumError;
use crate::PackageError;
use crate::PersonalError;
use crate::SessionError;
use crate::TrustError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run does not get to what it was asked for: what this crate finds wrong, and what the crates below it do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is what its type says")]
pub enum Error {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Project(#[from] FileProblem),
    #[error(transparent)]
    Consent(#[from] ConsentError),
    #[error(transparent)]
    Attend(#[from] AttendError),
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error(transparent)]
    Medium(#[from] MediumError),
    #[error(transparent)]
    Personal(#[from] PersonalError),
    #[error(transparent)]
    Private(#[from] PrivateError),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Plan(Box<PlanError>),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Workspace(#[from] InvalidWorkspace),
    #[error(transparent)]
    Claim(#[from] WorkspaceError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    LockFile(#[from] LockFileError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Engine(Box<EngineError>),
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Load(Box<LoadError>),
    #[error(transparent)]
    Call(Box<CallError>),
    #[error(transparent)]
    Hook(#[from] HookFailure),
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Content(Box<ContentError>),
    #[error(transparent)]
    Install(Box<InstallError>),
    #[error(transparent)]
    OpenMedium(#[from] skiff_flash::OpenError),
}

/// Large errors are kept elsewhere, so that a result is small.
macro_rules! boxed {
    ($($variant:ident($error:ty)),* $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(Box::new(error))
            }
        })*
    };
}

boxed!(
    Call(CallError),
    Content(ContentError),
    Engine(EngineError),
    Install(InstallError),
    Load(LoadError),
    Plan(PlanError),
);

impl From<BuildrootError> for Error {
    fn from(error: BuildrootError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<PrebuiltError> for Error {
    fn from(error: PrebuiltError) -> Self {
        EngineError::from(error).into()
    }
}
