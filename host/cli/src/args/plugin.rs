//! The arguments of `skiff plugin`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Creates a plugin from a template, in an existing layer or a new one
    New(NewPluginArgs),
    /// Builds the plugins of a layer from the sources in its directory `plugins`
    Build(BuildPluginArgs),
    /// Checks the plugins of a layer: manifest, imports, exports, versions
    Check(PluginArgs),
    /// Compares the declared capabilities of plugins with the imports of their components
    Inspect(InspectArgs),
    /// Runs the tests of plugins: native unit tests, and each recorded case in the sandbox
    Test(TestPluginArgs),
    /// Prints documentation: of the plugins of a layer, or of the contract between host and plugins
    Doc(DocArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewPluginArgs {
    /// The layer: `namespace/name`
    pub(crate) package: String,
    /// The plugin's name [default: the layer's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The language
    #[arg(long, default_value = "rust")]
    pub(crate) lang: Language,
    /// What it provides
    #[arg(long, default_value = "command")]
    pub(crate) kind: PluginKind,
    /// The directory with layers [default: the first of SKIFF_EXTRA_CONFIGS_PATH]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) layers: Option<PathBuf>,
}

/// A language with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// With the SDK
    Rust,
    C,
    Python,
    Javascript,
}

impl From<Language> for skiff_author::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Rust => Self::Rust,
            Language::C => Self::C,
            Language::Python => Self::Python,
            Language::Javascript => Self::Javascript,
        }
    }
}

impl From<PluginKind> for skiff_author::PluginKind {
    fn from(kind: PluginKind) -> Self {
        match kind {
            PluginKind::Command => Self::Command,
            PluginKind::Hook => Self::Hook,
        }
    }
}

/// What a new plugin provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PluginKind {
    /// A command: `skiff cmd <layer> greet`
    Command,
    /// A hook that writes a file into the target
    Hook,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PluginArgs {
    /// The layer, or one plugin of it: `namespace/name` or `namespace/name/plugin`
    pub(crate) plugin: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildPluginArgs {
    #[command(flatten)]
    pub(crate) plugin: PluginArgs,
    /// Trusts the sources from now on: building them can run any program, with all of your rights
    #[arg(long)]
    pub(crate) trust: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) plugin: PluginArgs,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TestPluginArgs {
    #[command(flatten)]
    pub(crate) plugin: PluginArgs,
    /// Trusts the sources from now on: their native tests run with all of your rights
    #[arg(long)]
    pub(crate) trust: bool,
    /// Runs a case with the real tools and records the result; the words behind `--` make a new case
    #[arg(long, value_name = "CASE")]
    pub(crate) record: Option<String>,
    /// The call of a new case: a command and its arguments, or `pre`, `post` or `configure`
    #[arg(last = true, requires = "record")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DocArgs {
    /// The layer, or one plugin of it
    #[arg(required_unless_present = "contract")]
    pub(crate) plugin: Option<String>,
    /// The contract between host and plugins
    #[arg(long, conflicts_with = "plugin")]
    pub(crate) contract: bool,
}
