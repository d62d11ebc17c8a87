//! What a run is about, and who says so: whatever is given now wins over the project file, and that over what the
//! workspace was configured with.

use std::path::Path;
use std::path::PathBuf;

use skiff_build::EngineKind;
use skiff_build::EngineName;
use skiff_build::Saved;
use skiff_build::SavedSettings;
use skiff_plan::Workspace;

use crate::SessionError;
use crate::environment::Environment;
use crate::error::Result;
use crate::options::Options;
use crate::project::Project;

/// Who named a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The user, just now, on the command line or in the environment.
    Given,
    /// The project file.
    Project,
    /// The last configuration of the workspace.
    #[serde(rename = "remembered")]
    Saved,
    /// Neither the user, nor the project file, nor the saved settings.
    Default,
}

/// A setting, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What it is.
    pub value: T,
    /// Who named it.
    pub origin: Origin,
}

impl<T: Clone> Setting<T> {
    /// Returns what the first of those who have a say says.
    fn first(given: Option<T>, project: Option<T>, remembered: Option<T>) -> Option<Self> {
        let of = |origin| move |value| Self { value, origin };
        given
            .map(of(Origin::Given))
            .or_else(|| project.map(of(Origin::Project)))
            .or_else(|| remembered.map(of(Origin::Saved)))
    }

    fn kept(&self) -> Saved<T> {
        Saved { value: self.value.clone(), by_project: self.origin == Origin::Project }
    }
}

/// What a run is about.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The chain; `None` if no source names one.
    pub chain: Option<Setting<String>>,
    /// The chain that the workspace is configured for.
    pub configured: Option<String>,
    /// The engine.
    pub engine: Setting<EngineName>,
    /// The extra package roots.
    pub extra: Setting<Vec<PathBuf>>,
    /// The base layers, where they are not the checkout's.
    pub base: Option<PathBuf>,
    /// The user's own layer, where it is not the checkout's.
    pub overrides: Option<PathBuf>,
    /// The Buildroot tree, if it is named.
    pub buildroot: Option<Setting<PathBuf>>,
    /// Whether lines of fragments that are no assignments are left out.
    pub ignore_broken_lines: bool,
    /// The project file.
    pub project: Option<PathBuf>,
}

impl Settings {
    /// Finds out what holds for a workspace.
    pub fn resolve(
        args: &Options,
        environment: &Environment,
        project: &Project,
        workspace: &Workspace,
        remembered: Option<SavedSettings>,
    ) -> Result<Self> {
        let own = project.workspaces.get(workspace.name());
        let given_chain = args.config.clone().filter(|chain| !chain.trim().is_empty());
        let chain = Setting::first(
            given_chain,
            own.map(|own| own.chain.clone()),
            remembered.as_ref().map(|memory| memory.chain.clone()),
        );
        let chain = match chain {
            // The chain of a configured workspace has been expanded.
            Some(Setting { value, origin }) if origin != Origin::Saved => {
                Some(Setting { value: project.expand(&value)?, origin })
            }
            chain => chain,
        };
        let configured = remembered.as_ref().map(|memory| memory.chain.clone());
        let ignore_broken_lines = remembered.as_ref().is_some_and(|memory| memory.ignore_broken_lines);
        let (engine, extra, base, overrides, tree) = match remembered {
            Some(memory) => (memory.engine, memory.extra, memory.base, memory.overrides, memory.buildroot),
            None => (None, None, None, None, None),
        };
        Ok(Self {
            chain,
            configured,
            engine: Setting::first(
                engine_given(args, environment)?,
                own.and_then(|own| own.engine).or(project.engine),
                engine.and_then(Saved::recalled),
            )
            .unwrap_or(Setting { value: EngineName::default(), origin: Origin::Default }),
            extra: Setting::first(
                extra_given(environment),
                Some(project.extra_layers()).filter(|extra| !extra.is_empty()),
                extra.and_then(Saved::recalled),
            )
            .unwrap_or(Setting { value: Vec::new(), origin: Origin::Default }),
            base: folder(environment, "SKIFF_BASE_CONFIGS_DIR", base),
            overrides: folder(environment, "SKIFF_OVERRIDES_DIR", overrides),
            buildroot: buildroot_of(environment, project, tree.and_then(Saved::recalled)),
            ignore_broken_lines,
            project: project.path().map(Path::to_owned),
        })
    }

    /// Returns what the next run has to know, once the workspace is configured.
    pub fn to_remember(&self, ignore_broken_lines: bool) -> SavedSettings {
        let buildroot = self.buildroot.as_ref().filter(|_| self.engine.value.kind().takes_tree);
        SavedSettings {
            chain: self.chain.as_ref().map(|chain| chain.value.clone()).unwrap_or_default(),
            engine: Some(self.engine.kept()),
            extra: Some(self.extra.kept()),
            base: self.base.clone(),
            overrides: self.overrides.clone(),
            buildroot: buildroot.map(Setting::kept),
            project: self.project.clone(),
            ignore_broken_lines,
        }
    }
}

/// Set and empty, the variable says that there are none.
fn extra_given(environment: &Environment) -> Option<Vec<PathBuf>> {
    const VARIABLE: &str = "SKIFF_EXTRA_CONFIGS_PATH";
    environment.raw(VARIABLE)?;
    let list = environment.get(VARIABLE).unwrap_or_default();
    let paths = list.split(':').filter(|path| !path.is_empty());
    Some(paths.map(|path| environment.absolute(Path::new(path))).collect())
}

fn engine_given(args: &Options, environment: &Environment) -> Result<Option<EngineName>> {
    let Some(text) = args.engine.as_deref().filter(|text| !text.is_empty()) else {
        // A tree that is named is to be used.
        let taker = EngineKind::first(|kind| kind.takes_tree).map(|kind| kind.name);
        return Ok(taker.filter(|_| tree_given(environment).is_some()));
    };
    EngineName::parse(text).map(Some).ok_or_else(|| SessionError::NoEngine(text.to_owned()).into())
}

/// Set and empty, the variable says that the directory of the checkout counts.
fn folder(environment: &Environment, variable: &str, remembered: Option<PathBuf>) -> Option<PathBuf> {
    match environment.raw(variable) {
        Some(_) => environment.path(variable),
        None => remembered,
    }
}

/// A pin in the project file and an empty variable both say that a tree of long ago does not count.
fn buildroot_of(environment: &Environment, project: &Project, remembered: Option<PathBuf>) -> Option<Setting<PathBuf>> {
    let emptied = environment.raw("SKIFF_BUILDROOT_DIR").is_some_and(|value| value.is_empty());
    let given = tree_given(environment).filter(|_| !emptied);
    let remembered = remembered.filter(|_| !emptied && project.buildroot.pin.is_none());
    Setting::first(given, project.buildroot_dir(), remembered)
}

/// Returns the tree that the environment names. For hooks and in `skiff shell`, SKIFF_BUILDROOT_DIR means the
/// workspace, as in SkiffOS, and SKIFF_BUILDROOT_TREE names the tree.
fn tree_given(environment: &Environment) -> Option<PathBuf> {
    let named = environment.path("SKIFF_BUILDROOT_DIR").filter(|folder| !skiff_build::is_workspace(folder));
    named.or_else(|| environment.path("SKIFF_BUILDROOT_TREE"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::time::SystemTime;

    use super::*;
    use crate::Ambient;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        Environment::new(Ambient {
            variables,
            current: "/home/me".into(),
            program: None,
            now: || SystemTime::UNIX_EPOCH,
        })
    }

    fn resolve(options: &Options, variables: &[(&str, &str)], saved: Option<SavedSettings>) -> Settings {
        let workspace = Workspace::new("/w".into(), "default").unwrap();
        Settings::resolve(options, &environment(variables), &Project::default(), &workspace, saved).unwrap()
    }

    fn saved() -> SavedSettings {
        let buildroot = EngineKind::first(|kind| kind.takes_tree).unwrap().name;
        SavedSettings {
            chain: "virt/qemu".into(),
            engine: Some(Saved { value: buildroot, by_project: false }),
            extra: Some(Saved { value: vec!["/layers".into()], by_project: false }),
            base: Some("/base".into()),
            overrides: None,
            buildroot: Some(Saved { value: "/buildroot".into(), by_project: false }),
            project: None,
            ignore_broken_lines: true,
        }
    }

    #[test]
    fn nothing_given_and_nothing_saved_is_the_default_engine_without_a_chain() {
        let settings = resolve(&Options::default(), &[], None);
        assert_eq!((settings.chain, settings.configured), (None, None));
        assert_eq!(settings.engine, Setting { value: EngineName::default(), origin: Origin::Default });
    }

    #[test]
    fn what_is_given_wins_over_what_is_saved() {
        let options = Options { config: Some("pi/4".into()), engine: Some("prebuilt".into()), ..Options::default() };
        let settings = resolve(&options, &[("SKIFF_EXTRA_CONFIGS_PATH", "mine:/other")], Some(saved()));
        assert_eq!(settings.chain, Some(Setting { value: "pi/4".into(), origin: Origin::Given }));
        assert_eq!(settings.configured.as_deref(), Some("virt/qemu"));
        assert_eq!((settings.engine.value.as_str(), settings.engine.origin), ("prebuilt", Origin::Given));
        assert_eq!(settings.extra.value, [Path::new("/home/me/mine"), Path::new("/other")]);
        assert_eq!(settings.base.as_deref(), Some(Path::new("/base")));
    }

    #[test]
    fn empty_texts_say_nothing_and_empty_variables_say_none() {
        let options = Options { config: Some(" ".into()), engine: Some(String::new()), ..Options::default() };
        let emptied = BTreeMap::from([("SKIFF_EXTRA_CONFIGS_PATH", ""), ("SKIFF_BASE_CONFIGS_DIR", "")]);
        let settings = resolve(&options, &emptied.into_iter().collect::<Vec<_>>(), Some(saved()));
        assert_eq!(settings.chain, Some(Setting { value: "virt/qemu".into(), origin: Origin::Saved }));
        assert_eq!(settings.engine.origin, Origin::Saved);
        assert!(settings.extra.value.is_empty() && settings.base.is_none());
    }

    #[test]
    fn a_tree_that_is_named_asks_for_the_engine_that_takes_one() {
        let settings = resolve(&Options::default(), &[("SKIFF_BUILDROOT_DIR", "tree")], None);
        assert!(settings.engine.value.kind().takes_tree);
        let tree = settings.buildroot.unwrap();
        assert_eq!((tree.value.as_path(), tree.origin), (Path::new("/home/me/tree"), Origin::Given));
        let unknown = Options { engine: Some("mkosi".into()), ..Options::default() };
        let workspace = Workspace::new("/w".into(), "default").unwrap();
        let wrong = Settings::resolve(&unknown, &environment(&[]), &Project::default(), &workspace, None);
        assert!(wrong.unwrap_err().to_string().contains("`mkosi`"));
    }

    #[test]
    fn an_emptied_variable_gives_up_a_saved_tree() {
        let settings = resolve(&Options::default(), &[("SKIFF_BUILDROOT_DIR", "")], Some(saved()));
        assert_eq!(settings.buildroot, None);
        assert!(resolve(&Options::default(), &[], Some(saved())).buildroot.is_some());
    }
}
