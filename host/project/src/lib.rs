//! A checkout with its settings, and what a run may do with it.
//!
//! Between the command line and the crates that do the work: it finds out what a run is about ([`Settings`] from what the
//! user says, the project file and the last configuration), whom it believes ([`Belief`]), what plugins may do
//! ([`consent`]), and makes plans, engines and runners of that ([`Session`], [`Job`]).
//!
//! This crate must not: know arguments or a terminal, read the environment, or say what the user can do about an error.
//! People are asked through [`Dialog`].

pub mod consent;
mod console;
pub mod difference;
pub mod dropped;
mod engines;
mod environment;
mod error;
pub mod explanation;
mod job;
pub mod lock;
pub mod media;
mod options;
pub mod outlook;
pub mod package;
mod planner;
mod project;
mod session;
mod settings;
mod trust;
mod work;

pub use consent::ConsentError;
pub use consent::Instead;
pub use console::AttendError;
pub use console::Consent;
pub use console::Console;
pub use console::Dialog;
pub use console::Line;
pub use environment::Ambient;
pub use environment::Environment;
pub use error::Error;
pub use error::Result;
pub use job::Job;
pub use media::MediumError;
pub use media::PersonalError;
pub use options::Options;
pub use package::PackageError;
pub use planner::Planner;
pub use project::FileProblem;
pub use project::PROJECT_FILE;
pub use project::Project;
pub use session::Session;
pub use session::SessionError;
pub use session::find_root;
pub use settings::Origin;
pub use settings::Setting;
pub use settings::Settings;
pub use trust::Belief;
pub use trust::TrustError;
pub use trust::TrustFile;
pub use trust::read_trust;
pub use trust::trust_file;
pub use work::Outcome;
pub use work::Work;
