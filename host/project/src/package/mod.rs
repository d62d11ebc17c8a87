//! What can be asked of a package: its own commands, and those of the packages that it needs.

mod argument;
mod chain;
mod command;
mod offer;

use skiff_layers::LayerName;

pub use argument::read_value;
pub use chain::CommandChain;
pub use command::PackageCommand;
pub use command::by_itself;
pub use command::may_write;
pub use command::of_package;
pub use command::uses_workspace;
pub use offer::Offer;
pub use offer::declared;
pub use offer::offers;
pub use offer::offers_in;
pub use offer::owner_of;

/// Why a package does not have what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Several packages that it needs, all equally near, have a command of that name.
    #[error("`{package}` needs {}, and each of them has a command `{name}`", listed(owners))]
    Ambiguous {
        /// The package that was asked.
        package: LayerName,
        /// The command.
        name: String,
        /// Those that have it.
        owners: Vec<LayerName>,
    },
    /// An argument of a command has a value of another kind.
    #[error("--{name} is `{text}`, {what}")]
    Value {
        /// The argument.
        name: String,
        /// Its value.
        text: String,
        /// What is wrong with it.
        what: String,
    },
    /// An argument of a command is missing.
    #[error("the argument --{0} is missing")]
    Missing(String),
}

fn listed(owners: &[LayerName]) -> String {
    owners.iter().map(|owner| format!("`{owner}`")).collect::<Vec<_>>().join(" and ")
}
