mod error;
mod grants;
mod runners;

pub use error::SessionError;

use crate::ConsentError;
use crate::console::Console;
use crate::environment::Environment;
use crate::error::Error;
use crate::error::Result;
use crate::options::Options;
use crate::planner::Planner;
use crate::project::Project;
use crate::settings::Origin;
use crate::settings::Settings;
use crate::trust::Belief;
use skiff_build::LockPolicy;
use skiff_build::SavedSettings;
use skiff_build::WorkspaceLock;
use skiff_layers::Catalog;
use skiff_layers::Chain;
use skiff_layers::Layer;
use skiff_layers::LayerName;
use skiff_layers::ResolveContext;
use skiff_layers::SearchPath;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;
use skiff_runtime::GrantFile;
use skiff_runtime::Grants;
use skiff_runtime::PluginId;
use skiff_text::Shown as _;
use skiff_trust::PrivateError;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::OnceLock;

/// What most commands need, made from the command line, the environment and the project file.
pub struct Session {
    options: Options,
    /// The person behind it.
    pub console: Console,
    /// Whom it believes.
    pub belief: Belief,
    /// The checkout.
    pub root: PathBuf,
    /// What the project file says.
    pub project: Project,
    /// The workspace.
    pub workspace: Workspace,
    /// Its settings, and who named them.
    pub settings: Settings,
    /// How it keeps to the lock file.
    pub policy: LockPolicy,
    /// Where packages are looked for.
    pub context: ResolveContext,
    /// Whether questions may be asked at all.
    pub asks: bool,
    /// What `--allow` says.
    pub allowed: Vec<String>,
    /// Grants for this run only.
    for_now: Mutex<GrantFile>,
    /// The user's own grants, once they were read.
    own: Mutex<Option<GrantFile>>,
    /// The grants that come with the checkout, which change in no run that needs them.
    shipped: OnceLock<Grants>,
    /// The checkout's packages without any link on the way; `None` if they are gone.
    shipped_root: OnceLock<Option<PathBuf>>,
    /// What makes plans.
    pub planner: Planner,
    /// The cache, once it is known to be trusted.
    cache: OnceLock<PathBuf>,
}

impl Session {
    /// Finds out what a run is about.
    ///
    /// # Errors
    /// If there is no checkout, if something is not trusted, or if settings mean nothing.
    pub fn new(options: &Options, console: Console) -> Result<Self> {
        let environment = &console.environment;
        let belief = Belief::of(environment, &console.cancel)?;
        let root = root(options, environment)?;
        belief.check("the checkout", &root.join("configs"))?;
        let folder = |variable: &str, default: &str| environment.path(variable).unwrap_or_else(|| root.join(default));
        let name = options.workspace.as_deref().filter(|name| !name.is_empty()).unwrap_or(Workspace::DEFAULT);
        let workspace = Workspace::new(folder("SKIFF_WORKSPACES_DIR", "workspaces"), name)?;
        belief.check_entries("the workspace", &workspace.folder())?;
        belief.check("the workspace", &workspace.audit_log())?;
        belief.check_tree("the workspace", &workspace.config())?;
        // What a command takes from there as its own. A plugin can make directories there that are too deep to examine.
        for directory in [workspace.images(), workspace.state()].iter().filter(|directory| directory.is_dir()) {
            belief.check_entries("the workspace", directory)?;
        }
        let remembered = SavedSettings::read(&workspace)?;
        let known = remembered.as_ref().and_then(|memory| memory.project.as_deref());
        let project = Project::find(environment, &belief, Some(&root), known)?;
        let lost = known.filter(|known| project.path().is_none() && !known.exists());
        let lost = lost.map(|lost| format!("the project file {} of this workspace is gone", lost.shown()));
        let mut settings = Settings::resolve(options, environment, &project, &workspace, remembered)?;
        settings.base = settings.base.filter(|base| *base != root.join("configs/base"));
        if let Some(missing) =
            settings.base.as_ref().filter(|base| !base.join("pre").is_dir() && !base.join("post").is_dir())
        {
            return Err(SessionError::NoBase(missing.clone()).into());
        }
        let context = ResolveContext {
            configs: root.join("configs"),
            base: settings.base.clone().unwrap_or_else(|| root.join("configs/base")),
            overrides: settings.overrides.clone().unwrap_or_else(|| root.join("overrides")),
            workspace: workspace.name().to_owned(),
            extra: settings.extra.value.clone(),
            preset: environment.paths_with_prefix("SKIFF_CONFIG_PATH_"),
        };
        belief.check("the directory of base layers", &context.base)?;
        for path in [Path::new("grants.yaml"), &Path::new("workspaces").join(workspace.name())] {
            belief.check("the directory of overrides", &context.overrides.join(path))?;
        }
        let cancel = console.cancel.clone();
        let allowed: Vec<String> = options.allow.iter().filter(|text| !text.is_empty()).cloned().collect();
        if let Some(wrong) = allowed.iter().find(|text| !text.contains('=')) {
            return Err(ConsentError::NoCapability(wrong.clone()).into());
        }
        let policy = LockPolicy { locked: options.locked, frozen: options.frozen, offline: options.offline };
        if Workspace::exact(PathBuf::new(), name).is_err() {
            let text = format!("the workspace `{name}` is called `{}`", workspace.name());
            console.warn(&text);
        }
        if let Some(text) = lost {
            console.warn(&text);
        }
        let planner = Planner::new(belief.clone(), root.clone(), context.clone(), workspace.clone(), cancel);
        Ok(Self {
            options: options.clone(),
            console,
            belief,
            root,
            project,
            workspace,
            settings,
            policy,
            context,
            asks: false,
            allowed,
            for_now: Mutex::default(),
            own: Mutex::default(),
            shipped: OnceLock::new(),
            shipped_root: OnceLock::new(),
            planner,
            cache: OnceLock::new(),
        })
    }

    /// Opens the session of another workspace, with its own chain and saved settings.
    pub fn of_workspace(&self, name: &str) -> Result<Self> {
        let options = Options { workspace: Some(name.to_owned()), config: None, ..self.options.clone() };
        Self::new(&options, self.console.again())
    }

    /// Returns the chain as asked for or remembered, and who named it.
    pub fn requested(&self) -> Option<(&str, Origin)> {
        self.settings.chain.as_ref().map(|chain| (chain.value.as_str(), chain.origin))
    }

    /// Returns the extra package roots as the variable has them.
    pub fn joined_extra(&self) -> String {
        let paths: Vec<_> = self.context.extra.iter().map(|path| path.to_string_lossy()).collect();
        paths.join(":")
    }

    /// Returns a command line that a user can copy: it names the workspace unless that is the default.
    pub fn command_line(&self, command: &str) -> String {
        match self.workspace.name() {
            Workspace::DEFAULT => format!("skiff {command}"),
            name => format!("skiff -w {name} {command}"),
        }
    }

    /// Lists all packages.
    ///
    /// # Errors
    /// If the checkout cannot be listed.
    pub fn catalog(&self) -> Result<Catalog> {
        let catalog = Catalog::scan(&self.context)?;
        self.warn_of_unreadable(catalog.unreadable());
        Ok(catalog)
    }

    /// Returns where packages are looked for.
    pub fn search_path(&self) -> Result<SearchPath<'_>> {
        let search = SearchPath::open(&self.context)?;
        self.warn_of_unreadable(search.unreadable());
        Ok(search)
    }

    fn warn_of_unreadable(&self, roots: &[PathBuf]) {
        for path in roots {
            self.console
                .warn(&format!("`{}` of SKIFF_EXTRA_CONFIGS_PATH cannot be listed and is left out", path.shown()));
        }
    }

    /// Finds a layer by its name: a base layer, the overrides, or a package, whether the chain has it or not.
    pub fn find_layer(&self, name: &str) -> Result<Option<Layer>> {
        let implicit = skiff_layers::implicit_layers(&self.context)?;
        if let Some(layer) = implicit.into_iter().find(|layer| layer.name.eq_ignore_ascii_case(name)) {
            return Ok(Some(layer));
        }
        let Ok(package) = name.parse::<LayerName>() else { return Ok(None) };
        Ok(self.search_path()?.find(&package)?.as_ref().map(Layer::at))
    }

    /// Resolves the chain of the workspace.
    ///
    /// # Errors
    /// If none is named, or if a package of it cannot be found or read.
    pub fn chain(&self) -> Result<Chain> {
        let Some((requested, _)) = self.requested() else {
            return Err(SessionError::NoChain.into());
        };
        self.chain_of(requested)
    }

    /// Resolves a chain that is not that of the workspace.
    pub fn chain_of(&self, requested: &str) -> Result<Chain> {
        let has_word = requested.split([',', ' ']).any(|word| !word.is_empty() && !word.contains('/'));
        let chain = Chain::resolve(requested, &self.search_path()?).map_err(|error| match has_word {
            true => SessionError::Chain { error, chains: self.project.chains.keys().cloned().collect() }.into(),
            false => Error::from(error),
        })?;
        for (dependent, dependency) in chain.late_dependencies() {
            self.console.warn(&format!(
                "`{dependent}` needs `{dependency}`, which comes after it in the chain and so overrides it"
            ));
        }
        Ok(chain)
    }

    /// Makes the plan of the chain for a command that only looks.
    pub fn plan(&self) -> Result<BuildPlan> {
        self.plan_of(&self.chain()?)
    }

    /// Makes the plan of a chain for a command that only looks: plugins are not called. What they add to the configuration
    /// is taken from the last `configure`, if the layers are as they were then.
    pub fn plan_of(&self, chain: &Chain) -> Result<BuildPlan> {
        let plan = self.bare_plan(chain)?;
        self.warn_of_unbuilt(&plan);
        let contributors = plan.contributors();
        if contributors.is_empty() {
            return Ok(plan);
        }
        match skiff_build::recorded_contributions(&plan, &self.workspace) {
            Some(contributions) => Ok(plan.with_contributions(contributions)?),
            None => {
                let names: Vec<String> =
                    contributors.iter().map(|call| PluginId::of(&call.plugin).to_string()).collect();
                self.console.warn(&format!(
                    "settings that plugins add ({}) are missing here: they are known once `{}` has run",
                    names.join(", "),
                    self.command_line("configure")
                ));
                Ok(plan)
            }
        }
    }

    /// Warns of plugins that are not built.
    pub fn warn_of_unbuilt(&self, plan: &BuildPlan) {
        for plugin in &plan.unbuilt {
            let name = PluginId::of(plugin);
            self.console.warn(&format!("plugin `{name}` is not built and is left out: skiff plugin build {name}"));
        }
    }

    /// Makes the plan of a chain, without asking its plugins: they may lack what they need for that.
    pub fn bare_plan(&self, chain: &Chain) -> Result<BuildPlan> {
        self.planner.plan(chain)
    }

    /// Returns the names of the workspaces that are configured or built, and of those of the project file.
    pub fn workspaces(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.project.workspaces.keys().cloned().collect();
        let entries = std::fs::read_dir(self.workspace.root()).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(configured) = name.strip_prefix(".config_") {
                if skiff_build::is_configuration(&entry.path()) {
                    names.insert(configured.to_owned());
                }
            } else if skiff_build::is_workspace(&entry.path()) {
                names.insert(name);
            }
        }
        names
    }

    /// Makes the directory of the workspaces. Another user may have made it since the last check.
    pub fn make_workspaces(&self) -> Result<()> {
        let root = self.workspace.root();
        std::fs::create_dir_all(root).map_err(|error| SessionError::Workspaces { path: root.to_owned(), error })?;
        self.belief.check("the directory of workspaces", root)
    }

    /// Returns the time, in seconds since 1970, that the environment wants files to bear.
    pub fn source_date_epoch(&self) -> Result<Option<u32>> {
        let epoch = self
            .console
            .environment
            .get("SOURCE_DATE_EPOCH")
            .map(|text| text.parse().map_err(|_| SessionError::Epoch(text.to_owned())));
        Ok(epoch.transpose()?)
    }

    /// Locks the workspace.
    ///
    /// # Errors
    /// If another process has locked it.
    pub fn lock(&self) -> Result<WorkspaceLock> {
        self.make_workspaces()?;
        Ok(WorkspaceLock::take(&self.workspace)?)
    }

    /// Returns the cache, after a check that no other user can change it.
    pub fn cache(&self) -> Result<PathBuf> {
        if let Some(known) = self.cache.get() {
            return Ok(known.clone());
        }
        let path = self.console.environment.cache().ok_or(SessionError::NoCache)?;
        self.belief.trust().check_private(&path)?;
        Ok(self.cache.get_or_init(|| path).clone())
    }

    /// Returns a directory in the cache, after a check of that directory: the whole cache has many, and to look at all takes
    /// longer than many a command.
    pub fn cache_part(&self, name: &str) -> Result<PathBuf> {
        let path = self.console.environment.cache().ok_or(SessionError::NoCache)?.join(name);
        self.belief.trust().check(&path).map_err(PrivateError::from)?;
        Ok(path)
    }

    /// Makes the cache, for whatever writes to it.
    pub fn make_cache(&self) -> Result<PathBuf> {
        let path = self.cache()?;
        if !path.is_dir() {
            self.belief.trust().make_private(&path)?;
        }
        Ok(path)
    }
}

/// The checkout is the nearest directory upwards from the current one, then from the program, with the base layers.
fn root(options: &Options, environment: &Environment) -> Result<PathBuf> {
    find_root(options, environment)?.ok_or_else(|| SessionError::NoCheckout.into())
}

/// As [`root`], where there may be no checkout. One that is named has to be one.
pub fn find_root(options: &Options, environment: &Environment) -> Result<Option<PathBuf>> {
    let is_root = |path: &Path| path.join("configs/base/pre").is_dir();
    if let Some(root) = options.root.as_ref().filter(|root| !root.as_os_str().is_empty()) {
        let root = environment.absolute(root);
        return match is_root(&root) {
            true => Ok(Some(root)),
            false => Err(SessionError::OtherCheckout(root).into()),
        };
    }
    let above = |start: &Path| start.ancestors().find(|path| is_root(path)).map(Path::to_owned);
    Ok(above(environment.current()).or_else(|| above(environment.program()?)))
}
