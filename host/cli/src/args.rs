mod given;
mod media;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::builder::FalseyValueParser;
use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser as _;
use clap_complete::ArgValueCompleter;

pub(crate) use self::given::Unread;
pub(crate) use self::given::hint;
pub(crate) use self::media::BuildImageArgs;
pub(crate) use self::media::DeviceArgs;
pub(crate) use self::media::DeviceCommand;
pub(crate) use self::media::FlashArgs;
pub(crate) use self::media::FormatArgs;
pub(crate) use self::media::InstallArgs;
pub(crate) use self::media::Intent;
pub(crate) use self::media::LayoutArgs;
pub(crate) use self::media::PersonalArgs;
pub(crate) use self::media::ViewArgs;
use crate::completions;

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
    /// Believes all that lies in a folder, or a file, whoever can change it
    Add {
        /// The folder or file
        path: PathBuf,
    },
    /// Takes a path from the list
    Remove {
        /// The folder or file
        path: PathBuf,
    },
}

/// What most commands need to know.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GlobalArgs {
    /// The chain of packages, separated by commas; the remembered one if it is not given
    #[arg(long, short, global = true, env = "SKIFF_CONFIG", value_name = "CHAIN", hide_env_values = true, add = ArgValueCompleter::new(completions::chain))]
    pub(crate) config: Option<String>,
    /// The workspace
    #[arg(long, short, global = true, env = "SKIFF_WORKSPACE", value_name = "NAME", hide_env_values = true, add = ArgValueCompleter::new(completions::workspaces))]
    pub(crate) workspace: Option<String>,
    /// The skiff checkout: the folder with `configs` and `overrides`; found from the current folder
    // Unlike clap's own parser for paths, this one takes a variable that is set to nothing.
    #[arg(long, global = true, env = "SKIFF_ROOT_DIR", value_name = "FOLDER", hide_env_values = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) root: Option<PathBuf>,
    /// What builds the system: `prebuilt` or `buildroot`; remembered
    #[arg(long, global = true, env = "SKIFF_ENGINE", value_name = "ENGINE", hide_env_values = true, add = ArgValueCompleter::new(completions::engines))]
    pub(crate) engine: Option<String>,
    /// Fail if the workspace's lock would change
    #[arg(long, global = true, env = "SKIFF_LOCKED", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) locked: bool,
    /// Use the workspace's lock as it is, without looking whether it is complete
    #[arg(long, global = true, conflicts_with = "locked")]
    pub(crate) frozen: bool,
    /// Use no network
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Allow plugins what they ask for, this time only: PLUGIN=all, or PLUGIN=CAPABILITY,CAPABILITY
    #[arg(
        long,
        global = true,
        env = "SKIFF_ALLOW",
        value_delimiter = ' ',
        value_name = "PLUGIN=…",
        hide_env_values = true
    )]
    pub(crate) allow: Vec<String>,
    /// Files with further grants, as `skiff grant add` writes them
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the workspace, the chain, what would be built and why, and the commands to type next
    Status(JsonArgs),
    /// Lists all packages on the search path
    List(ListArgs),
    /// Shows a package: what it is, what it needs and what it brings
    Show(ShowArgs),
    /// Shows what a chain comes to, without changing anything
    Plan(PlanArgs),
    /// Tells why a symbol has its value: who sets it, what that overrides, and what Kconfig made of it
    Explain(ExplainArgs),
    /// Compares two chains or workspaces: symbols, overlays, hooks
    Diff(DiffArgs),
    /// Tells who brought a layer into the chain
    Why(ShowArgs),
    /// Merges the layers of the chain into the workspace and remembers the chain
    Configure(ConfigureArgs),
    /// Downloads everything that a build needs, and says at once what cannot be had
    Fetch,
    /// Builds the configured system
    Compile(CompileArgs),
    /// Configures and builds
    Build(BuildArgs),
    /// Runs a command that a layer provides: `skiff cmd virt/qemu run`
    #[command(disable_help_flag = true)]
    Cmd(CmdArgs),
    /// Runs targets of Buildroot; what `menuconfig` and its like change is kept in `overrides`
    Br(BrArgs),
    /// Checks external trees, sources and licences of the chain with Buildroot's own tools
    Check,
    /// Collects sources and licences of everything in the system: Buildroot's `legal-info`
    LegalInfo,
    /// Draws the chain, or what Buildroot has recorded, as SVG and HTML
    #[command(subcommand)]
    Graph(GraphCommand),
    /// Starts a shell where Buildroot builds, with the environment of hooks
    Shell(ShellArgs),
    /// Shows the environment that Buildroot, hooks and commands get
    Env(JsonArgs),
    /// Lists, shows and removes workspaces
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Shows, gives and takes back what plugins and scripts may do
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Lists, adds and removes paths that are believed although others can change them
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Makes, builds, checks and tests plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Shows what is where on the medium of a board, as the board's plugin proposes it, as JSON
    Layout(LayoutArgs),
    /// Shows the devices of this machine that could hold a system
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Writes an image file to a device
    Flash(FlashArgs),
    /// Shows what plugins and scripts did beyond their sandbox, and what they were refused
    Audit(AuditArgs),
    /// Removes the outputs of the workspace; its lock, its configuration and the state of its plugins stay
    Clean(CleanArgs),
    /// Tells what this machine lacks, and how to install it
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
    /// The package, instead of the chain: `namespace/name`
    #[arg(add = ArgValueCompleter::new(completions::packages))]
    pub(crate) package: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The package: `namespace/name`
    #[arg(add = ArgValueCompleter::new(completions::packages))]
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
    #[arg(add = ArgValueCompleter::new(completions::workspaces))]
    pub(crate) from: String,
    /// Another; the chain at hand if it is not given
    #[arg(add = ArgValueCompleter::new(completions::workspaces))]
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
    /// The folder to write to; `graphs` in the workspace if it is not given
    #[arg(long, short, value_name = "FOLDER")]
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
        #[arg(add = ArgValueCompleter::new(completions::workspaces))]
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Removes a workspace: outputs, configuration, lock and the state of plugins
    Remove {
        /// Its name
        #[arg(add = ArgValueCompleter::new(completions::workspaces))]
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct InsideArgs {
    /// The workspace's folder
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
    /// Fail if a setting of a layer comes to nothing: unknown to Kconfig, or with a dependency that does not hold
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompileArgs {
    /// Look for newer packages than the locked ones
    #[arg(long)]
    pub(crate) update: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// All workspaces of skiff.yaml, one after the other
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) configure: ConfigureArgs,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CmdArgs {
    /// The package and the command (`virt/qemu run` or `virt/qemu/run`), then the command's own arguments;
    /// `--help` after them explains those
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PACKAGE COMMAND [ARGUMENTS]", add = ArgValueCompleter::new(completions::commands))]
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
    /// Shows each plugin of the chain, or of a package, with what it declares and what is granted
    List(GrantListArgs),
    /// Grants capabilities to a plugin, or `shell` to a layer with scripts, bound to the present bytes
    Add(GrantAddArgs),
    /// Takes all grants of a plugin or a layer back
    Revoke {
        /// The plugin: `<layer>/<name>`, or the layer
        plugin: String,
        #[command(flatten)]
        file: GrantFileArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Makes a plugin from a template, in a layer that is there or a new one
    New(NewPluginArgs),
    /// Builds the plugins of a layer from their sources in its folder `plugins`
    Build(BuildPluginArgs),
    /// Checks the plugins of a layer: manifest, imports, exports, versions
    Check(PluginArgs),
    /// Shows what the plugins of a layer ask for, beside what their components really import
    Inspect(InspectArgs),
    /// Runs the tests of plugins: natively where there are some, and each recorded case as a component
    Test(TestPluginArgs),
    /// Writes documentation: of the plugins of a layer from its manifest, or of the contract from the WIT
    Doc(DocArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewPluginArgs {
    /// The layer: `namespace/name`
    pub(crate) package: String,
    /// The plugin's name; that of the layer if it is not given
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The language
    #[arg(long, default_value = "rust")]
    pub(crate) lang: Language,
    /// What it provides
    #[arg(long, default_value = "command")]
    pub(crate) kind: PluginKind,
    /// The folder with layers; the first of SKIFF_EXTRA_CONFIGS_PATH if it is not given
    #[arg(long, value_name = "FOLDER")]
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
    #[arg(add = ArgValueCompleter::new(completions::packages))]
    pub(crate) plugin: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildPluginArgs {
    #[command(flatten)]
    pub(crate) plugin: PluginArgs,
    /// Trust the sources from now on: building them runs what they say, with all of your rights
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
    /// Trust the sources from now on: their native tests run with all of your rights
    #[arg(long)]
    pub(crate) trust: bool,
    /// Run a case with the real tools and record what comes of it; a new one is made of the words behind `--`
    #[arg(long, value_name = "CASE")]
    pub(crate) record: Option<String>,
    /// The call of a new case: a command and its arguments, or `pre`, `post` or `configure`
    #[arg(last = true, requires = "record")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DocArgs {
    /// The layer, or one plugin of it
    #[arg(required_unless_present = "contract", add = ArgValueCompleter::new(completions::packages))]
    pub(crate) plugin: Option<String>,
    /// The contract between host and plugins
    #[arg(long, conflicts_with = "plugin")]
    pub(crate) contract: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Only of this plugin, or of all plugins of this layer
    pub(crate) plugin: Option<String>,
    /// Only what was refused
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
    /// Write to `plugins/grants.yaml` of the checkout, for those who ship plugins in it, instead of
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
