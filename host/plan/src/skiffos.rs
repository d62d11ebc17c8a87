//! The environment that SkiffOS gives to hooks, commands and Buildroot, for layers that were written for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use skiff_layers::CommandKind;
use skiff_layers::LayerCommand;
use skiff_layers::LayerSource;
use skiff_layers::Package;

use crate::BuildPlan;
use crate::Version;
use crate::Workspace;

/// The directories that SkiffOS's variables name.
#[derive(Clone, Debug)]
pub struct LegacyFolders {
    /// The checkout: `SKIFF_ROOT_DIR`.
    pub root: PathBuf,
    /// Its packages: `SKIFF_CONFIGS_DIR`.
    pub configs: PathBuf,
    /// The base layers: `SKIFF_BASE_CONFIGS_DIR`.
    pub base: PathBuf,
    /// The user's overrides: `SKIFF_OVERRIDES_DIR`.
    pub overrides: PathBuf,
    /// Files that scripts share: `SKIFF_RESOURCES_DIR`.
    pub resources: PathBuf,
    /// Scripts that scripts share: `SKIFF_SCRIPTS_DIR`.
    pub scripts: PathBuf,
}

/// Returns SkiffOS's variables for a plan, each value as it is: nothing of it is evaluated by a shell.
///
/// That of a single hook (`SKIFF_CURRENT_CONF_DIR`) is added by whoever runs it.
/// `packages` are those beside the chain that scripts may be led to. One whose variable another one has is left out: nobody
/// could say which of them a script means.
pub fn legacy_environment<'p>(
    plan: &BuildPlan,
    workspace: &Workspace,
    folders: &LegacyFolders,
    version: &Version,
    packages: impl Iterator<Item = &'p Package>,
) -> BTreeMap<String, String> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let with_slash = |folder: &Path| format!("{}/", folder.to_string_lossy());
    let chain: Vec<_> = plan.layers.iter().filter(|layer| matches!(layer.source, LayerSource::Chain(_))).collect();
    let names: Vec<&str> = chain.iter().map(|layer| layer.name.as_str()).collect();
    let roots: Vec<String> = chain.iter().map(|layer| path(&layer.root)).collect();
    let here = path(&workspace.folder());
    let mut variables = BTreeMap::from([
        ("SKIFF_ROOT_DIR".to_owned(), path(&folders.root)),
        ("SKIFF_CONFIGS_DIR".into(), path(&folders.configs)),
        ("SKIFF_WORKSPACES_DIR".into(), path(workspace.root())),
        ("SKIFF_OVERRIDES_DIR".into(), path(&folders.overrides)),
        ("SKIFF_WS_OVERRIDES_DIR".into(), with_slash(&folders.overrides.join("workspaces").join(workspace.name()))),
        ("SKIFF_RESOURCES_DIR".into(), path(&folders.resources)),
        ("SKIFF_BASE_CONFIGS_DIR".into(), path(&folders.base)),
        ("SKIFF_SCRIPTS_DIR".into(), path(&folders.scripts)),
        ("SKIFF_VERSION".into(), version.version.clone()),
        ("SKIFF_VERSION_COMMIT".into(), version.commit.clone()),
        ("SKIFF_WORKSPACE".into(), workspace.name().to_owned()),
        ("SKIFF_FINAL_CONFIG_DIR".into(), with_slash(&workspace.config())),
        ("SKIFF_CONFIG".into(), names.join(",")),
        ("SKIFF_CONFIGS".into(), names.join(" ")),
        ("SKIFF_CONFIG_PATH".into(), roots.join(" ")),
    ]);
    for name in ["SKIFF_BUILDROOT_DIR", "SKIFF_WORKSPACE_DIR", "BUILDROOT_DIR", "WORKSPACE_DIR"] {
        variables.insert(name.into(), here.clone());
    }
    let keys: Vec<String> = chain.iter().map(|layer| layer.variable_suffix()).collect();
    let path_variables: Vec<String> = keys.iter().map(|key| format!("SKIFF_CONFIG_PATH_{key}")).collect();
    variables.insert("SKIFF_CONFIG_FULL".into(), keys.join(" "));
    variables.insert("SKIFF_CONFIG_PATH_VAR".into(), path_variables.join(" "));
    let mut beside: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    for package in packages {
        beside.entry(package.name.variable_suffix()).or_default().push(package);
    }
    for (key, namesakes) in beside {
        if let [package] = namesakes.as_slice() {
            variables.insert(format!("SKIFF_CONFIG_PATH_{key}"), path(&package.root));
            variables.insert(format!("SKIFF_CONFIG_NAME_{key}"), package.name.to_string());
        }
    }
    for (layer, key) in chain.into_iter().zip(keys) {
        variables.insert(format!("SKIFF_CONFIG_PATH_{key}"), path(&layer.root));
        variables.insert(format!("SKIFF_CONFIG_NAME_{key}"), layer.name.clone());
        let scripts = |command: &&LayerCommand| command.kind == CommandKind::Makefile;
        let commands: Vec<&LayerCommand> =
            plan.commands.get(&layer.name).into_iter().flatten().filter(scripts).collect();
        if commands.is_empty() {
            continue;
        }
        let names: Vec<&str> = commands.iter().map(|command| command.name.as_str()).collect();
        let paths: Vec<String> = names.iter().map(|name| format!("cmd/{}/{name}", layer.name)).collect();
        variables.insert(format!("SKIFF_{key}_COMMAND_LIST"), names.join(" "));
        variables.insert(format!("SKIFF_{key}_COMMAND_PATHS"), paths.join(" "));
        for command in commands {
            let name = skiff_layers::variable_suffix(&command.name);
            variables.insert(format!("SKIFF_{key}_COMMAND_{name}_DESCRIP"), plain(&command.summary));
        }
    }
    variables
}

/// Makefiles print such a text by a shell: what make or a shell would carry out is left out of it.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " .,:_/+-=@%".contains(c);
    let text: String = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_mean_nothing_to_make_and_shells() {
        assert_eq!(plain("Formats the board's card: 100 % of it"), "Formats the board s card: 100 % of it");
        let hostile = "Boots it $(shell id) `id`; id | id && id > /x \"$HOME\" 'a' \\ # *";
        assert!(plain(hostile).chars().all(|c| c.is_alphanumeric() || " .,:_/+-=@%".contains(c)), "{}", plain(hostile));
    }
}
