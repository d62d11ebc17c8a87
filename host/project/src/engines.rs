//! Which engine builds a workspace, and what it is given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use skiff_build::Engine;
use skiff_build::EngineKind;
use skiff_build::EngineName;
use skiff_build::buildroot::Buildroot;
use skiff_build::buildroot::Source;
use skiff_build::prebuilt::Prebuilt;
use skiff_kconfig::Kind as ConfigKind;
use skiff_plan::BuildPlan;
use skiff_plan::LegacyFolders;
use skiff_plan::legacy_environment;

use crate::SessionError;
use crate::consent;
use crate::error::Error;
use crate::error::Result;
use crate::session::Session;

/// Variables of the caller that would change the behaviour of make and Kconfig.
const WITHHELD: [&str; 10] = [
    "CDPATH",
    "CONFIG_",
    "GNUMAKEFLAGS",
    "KCONFIG_CONFIG",
    "MAKEFILES",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "MFLAGS",
    "O",
];

/// Buildroot's variables that say where things are, and not what is built: that is up to the layers.
const PASSED: [&str; 3] = ["BR2_CCACHE_DIR", "BR2_DL_DIR", "BR2_GRAPH_OUT"];

impl Session {
    /// Returns the engine of the workspace.
    pub fn engine(&self, plan: &BuildPlan, update: bool) -> Result<Box<dyn Engine>> {
        Ok(match self.settings.engine.value {
            EngineName::Prebuilt => Box::new(self.prebuilt(update)?),
            EngineName::Buildroot => Box::new(self.buildroot(plan)?),
        })
    }

    /// Refuses what needs a build system if the engine of the workspace has none.
    pub fn require_build_system(&self, what: &str) -> Result<()> {
        let own = self.settings.engine.value;
        if own.kind().has_build_system {
            return Ok(());
        }
        let other = EngineKind::first(|kind| kind.has_build_system);
        Err(SessionError::NoBuildSystem { what: what.to_owned(), own, other }.into())
    }

    fn prebuilt(&self, update: bool) -> Result<Prebuilt> {
        Ok(Prebuilt {
            cache: self.cache()?,
            trust: self.belief.trust().clone(),
            os_release: PathBuf::from("/etc/os-release"),
            source_date_epoch: self.source_date_epoch()?,
            update,
            policy: self.policy,
        })
    }

    fn buildroot(&self, plan: &BuildPlan) -> Result<Buildroot> {
        let source = match &self.settings.buildroot {
            Some(folder) => {
                self.belief.check_linked_tree("the Buildroot tree", &folder.value)?;
                Source::Folder(folder.value.clone())
            }
            None => {
                let pin = self.project.buildroot.pin.clone().unwrap_or_default();
                // git would run what the repository's configuration says.
                let tree = self.cache()?.join("buildroot").join(&pin.commit);
                self.belief.check_linked_tree("the Buildroot tree", &tree)?;
                Source::Pinned(pin)
            }
        };
        // Patches and makefiles run when Buildroot builds, and some settings are commands: BR2_WGET.
        for layer in &plan.layers {
            self.planner.check_layer("the layer that Buildroot builds with", &layer.root)?;
        }
        self.check_built()?;
        // Compiled objects are believed for their names.
        self.belief.check_tree("the cache", &self.cache()?.join("ccache"))?;
        let program = self.console.environment.program().map(std::borrow::ToOwned::to_owned);
        let program = program.ok_or(SessionError::NoProgram)?;
        Ok(Buildroot {
            source,
            cache: self.cache()?,
            environment: self.build_environment(plan)?,
            program,
            fixed_path: self.project.buildroot.fixed_path.unwrap_or(true),
            target: self.console.environment.get("SKIFF_BUILD_TARGET_OVERRIDE").map(str::to_owned),
            policy: self.policy,
            refused: consent::refused(self, plan)?,
        })
    }

    /// Returns SkiffOS's variables.
    fn legacy_environment(&self, plan: &BuildPlan) -> Result<BTreeMap<String, String>> {
        // Scripts of a SkiffOS tree look for what their tree shares beside its packages.
        let beside = |name: &str, variable: &str| {
            let trees = self.context.extra.iter().filter_map(|extra| extra.parent());
            let shared = trees.map(|tree| tree.join(name)).find(|path| path.is_dir());
            let path = self.console.environment.path(variable).or(shared).unwrap_or_else(|| self.root.join(name));
            // Scripts run what is in there.
            self.belief.check_linked_tree("the directory that scripts share", &path)?;
            Ok::<_, Error>(path)
        };
        let folders = LegacyFolders {
            root: self.root.clone(),
            configs: self.context.configs.clone(),
            base: self.context.base.clone(),
            overrides: self.context.overrides.clone(),
            resources: beside("resources", "SKIFF_RESOURCES_DIR")?,
            scripts: beside("scripts", "SKIFF_SCRIPTS_DIR")?,
        };
        let catalog = self.catalog()?;
        let packages = catalog.packages().filter(|package| self.planner.believes(&package.root));
        Ok(legacy_environment(plan, &self.workspace, &folders, &self.planner.version(), packages))
    }

    /// Returns the environment of Buildroot, of hooks and of commands: the user's own with SkiffOS's variables, and
    /// with what skiff needs to find itself.
    pub fn build_environment(&self, plan: &BuildPlan) -> Result<BTreeMap<OsString, OsString>> {
        let mut all: BTreeMap<OsString, OsString> = self
            .console
            .environment
            .all()
            .filter(|(name, _)| !WITHHELD.contains(&name.as_str()) && !name.starts_with("GIT_"))
            .filter(|(name, _)| !name.starts_with("BR2_") || PASSED.contains(&name.as_str()))
            .map(|(name, value)| (OsString::from(name), value.clone()))
            .collect();
        all.extend(self.legacy_environment(plan)?.into_iter().map(|(name, value)| (name.into(), value.into())));
        let cache = self.cache()?;
        for (name, folder) in [("BR2_DL_DIR", "dl"), ("BR2_CCACHE_DIR", "ccache")] {
            // What the user or a layer says counts.
            if self.console.environment.path(name).is_none() && plan.config(ConfigKind::Buildroot).value(name).is_none()
            {
                all.insert(name.into(), cache.join(folder).into());
            }
        }
        if let Some(program) = self.console.environment.program() {
            all.insert("SKIFF_PROGRAM".into(), program.into());
        }
        if let Some(folder) = &self.settings.buildroot {
            all.insert("SKIFF_BUILDROOT_TREE".into(), folder.value.clone().into());
        }
        all.insert("SKIFF_EXTRA_CONFIGS_PATH".into(), self.joined_extra().into());
        all.extend(self.consent_variables(plan)?.into_iter().map(|(name, value)| (name.into(), value)));
        all.insert("SKIFF_ENGINE".into(), self.settings.engine.value.as_str().into());
        Ok(all)
    }
}
