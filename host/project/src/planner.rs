//! Making plans: of a chain, after a look at whose its layers are.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use skiff_kconfig::Kind as ConfigKind;
use skiff_layers::Chain;
use skiff_layers::LayerSource;
use skiff_layers::ResolveContext;
use skiff_plan::BuildPlan;
use skiff_plan::Target;
use skiff_plan::Version;
use skiff_plan::Workspace;
use skiff_report::Cancel;
use skiff_runtime::Facts;
use skiff_runtime::FactsError;
use skiff_runtime::LazyFacts;

use crate::error::Error;
use crate::error::Result;
use crate::trust::Belief;

/// Makes plans for a workspace. It can be handed on to where a plan may be needed later.
#[derive(Clone)]
pub struct Planner {
    belief: Belief,
    root: PathBuf,
    context: ResolveContext,
    workspace: Workspace,
    cancel: Cancel,
    /// Layers that were found to be trusted.
    checked: Arc<Mutex<BTreeSet<PathBuf>>>,
    commit: Arc<OnceLock<String>>,
}

impl Planner {
    /// Makes one that has checked nothing yet.
    pub fn new(belief: Belief, root: PathBuf, context: ResolveContext, workspace: Workspace, cancel: Cancel) -> Self {
        Self { belief, root, context, workspace, cancel, checked: Arc::default(), commit: Arc::default() }
    }

    /// Makes the plan of a chain, without what its plugins add to it.
    pub fn plan(&self, chain: &Chain) -> Result<BuildPlan> {
        for layer in chain.layers() {
            match layer.source {
                LayerSource::BasePre | LayerSource::BasePost => {
                    self.check_layer("the directory of base layers", &layer.root)?
                }
                LayerSource::Chain(_) => self.check_package(&layer.root)?,
                LayerSource::Overrides => {
                    self.once(&layer.root, || self.belief.check_overrides("the directory of overrides", &layer.root))?;
                }
                LayerSource::WorkspaceOverrides => self.check_layer("the directory of overrides", &layer.root)?,
            }
        }
        Ok(BuildPlan::new(chain, &self.workspace, &self.version(), &self.cancel)?)
    }

    /// Checks that no other user can change a package of the checkout. The user has named other packages explicitly.
    pub fn check_package(&self, root: &Path) -> Result<()> {
        match root.starts_with(&self.context.configs) {
            true => self.check_layer("the layer", root),
            false => Ok(()),
        }
    }

    /// Checks that no other user can change a layer whose scripts or settings run.
    pub fn check_layer(&self, what: &str, path: &Path) -> Result<()> {
        self.once(path, || self.belief.check_layer(what, path))
    }

    /// Returns whether no other user can change a layer.
    pub fn believes(&self, path: &Path) -> bool {
        self.check_layer("the layer", path).is_ok()
    }

    /// Checks a layer, unless it was found to be trusted before.
    fn once(&self, path: &Path, check: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if !checked.contains(path) {
            check()?;
            checked.insert(path.to_owned());
        }
        Ok(())
    }

    /// Returns what plugins may know of the system of a chain, gathered when one asks.
    pub fn facts(&self, chain: &Chain) -> LazyFacts {
        let (planner, chain) = (self.clone(), chain.clone());
        LazyFacts::new(move || {
            let failed = |error: Error| FactsError(error.to_string());
            let plan = planner.plan(&chain).map_err(failed)?;
            let plan = match skiff_build::recorded_contributions(&plan, &planner.workspace) {
                Some(contributions) => plan.with_contributions(contributions).map_err(|error| failed(error.into()))?,
                None => plan,
            };
            facts(&plan).map_err(failed)
        })
    }

    /// Returns the version of skiff, with the commit of the checkout.
    pub fn version(&self) -> Version {
        let commit = self.commit.get_or_init(|| self.ask_commit()).clone();
        Version { version: env!("CARGO_PKG_VERSION").to_owned(), commit }
    }

    /// Takes the commit of a build that is going on, instead of asking for one that may be newer.
    pub fn set_commit(&self, commit: &str) {
        // It fails only if the commit was asked for already, which is then that of this process.
        let _ = self.commit.set(commit.to_owned());
    }

    /// Asks git for the checkout's commit; a checkout without git has none. Asked once: a build keeps its version.
    fn ask_commit(&self) -> String {
        let git = self.root.join(".git");
        if !git.exists() {
            return "unknown".to_owned();
        }
        head(&git).unwrap_or_else(|| {
            // git reads this file, and what it includes, before it compares owners.
            if self.belief.check("the checkout", &git.join("config")).is_err() {
                return "unknown".to_owned();
            }
            let git = Command::new("git").arg("-C").arg(&self.root).args(["rev-parse", "--short=8", "HEAD"]).output();
            let commit = git.ok().filter(|output| output.status.success());
            let text = commit.and_then(|output| String::from_utf8(output.stdout).ok());
            text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
        })
    }
}

/// Returns what plugins may know of the system of a plan.
pub(crate) fn facts(plan: &BuildPlan) -> Result<Facts> {
    Ok(Facts {
        layers: plan.layers.iter().map(|layer| layer.name.clone()).collect(),
        configs: plan.configs.clone(),
        target: Target::of(plan.config(ConfigKind::Buildroot))?,
        command_line: plan.prebuilt.command_line.iter().cloned().collect(),
    })
}

/// Reads the commit of an ordinary checkout, since starting git takes longer than many a command. Whatever is not ordinary
/// (work trees, packed or symbolic names) is left to git.
fn head(git: &Path) -> Option<String> {
    let line = |path: PathBuf| Some(skiff_layers::optional_text(&path).ok()??.trim_end().to_owned());
    let head = line(git.join("HEAD"))?;
    let commit = match head.strip_prefix("ref: ") {
        Some(name) => line(git.join(name))?,
        None => head,
    };
    let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
    is_commit.then(|| commit.chars().take(8).collect())
}
