use std::path::Path;
use std::path::PathBuf;

use skiff_build::write_file;
use skiff_file::Lock;
use skiff_text::Shown as _;

use crate::args::TrustCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::output::note;
use skiff_project::Environment;
use skiff_project::read_trust;
use skiff_project::trust_file;

pub(crate) fn run(command: &TrustCommand, environment: &Environment) -> Result<()> {
    let path = trust_file(environment).ok_or_else(|| {
        CommandError::new(Kind::User, "this user has no home directory that could hold a list of trusted paths")
            .hint("set HOME, or name trusted paths in SKIFF_TRUST, separated by colons")
    })?;
    let _lock = match command {
        TrustCommand::List => None,
        TrustCommand::Add { .. } | TrustCommand::Remove { .. } => Some(lock(&path)?),
    };
    let mut file = read_trust(environment, &path)?;
    let real = |named: &PathBuf| {
        let absolute = environment.absolute(named);
        absolute
            .canonicalize()
            .map_err(|error| CommandError::new(Kind::User, format!("cannot find `{}`: {error}", absolute.shown())))
    };
    let changed = match command {
        TrustCommand::List => {
            file.trusted.iter().for_each(|path| data!("{}", path.shown()));
            return Ok(());
        }
        TrustCommand::Add { path } => {
            let path = real(path)?;
            if !file.trusted.contains(&path) {
                file.trusted.push(path.clone());
            }
            format!("All that lies in {} is trusted", path.shown())
        }
        TrustCommand::Remove { path } => {
            let named = environment.absolute(path);
            let gone = real(path).unwrap_or_else(|_| named.clone());
            let before = file.trusted.len();
            file.trusted.retain(|known| *known != gone && *known != named);
            if file.trusted.len() == before {
                return Err(CommandError::new(Kind::User, format!("`{}` is not on the list", named.shown()))
                    .hint("`skiff trust list` shows what is"));
            }
            format!("{} is trusted no more", named.shown())
        }
    };
    file.trusted.sort();
    let text = serde_yaml::to_string(&file).map_err(|error| CommandError::new(Kind::Bug, error.to_string()))?;
    write_file(&path, text.as_bytes())?;
    note!("{changed}");
    Ok(())
}

/// Waits for others that change the list, and holds it until the lock is dropped.
fn lock(path: &Path) -> Result<Lock> {
    Lock::take(&path.with_file_name(".trust.lock")).map_err(|error| {
        CommandError::new(Kind::User, format!("cannot lock `{}`: {error}", path.shown()))
            .hint("SKIFF_TRUST names trusted paths without a list")
    })
}
