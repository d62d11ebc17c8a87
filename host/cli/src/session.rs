use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use skiff_build::Choices;
use skiff_build::Remembered;
use skiff_build::WorkspaceLock;
use skiff_build::prebuilt::Prebuilt;
use skiff_kconfig::Kind as ConfigKind;
use skiff_layers::Catalog;
use skiff_layers::Chain;
use skiff_layers::ResolveContext;
use skiff_plan::BuildPlan;
use skiff_plan::Cancel;
use skiff_plan::Event;
use skiff_plan::Level;
use skiff_plan::Reporter;
use skiff_plan::Target;
use skiff_plan::Version;
use skiff_plan::Workspace;
use skiff_plan::Zones;
use skiff_plan::harmless;
use skiff_runtime::Grants;
use skiff_runtime::Runner;
use skiff_runtime::System;
use skiff_runtime::ToolEnvironment;

use crate::args::GlobalArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::environment::Environment;
use crate::progress;

/// What most commands need, made from the command line and the environment.
pub(crate) struct Session {
    pub(crate) environment: Environment,
    pub(crate) root: PathBuf,
    pub(crate) workspace: Workspace,
    pub(crate) context: ResolveContext,
    pub(crate) reporter: Arc<dyn Reporter>,
    pub(crate) cancel: Cancel,
    /// The chain asked for, or the remembered one.
    requested: Option<Requested>,
    ignore_broken_lines: bool,
    /// Whether the user is being asked something, and nothing else is going on.
    pub(crate) asking: Arc<AtomicBool>,
}

/// A chain, and whether the user named it now.
struct Requested {
    chain: String,
    remembered: bool,
}

impl Session {
    pub(crate) fn new(args: &GlobalArgs, environment: Environment) -> Result<Self> {
        let root = find_root(args, &environment)?;
        let folder = |variable: &str, default: &str| environment.path(variable).unwrap_or_else(|| root.join(default));
        let name = args.workspace.as_deref().filter(|name| !name.is_empty()).unwrap_or(Workspace::DEFAULT);
        let workspace = Workspace::new(folder("SKIFF_WORKSPACES_DIR", "workspaces"), name)?;
        let remembered = Remembered::read(&workspace);
        let extra = environment.get("SKIFF_EXTRA_CONFIGS_PATH").map(str::to_owned);
        // Set and empty, the variable says that there are none.
        let remembered_extra = remembered.as_ref().filter(|_| environment.raw("SKIFF_EXTRA_CONFIGS_PATH").is_none());
        let extra = extra.or_else(|| remembered_extra.and_then(|remembered| remembered.extra.clone()));
        let context = ResolveContext {
            configs: root.join("configs"),
            base: folder("SKIFF_BASE_CONFIGS_DIR", "configs/base"),
            overrides: folder("SKIFF_OVERRIDES_DIR", "overrides"),
            workspace: workspace.name().to_owned(),
            extra: extra
                .iter()
                .flat_map(|list| list.split(':'))
                .filter(|path| !path.is_empty())
                .map(|path| environment.absolute(Path::new(path)))
                .collect(),
            preset: environment.paths_with_prefix("SKIFF_CONFIG_PATH_"),
        };
        let ignore_broken_lines = remembered.as_ref().is_some_and(|remembered| remembered.ignore_broken_lines);
        let given = args.config.clone().filter(|chain| !chain.trim().is_empty());
        let given = given.map(|chain| Requested { chain, remembered: false });
        let requested = given.or_else(|| remembered.map(|memory| Requested { chain: memory.chain, remembered: true }));
        let debug = environment.get("SKIFF_LOG").is_some_and(|filter| filter.contains("debug"));
        let reporter = progress::reporter(if debug { Level::Debug } else { Level::Info });
        let cancel = Cancel::default();
        let asking = Arc::new(AtomicBool::new(false));
        let (on_signal, at_question) = (cancel.clone(), Arc::clone(&asking));
        let handler = move || {
            // Whoever asks twice, or while nothing is going on, does not want to wait.
            if on_signal.is_cancelled() || at_question.load(Ordering::Relaxed) {
                std::process::exit(130);
            }
            on_signal.cancel();
        };
        // It fails only if a handler is there already, as in a test that makes two sessions.
        let _ = ctrlc::set_handler(handler);
        Ok(Self { environment, root, workspace, context, reporter, cancel, requested, ignore_broken_lines, asking })
    }

    /// Returns the chain as asked for or remembered, and whether it was remembered.
    pub(crate) fn requested(&self) -> Option<(&str, bool)> {
        self.requested.as_ref().map(|requested| (requested.chain.as_str(), requested.remembered))
    }

    /// Returns what the workspace is to be configured with, as remembered, or as asked for now.
    pub(crate) fn choices(&self, ignore_broken_lines: bool) -> Choices {
        let ignore_broken_lines = ignore_broken_lines || self.ignore_broken_lines;
        Choices { extra: self.context.extra.clone(), ignore_broken_lines }
    }

    pub(crate) fn warn(&self, text: &str) {
        self.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &harmless(text) });
    }

    pub(crate) fn say(&self, text: &str) {
        self.reporter.event(Event::Message { level: Level::Info, plugin: None, text: &harmless(text) });
    }

    pub(crate) fn catalog(&self) -> Result<Catalog> {
        let catalog = Catalog::scan(&self.context)?;
        for path in catalog.unreadable() {
            self.warn(&format!("`{}` of SKIFF_EXTRA_CONFIGS_PATH cannot be listed and is left out", path.display()));
        }
        Ok(catalog)
    }

    pub(crate) fn chain(&self) -> Result<Chain> {
        let Some((requested, _)) = self.requested() else {
            return Err(CommandError::new(Kind::User, "No chain was named and none is remembered")
                .hint("name packages: SKIFF_CONFIG=virt/qemu skiff configure; `skiff list` shows them all"));
        };
        let chain = Chain::resolve(requested, &self.catalog()?, &self.context)?;
        for (dependent, dependency) in chain.late_dependencies() {
            self.warn(&format!(
                "`{dependent}` needs `{dependency}`, which comes after it in the chain and so overrides it"
            ));
        }
        Ok(chain)
    }

    pub(crate) fn plan(&self) -> Result<BuildPlan> {
        self.plan_of(&self.chain()?)
    }

    pub(crate) fn plan_of(&self, chain: &Chain) -> Result<BuildPlan> {
        let version = Version { version: env!("CARGO_PKG_VERSION").to_owned(), commit: self.commit() };
        Ok(BuildPlan::new(chain, &self.workspace, &version)?)
    }

    /// Asks git for the checkout's commit; a checkout without git has none.
    fn commit(&self) -> String {
        let unknown = || "unknown".to_owned();
        if !self.root.join(".git").exists() {
            return unknown();
        }
        let git = Command::new("git").arg("-C").arg(&self.root).args(["rev-parse", "--short=8", "HEAD"]).output();
        let commit = git.ok().filter(|output| output.status.success());
        commit
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .map_or_else(unknown, |text| text.trim().to_owned())
    }

    pub(crate) fn lock(&self) -> Result<WorkspaceLock> {
        Ok(WorkspaceLock::take(&self.workspace)?)
    }

    /// Returns the files with grants: those that come with the checkout and the user's own.
    pub(crate) fn grant_files(&self) -> (PathBuf, PathBuf) {
        (self.root.join("skiff.lock"), self.context.overrides.join("grants.yaml"))
    }

    pub(crate) fn runner(&self, plan: &BuildPlan) -> Result<Runner> {
        let (shipped, own) = self.grant_files();
        let grants = Grants::read(&[shipped, own])?;
        let path = self
            .environment
            .raw("PATH")
            .map(|path| std::env::split_paths(path).collect::<Vec<_>>())
            .unwrap_or_default();
        let system = System {
            layers: plan.layers.iter().map(|layer| layer.name.clone()).collect(),
            configs: plan.configs.clone(),
            target: Target::of(plan.config(ConfigKind::Buildroot))?,
            command_line: plan.prebuilt.command_line.clone(),
            tools: ToolEnvironment::new(path, self.environment.raw("TERM").cloned()),
            install_hint,
        };
        Ok(Runner::new(system, grants, self.cancel.clone(), Arc::clone(&self.reporter))?)
    }

    /// Returns the folders that plugins called outside a build may see.
    pub(crate) fn zones(&self, plan: &BuildPlan) -> Zones {
        let present = |path: PathBuf| path.is_dir().then_some(path);
        Zones {
            layers: plan.layer_folders(),
            target: present(self.workspace.target()),
            images: present(self.workspace.images()),
            state: self.workspace.state(),
            epoch: None,
        }
    }

    pub(crate) fn engine(&self, update: bool) -> Result<Prebuilt> {
        if let Some(folder) = self.environment.path("SKIFF_BUILDROOT_DIR") {
            let message =
                format!("SKIFF_BUILDROOT_DIR is `{}`, and this version cannot drive Buildroot yet", folder.display());
            return Err(CommandError::new(Kind::User, message)
                .hint("unset it to build with binary packages (engine `prebuilt`)"));
        }
        let epoch = self.environment.get("SOURCE_DATE_EPOCH").map(|text| {
            text.parse().map_err(|_| {
                CommandError::new(Kind::Usage, format!("SOURCE_DATE_EPOCH is `{text}`, which is no number of seconds"))
            })
        });
        Ok(Prebuilt {
            cache: self.environment.cache(),
            os_release: PathBuf::from("/etc/os-release"),
            source_date_epoch: epoch.transpose()?,
            update,
        })
    }
}

fn install_hint(program: &str) -> String {
    format!("install the package that has it; on Debian and Ubuntu `apt-file search bin/{program}` names it")
}

/// The checkout is the nearest folder upwards from the current one, then from the program, with the base layers.
fn find_root(args: &GlobalArgs, environment: &Environment) -> Result<PathBuf> {
    let is_root = |path: &Path| path.join("configs/base/pre").is_dir();
    if let Some(root) = args.root.as_ref().filter(|root| !root.as_os_str().is_empty()) {
        let root = environment.absolute(root);
        return match is_root(&root) {
            true => Ok(root),
            false => Err(CommandError::new(Kind::User, format!("`{}` is no skiff checkout", root.display()))
                .hint("it holds the folder configs/base/pre")),
        };
    }
    let above = |start: &Path| start.ancestors().find(|path| is_root(path)).map(Path::to_owned);
    above(environment.current()).or_else(|| above(environment.program()?)).ok_or_else(|| {
        CommandError::new(Kind::User, "There is no skiff checkout here")
            .hint("run skiff inside its checkout, or set SKIFF_ROOT_DIR to it")
    })
}
