//! What may be done in a session: grants of the checkout, of the user and of this run, and the record of them.

use super::Session;
use super::SessionError;
use crate::ConsentError;
use crate::error::Result;
use crate::trust;
use skiff_digest::Digest;
use skiff_layers::CapabilityId;
use skiff_plan::BuildPlan;
use skiff_runtime::AuditEvent;
use skiff_runtime::GrantFile;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::PluginId;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::sync::PoisonError;

impl Session {
    /// Returns the files with grants: those that come with the checkout and the user's own.
    pub fn grant_files(&self) -> (PathBuf, PathBuf) {
        (self.root.join("plugins/grants.yaml"), self.context.overrides.join("grants.yaml"))
    }

    /// Returns all grants: shipped ones, the user's, and those of this run.
    ///
    /// # Errors
    /// If a file with grants cannot be read or is not trusted.
    pub fn grants(&self) -> Result<Grants> {
        self.with_grants_of_run(self.kept_grants()?)
    }

    /// Returns the grants that a plugin can have. Those that come with the checkout are for its own packages: to read
    /// them takes longer than to call another plugin.
    pub fn grants_for(&self, identity: &Identity) -> Result<Grants> {
        let shipped = self.shipped_root.get_or_init(|| self.context.configs.canonicalize().ok());
        if shipped.as_ref().is_none_or(|shipped| identity.root.starts_with(shipped)) {
            return self.grants();
        }
        let mut grants = Grants::default();
        grants.extend(self.own_grants()?);
        self.with_grants_of_run(grants)
    }

    /// Returns the user's own grants, read once.
    fn own_grants(&self) -> Result<GrantFile> {
        let mut known = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = Some(GrantFile::read(&self.grant_files().1)?);
        }
        Ok(known.clone().unwrap_or_default())
    }

    /// Changes the user's own grants: in their file, and for the rest of this run.
    ///
    /// # Errors
    /// If the file cannot be read or written; it is then as it was.
    pub fn update_grants(&self, change: impl FnOnce(&mut GrantFile)) -> Result<()> {
        GrantFile::update(&self.grant_files().1, change)?;
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    pub(super) fn with_grants_of_run(&self, mut grants: Grants) -> Result<Grants> {
        self.read_grant_arguments(&mut grants)?;
        grants.extend(self.for_now.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Ok(grants)
    }

    /// Reads the files that `--grants` names.
    pub fn read_grant_arguments(&self, grants: &mut Grants) -> Result<()> {
        for file in self.grant_arguments() {
            if !file.is_file() {
                return Err(ConsentError::NoFile(file).into());
            }
            self.belief.check("the file with grants", &file)?;
            grants.read_for_run(&file)?;
        }
        Ok(())
    }

    /// Returns the grants that hold for every run: those that come with the checkout and the user's own.
    pub fn kept_grants(&self) -> Result<Grants> {
        let (shipped, _) = self.grant_files();
        let mut grants = match self.shipped.get() {
            Some(known) => known.clone(),
            None => {
                self.belief.check("the file with grants", &shipped)?;
                let mut grants = Grants::default();
                grants.read_shipped(&shipped, &self.context.configs)?;
                self.shipped.get_or_init(|| grants).clone()
            }
        };
        grants.extend(self.own_grants()?);
        Ok(grants)
    }

    /// Returns the files that `--grants` names. A variable that is set to nothing names none.
    pub(super) fn grant_arguments(&self) -> impl Iterator<Item = PathBuf> {
        let named = self.options.grants.iter().filter(|file| !file.is_empty());
        named.map(|file| self.console.environment.absolute(Path::new(file)))
    }

    /// Grants something for this run only.
    pub fn grant_for_now(&self, identity: &Identity, capabilities: Vec<CapabilityId>) {
        self.for_now.lock().unwrap_or_else(PoisonError::into_inner).add(identity, capabilities);
    }

    /// Returns what `--allow` and `--grants` say and what this run has found to be trusted, as the variables that say it
    /// to another skiff. In the mount namespace of a build, files of root can appear to have another owner.
    pub fn consent_variables(&self, plan: &BuildPlan) -> Result<[(&'static str, OsString); 4]> {
        // Such a list cannot hold a path with a colon. What is left out is looked at again, and refused at the worst.
        let joined = |paths: Vec<PathBuf>| {
            let can_be_listed = paths.iter().filter(|path| std::env::join_paths([path]).is_ok());
            std::env::join_paths(can_be_listed).unwrap_or_default()
        };
        let mut trusted = vec![self.root.clone(), self.workspace.root().to_owned(), self.cache()?];
        trusted.extend([self.context.base.clone(), self.context.overrides.clone()]);
        trusted.extend(self.project.path().map(Path::to_owned));
        trusted.extend(trust::trust_file(&self.console.environment));
        // Those that are not believed are refused before anything is handed on.
        trusted.extend(plan.layers.iter().map(|layer| layer.root.clone()).filter(|root| self.planner.believes(root)));
        Ok([
            ("SKIFF_ALLOW", self.allowed.join(" ").into()),
            ("SKIFF_LOCKED", if self.policy.locked { "1" } else { "" }.into()),
            ("SKIFF_GRANTS", joined(self.grant_arguments().collect())),
            ("SKIFF_TRUST", joined(trusted)),
        ])
    }

    /// Notes what a plugin does or is allowed.
    pub fn audit_note(&self, plugin: &PluginId, digest: Digest, event: AuditEvent) -> Result<()> {
        self.make_workspaces()?;
        let log = self.audit();
        let noted = log.note(plugin, digest, event);
        Ok(noted.map_err(|error| SessionError::Audit { path: log.path().to_owned(), error })?)
    }
}
