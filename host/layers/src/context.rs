use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything ambient that resolving depends on, filled once by the command line.
#[derive(Clone, Debug)]
pub struct ResolveContext {
    /// The in-tree packages: `<root>/configs`.
    pub configs: PathBuf,
    /// The directory with the base layers `pre` and `post`; normally `<root>/configs/base`.
    pub base: PathBuf,
    /// The user's overrides: `<root>/overrides`.
    pub overrides: PathBuf,
    /// The workspace's name.
    pub workspace: String,
    /// Further package roots, first match wins: `SKIFF_EXTRA_CONFIGS_PATH`, made absolute.
    pub extra: Vec<PathBuf>,
    /// Directories of single packages, by variable suffix: `SKIFF_CONFIG_PATH_<NS>_<NAME>`.
    pub preset: BTreeMap<String, PathBuf>,
}
