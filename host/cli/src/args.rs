use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;

/// Builds small Linux systems for any board from layers of configuration.
///
/// Without a command: shows the state of the workspace and what can be done next.
#[derive(Debug, Parser)]
#[command(name = "skiff", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What most commands need to know.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GlobalArgs {
    /// The chain of packages, separated by commas; the remembered one if it is not given
    #[arg(long, short, global = true, env = "SKIFF_CONFIG", value_name = "CHAIN", hide_env_values = true)]
    pub(crate) config: Option<String>,
    /// The workspace
    #[arg(long, short, global = true, env = "SKIFF_WORKSPACE", value_name = "NAME", hide_env_values = true)]
    pub(crate) workspace: Option<String>,
    /// The skiff checkout: the folder with `configs` and `overrides`; found from the current folder
    #[arg(long, global = true, env = "SKIFF_ROOT_DIR", value_name = "FOLDER", hide_env_values = true)]
    pub(crate) root: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the workspace, the chain, all packages and the commands to type next
    Status,
    /// Lists all packages on the search path
    List(ListArgs),
    /// Shows what a chain comes to, without changing anything
    Plan(PlanArgs),
    /// Merges the layers of the chain into the workspace and remembers the chain
    Configure(ConfigureArgs),
    /// Builds the configured system
    Compile(CompileArgs),
    /// Configures and builds
    Build(BuildArgs),
    /// Runs a command that a layer provides: `skiff cmd virt/qemu run`
    #[command(disable_help_flag = true)]
    Cmd(CmdArgs),
    /// Runs a target of Buildroot, such as `menuconfig`
    Br(BrArgs),
    /// Shows, gives and takes back what plugins may do
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Removes the outputs of the workspace; its package lock, its configuration and the state of its plugins
    /// stay
    Clean(CleanArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Also those that hide themselves because other packages bring them
    #[arg(long)]
    pub(crate) all: bool,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The whole plan as JSON, in the documented form
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConfigureArgs {
    /// Leave out lines of fragments that are no assignments instead of refusing them
    #[arg(long)]
    pub(crate) ignore_broken_lines: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompileArgs {
    /// Look for newer packages than the locked ones
    #[arg(long)]
    pub(crate) update: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) configure: ConfigureArgs,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CmdArgs {
    /// The package and the command (`virt/qemu run` or `virt/qemu/run`), then the command's own arguments;
    /// `--help` after them explains those
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PACKAGE COMMAND [ARGUMENTS]")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BrArgs {
    /// The targets
    #[arg(required = true)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Shows each plugin of the chain with what it declares and what is granted
    List,
    /// Grants capabilities to a plugin, bound to its present bytes
    Add(GrantAddArgs),
    /// Takes all grants of a plugin back
    Revoke {
        /// The plugin: `<layer>/<name>`
        plugin: String,
        #[command(flatten)]
        file: GrantFileArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantAddArgs {
    /// The plugin: `<layer>/<name>`
    pub(crate) plugin: String,
    /// The capabilities, as `skiff grant list` names them
    #[arg(required_unless_present = "all")]
    pub(crate) capabilities: Vec<String>,
    /// Everything that its manifest declares
    #[arg(long, conflicts_with = "capabilities")]
    pub(crate) all: bool,
    /// The compiler that made the component, to be noted
    #[arg(long, hide = true)]
    pub(crate) compiler: Option<String>,
    #[command(flatten)]
    pub(crate) file: GrantFileArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantFileArgs {
    /// Write to `skiff.lock` of the checkout, for those who ship plugins in it, instead of
    /// `overrides/grants.yaml`
    #[arg(long)]
    pub(crate) ship: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CleanArgs {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}
