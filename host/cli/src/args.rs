mod given;
mod media;
mod plugin;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::builder::FalseyValueParser;
use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser as _;

pub(crate) use self::given::Unread;
pub(crate) use self::given::hint;
pub(crate) use self::media::BuildImageArgs;
pub(crate) use self::media::DeviceCommand;
pub(crate) use self::media::FlashArgs;
pub(crate) use self::media::FormatArgs;
pub(crate) use self::media::InstallArgs;
pub(crate) use self::media::Intent;
pub(crate) use self::media::LayoutArgs;
pub(crate) use self::media::ViewArgs;
pub(crate) use self::plugin::BuildPluginArgs;
pub(crate) use self::plugin::DocArgs;
pub(crate) use self::plugin::InspectArgs;
pub(crate) use self::plugin::NewPluginArgs;
pub(crate) use self::plugin::PluginArgs;
pub(crate) use self::plugin::PluginCommand;
pub(crate) use self::plugin::PluginKind;
pub(crate) use self::plugin::TestPluginArgs;
use skiff_build::EngineName;

use skiff_project::Options;

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

/// Without this list, skiff believes what only the user, root and, below sudo, its caller can change.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TrustCommand {
    /// Lists the trusted paths
    List,
    /// Trusts a file, or a directory with everything in it, even if others can change it
    Add {
        /// The file or directory
        path: PathBuf,
    },
    /// Removes a path from the list
    Remove {
        /// The file or directory
        path: PathBuf,
    },
}

/// What most commands need to know.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArgs {
    /// The chain: packages, separated by commas [default: the chain of the last configuration]
    #[arg(long, short, global = true, env = "SKIFF_CONFIG", value_name = "CHAIN", hide_env_values = true)]
    pub(crate) config: Option<String>,
    /// The workspace
    #[arg(long, short, global = true, env = "SKIFF_WORKSPACE", value_name = "NAME", hide_env_values = true)]
    pub(crate) workspace: Option<String>,
    /// The skiff checkout [default: the nearest parent directory with `configs/base`]
    // Unlike clap's own parser for paths, this one takes a variable that is set to nothing.
    #[arg(long, global = true, env = "SKIFF_ROOT_DIR", value_name = "DIRECTORY", hide_env_values = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) root: Option<PathBuf>,
    #[arg(long, global = true, env = "SKIFF_ENGINE", value_name = "ENGINE", hide_env_values = true, help = engine_help())]
    pub(crate) engine: Option<String>,
    /// Fails if the build differs from the lock file of the workspace
    #[arg(long, global = true, env = "SKIFF_LOCKED", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) locked: bool,
    /// Uses the packages of the lock file, and does not check that they are complete
    #[arg(long, global = true, conflicts_with = "locked")]
    pub(crate) frozen: bool,
    /// Uses no network
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Grants capabilities for this run only: PLUGIN=all, or PLUGIN=CAPABILITY,CAPABILITY
    #[arg(
        long,
        global = true,
        env = "SKIFF_ALLOW",
        value_delimiter = ' ',
        value_name = "PLUGIN=…",
        hide_env_values = true
    )]
    pub(crate) allow: Vec<String>,
    /// Reads further grants from files that `skiff grant add` has written
    #[arg(
        long,
        global = true,
        env = "SKIFF_GRANTS",
        value_delimiter = ':',
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) grants: Vec<OsString>,
}

impl From<GlobalArgs> for Options {
    fn from(args: GlobalArgs) -> Self {
        let GlobalArgs { config, workspace, root, engine, locked, frozen, offline, allow, grants } = args;
        Self { config, workspace, root, engine, locked, frozen, offline, allow, grants }
    }
}

fn engine_help() -> String {
    let names = EngineName::list("or");
    format!("The engine that builds the system: {names} [default: that of the last configuration]")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the workspace, the chain, what would be built and why, and the commands to type next
    Status(JsonArgs),
    /// Lists all packages on the search path
    List(ListArgs),
    /// Shows a package: what it is, what it needs and what it brings
    Show(ShowArgs),
    /// Shows the plan of a chain: layers, hooks and merged configuration
    Plan(PlanArgs),
    /// Explains the value of a symbol: the layer that sets it, the values it overrides, and the result in Kconfig
    Explain(ExplainArgs),
    /// Compares two chains or workspaces: symbols, overlays, hooks
    Diff(DiffArgs),
    /// Shows which packages depend on a layer
    Why(ShowArgs),
    /// Merges the layers of the chain into the workspace and remembers the chain
    Configure(ConfigureArgs),
    /// Downloads everything that a build needs, and lists what is not available
    Fetch,
    /// Builds the configured system
    Compile(CompileArgs),
    /// Configures and builds
    Build(BuildArgs),
    /// Runs a command that a layer provides: `skiff cmd virt/qemu run`
    #[command(disable_help_flag = true)]
    Cmd(CmdArgs),
    /// Runs targets of Buildroot, and saves the changes of `menuconfig` in `overrides`
    Br(BrArgs),
    /// Checks external trees, sources and licences of the chain with Buildroot's own tools
    Check,
    /// Collects sources and licences of everything in the system: Buildroot's `legal-info`
    LegalInfo,
    /// Draws the chain, or what Buildroot has recorded, as SVG and HTML
    #[command(subcommand)]
    Graph(GraphCommand),
    /// Starts a shell in the workspace, with the environment of hooks
    Shell(ShellArgs),
    /// Prints the environment of Buildroot, hooks and commands
    Env(JsonArgs),
    /// Lists, shows and removes workspaces
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Shows, adds and revokes grants of plugins and scripts
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Lists, adds and removes trusted paths: files that others can change
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Creates, builds, checks and tests plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Shows the partitions and files of a board's medium
    Layout(LayoutArgs),
    /// Lists the disks of this machine
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Writes an image file to a device
    Flash(FlashArgs),
    /// Shows the audit log: tools, downloads and scripts that ran, and refusals
    Audit(AuditArgs),
    /// Removes the outputs of the workspace, and keeps its lock file, configuration and plugin state
    Clean(CleanArgs),
    /// Lists programs that this machine lacks, and how to install them
    Doctor(JsonArgs),
    /// Writes a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
        /// The program that the script calls [default: this one]
        #[arg(long, value_name = "PATH")]
        program: Option<PathBuf>,
    },
    /// Writes the manual pages into a directory: skiff.1, and one page for each command
    Man {
        /// The directory
        directory: PathBuf,
    },
    /// Runs the hooks of a stage: called by Buildroot
    #[command(hide = true)]
    Hooks {
        /// `pre` or `post`
        stage: String,
    },
    /// Compiles a component: called by skiff itself
    #[command(hide = true)]
    Precompile,
    /// Runs a program where a workspace is seen at another path
    #[command(hide = true)]
    Inside(InsideArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct JsonArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantListArgs {
    /// The package: `namespace/name` [default: the chain]
    pub(crate) package: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The package: `namespace/name`
    pub(crate) package: String,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The symbols: `BR2_…`, `CONFIG_…`
    #[arg(required = true)]
    pub(crate) symbols: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// A chain, or a workspace that is configured
    pub(crate) from: String,
    /// The other one [default: the current chain]
    pub(crate) to: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GraphCommand {
    /// The chain, its dependencies and the order in which layers merge
    Layers(GraphArgs),
    /// How long each package took to build
    BuildTime(GraphArgs),
    /// How much each package takes in the target
    Size(GraphArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct GraphArgs {
    /// The directory to write to [default: `graphs` in the workspace]
    #[arg(long, short, value_name = "DIRECTORY")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShellArgs {
    /// A program and its arguments instead of a shell
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Lists all workspaces
    List(JsonArgs),
    /// Shows a workspace
    Show {
        /// Its name
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Removes a workspace: outputs, configuration, lock and the state of plugins
    Remove {
        /// Its name
        name: String,
        /// Does not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct InsideArgs {
    /// The workspace's directory
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// Where it is seen
    #[arg(long)]
    pub(crate) at: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) words: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Lists unlisted packages, too: those that only other packages need
    #[arg(long)]
    pub(crate) all: bool,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// Prints the whole plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConfigureArgs {
    /// Ignores lines of fragments that are not assignments
    #[arg(long)]
    pub(crate) ignore_broken_lines: bool,
    /// Fails if Kconfig drops a setting of a layer
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompileArgs {
    /// Looks for newer packages, and updates the lock file
    #[arg(long)]
    pub(crate) update: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Builds all workspaces of skiff.yaml, one after the other
    #[arg(long)]
    pub(crate) all: bool,
    /// A file with public ssh keys that may log in as root; this workspace's overrides keep them
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Vec<PathBuf>,
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
    /// The targets, and variables of make
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Lists the plugins of the chain, or of a package, with their capabilities and grants
    List(GrantListArgs),
    /// Grants capabilities to a plugin, or `shell` to the scripts of a layer
    Add(GrantAddArgs),
    /// Revokes all grants of a plugin or a layer
    Revoke {
        /// The plugin: `<layer>/<name>`, or the layer
        plugin: String,
        #[command(flatten)]
        file: GrantFileArgs,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Shows this plugin only, or the plugins of this layer
    pub(crate) plugin: Option<String>,
    /// Shows refusals only
    #[arg(long)]
    pub(crate) refused: bool,
    /// As JSON, one record a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantAddArgs {
    /// The plugin: `<layer>/<name>`, or the layer whose scripts are meant
    pub(crate) plugin: String,
    /// The capabilities, as `skiff grant list` names them; `shell` for the scripts of one layer or several
    /// (`skiff grant add pi/common apps/docker shell`)
    #[arg(required_unless_present = "all")]
    pub(crate) capabilities: Vec<String>,
    /// Grants everything that the manifest declares
    #[arg(long, conflicts_with = "capabilities")]
    pub(crate) all: bool,
    /// Records the compiler that built the component
    #[arg(long, hide = true)]
    pub(crate) compiler: Option<String>,
    #[command(flatten)]
    pub(crate) file: GrantFileArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantFileArgs {
    /// Writes to `plugins/grants.yaml` of the checkout, which ships with it, instead of
    /// `overrides/grants.yaml`
    #[arg(long)]
    pub(crate) ship: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CleanArgs {
    /// Does not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}
