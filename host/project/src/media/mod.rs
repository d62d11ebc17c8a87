//! Media: the chosen device or file, its contents, and personal settings.

mod board;
mod map;
mod medium;
mod opened;
mod personal;
mod watch;

pub use board::Board;
pub use map::forget_maps;
pub use medium::Chosen;
pub use medium::MACHINE;
pub use medium::MediumError;
pub use medium::choose;
pub use medium::devices;
pub use medium::rules;
pub use opened::Opened;
pub use opened::look;
pub use opened::scratch;
pub use personal::GivenPersonal;
pub use personal::Personal;
pub use personal::PersonalError;
pub use personal::keep_keys;
pub use personal::personalize;
pub use watch::TaskWatch;
