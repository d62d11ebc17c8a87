//! Layers: finding them, reading them, putting them in order.
//!
//! A *package* is a directory `namespace/name` with documented parts (Kconfig fragments, overlay, patches,
//! metadata, plugins). A [`Layer`] is a package that takes its place in a chain; the base layers and the
//! user's overrides are layers too. Precedence is the order of [`LayerSource`], later wins:
//!
//! | source | directory |
//! | --- | --- |
//! | `BasePre` | `configs/base/pre` |
//! | `Chain` | the packages of the chain, in resolved order |
//! | `Overrides` | `overrides` |
//! | `WorkspaceOverrides` | `overrides/workspaces/<workspace>` |
//! | `BasePost` | `configs/base/post` |
//!
//! To *find* a package, a path given by `SKIFF_CONFIG_PATH_<NS>_<NAME>` beats `SKIFF_EXTRA_CONFIGS_PATH`
//! (left to right), which beats the in-tree `configs`.
//!
//! This crate only reads. It knows no Kconfig, no WASM, no environment variables and no terminal; all that is
//! ambient comes in through [`ResolveContext`].

mod capability;
mod catalog;
mod chain;
mod command;
mod context;
mod dir;
mod error;
mod file;
mod layer;
mod layer_command;
mod layer_plugin;
mod manifest;
mod metadata;
mod name;
mod needs;
mod prebuilt;
mod search_path;
mod source;
mod yaml;

pub use capability::Access;
pub use capability::Address;
pub use capability::ArgumentPattern;
pub use capability::Capability;
pub use capability::CapabilityId;
pub use capability::CapabilityKind;
pub use capability::PatternPiece;
pub use capability::Reach;
pub use capability::SHELL;
pub use capability::ToolCapability;
pub use capability::UnknownCapability;
pub use capability::Variable;
pub use capability::Why;
pub use capability::Zone;
pub use capability::is_variable;
pub use capability::shown_capabilities;
pub use catalog::Catalog;
pub use catalog::Package;
pub use chain::Chain;
pub use chain::implicit_layers;
pub use command::ArgumentDecl;
pub use command::ArgumentKind;
pub use command::CommandDecl;
pub use context::ResolveContext;
pub use dir::LayerDir;
pub use error::CatalogError;
pub use error::ChainError;
pub use error::Location;
pub use error::ReadError;
pub use file::optional_bytes;
pub use file::optional_text;
pub use layer::FragmentFile;
pub use layer::Layer;
pub use layer::MAKEFILE;
pub use layer::ShellHook;
pub use layer::TextBudget;
pub use layer_command::BoardCommand;
pub use layer_command::CommandKind;
pub use layer_command::LayerCommand;
pub use layer_plugin::Identified;
pub use layer_plugin::LayerPlugin;
pub use manifest::BoardDecl;
pub use manifest::Limits;
pub use manifest::Manifest;
pub use manifest::PluginDecl;
pub use manifest::PluginRef;
pub use manifest::PluginUse;
pub use manifest::Stage;
pub use manifest::manifest_schema;
pub use manifest::parse_manifest;
pub use metadata::parse_dependencies;
pub use name::InvalidName;
pub use name::LayerName;
pub use name::NAME_RULE;
pub use name::is_name_part;
pub use name::variable_suffix;
pub use needs::Needs;
pub use prebuilt::InitramfsScript;
pub use prebuilt::Lack;
pub use prebuilt::Prebuilt;
pub use search_path::SearchPath;
pub use source::LayerSource;
pub use yaml::bounded_yaml;
pub use yaml::parse_yaml;
