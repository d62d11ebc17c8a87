use std::path::PathBuf;
use std::time::SystemTime;

use skiff_project::Ambient;
use skiff_project::Environment;

/// Reads the environment of the process. Where the current directory is gone, relative paths lead nowhere.
pub fn environment() -> Environment {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/proc/self/cwd"));
    Environment::new(Ambient { variables, current, program: std::env::current_exe().ok(), now: SystemTime::now })
}
