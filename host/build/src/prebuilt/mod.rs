//! The engine `prebuilt`: a small Linux system from the binary packages of the host's distribution.
//!
//! Nothing is compiled, nothing is installed and no root is needed: packages come through a private apt state
//! from the sources that the host already trusts, are unpacked in-process into a tree of the workspace, and get
//! a Busybox init in front. The images carry Buildroot's names. What a configuration asks for and this engine
//! cannot give is listed as [`Gap`]s, never dropped in silence.
//!
//! Equal inputs give equal bytes: names are sorted, times come from `SOURCE_DATE_EPOCH` or, without it, from the
//! newest file in the packages, owners are fixed, and no path of the machine is written.

mod account;
mod apt;
mod compression;
mod deb;
mod distribution;
mod error;
mod gap;
mod image;
mod kernel;
mod package;
mod system;
mod tree;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::Target;
use skiff_plan::Task;
use skiff_plan::Unit;
use skiff_plan::Workspace;
use skiff_plan::Zones;

pub use self::error::PrebuiltError;

use crate::Compiled;
use crate::Engine;
use crate::FileError;
use crate::Gap;
use crate::Job;
use crate::atomic::Staging;
use crate::images::Images;
use crate::outputs;
use crate::outputs::BuildRecord;
use crate::outputs::Stages;
use crate::workspace;

use self::apt::Apt;
use self::distribution::Distribution;
use self::package::PackageLock;
use self::tree::Tree;

/// Raised whenever the engine makes other images from the same inputs.
const REVISION: u32 = 1;

/// The engine and what it takes from its surroundings.
#[derive(Debug, Clone)]
pub struct Prebuilt {
    /// Where downloads are kept for all workspaces.
    pub cache: PathBuf,
    /// The file that names the host's distribution: `/etc/os-release`.
    pub os_release: PathBuf,
    /// The time, in seconds since 1970, that all files of the images bear; `None` for that of the newest file
    /// in the packages.
    pub source_date_epoch: Option<u32>,
    /// Whether to look for newer packages than the locked ones.
    pub update: bool,
}

impl Engine for Prebuilt {
    fn name(&self) -> &'static str {
        "prebuilt"
    }

    fn gaps(&self, plan: &BuildPlan, workspace: &Workspace) -> Vec<Gap> {
        gap::gaps(plan, &kernel::settings(&workspace.target()))
    }

    fn compile(&self, job: &Job<'_>) -> Result<Compiled, Box<dyn Error + Send + Sync>> {
        Ok(self.build(job)?)
    }
}

impl Prebuilt {
    fn build(&self, job: &Job<'_>) -> Result<Compiled, PrebuiltError> {
        let target = Target::of(job.plan.config(skiff_kconfig::Kind::Buildroot))?;
        let arch = target.arch.ok_or(PrebuiltError::NoArchitecture)?;
        system::check_hostname(&target.hostname)?;
        let distribution = Distribution::read(&self.os_release)?;
        let requests = distribution.requests(&job.plan.prebuilt, arch)?;
        let apt = Apt::new(&self.cache, arch, job.reporter, job.cancel);
        let lock_path = job.workspace.package_lock();
        let known = if self.update { PackageLock::default() } else { PackageLock::read(&lock_path)? };
        let lock = known.complete(&requests, arch, &apt, self.update)?;

        let record_path = job.workspace.folder().join("build.json");
        let stages = self.stages(job, &target, &lock);
        if let Some(record) = BuildRecord::read(&record_path)
            && record.stages == stages
            && outputs::are_intact(&job.workspace.images(), &record.outputs)
            && job.workspace.target().is_dir()
        {
            lock.write(&lock_path)?;
            return Ok(Compiled::Unchanged);
        }
        // What would be refused at the end is refused before the work.
        for call in job.plan.hooks(Stage::Pre).chain(job.plan.hooks(Stage::Post)) {
            job.hooks.check_hook(&call)?;
        }
        let packages = apt.obtain(lock.packages())?;
        workspace::claim(job.workspace)?;
        let staging = Staging::new(&job.workspace.folder(), job.workspace.name())?;
        let outputs = self.make(job, &target, &packages, staging.path())?;
        lock.write(&lock_path)?;
        // Without a record the folders count as unfinished, until both are in place.
        BuildRecord::remove(&record_path)?;
        staging.commit("target", &job.workspace.target())?;
        staging.commit("images", &job.workspace.images())?;
        BuildRecord { stages, outputs: outputs.to_string() }.write(&record_path)?;
        Ok(Compiled::Built)
    }

    fn stages(&self, job: &Job<'_>, target: &Target, lock: &PackageLock) -> std::collections::BTreeMap<String, String> {
        let mut stages = Stages::new();
        let digests: Vec<&[u8]> = lock.packages().map(|package| package.sha256.as_bytes()).collect();
        stages.add("packages", &digests);
        let files: Vec<&[u8]> = system::FILES.iter().map(|text| text.as_bytes()).collect();
        // Values with skiff's version or the commit in them are no content of a layer.
        let values = format!("{REVISION} {target:?} {:?}", job.plan.chain);
        let inputs = [&[values.as_bytes(), job.plan.fingerprint.layers.bytes()], files.as_slice()].concat();
        stages.add("target", &inputs);
        let epoch = self.source_date_epoch.map_or(u64::MAX, u64::from);
        stages.add("images", &[&epoch.to_le_bytes(), image::INIT.as_bytes()]);
        stages.finish()
    }

    /// Makes `target` and `images` in the staging folder and returns the digest of `SHA256SUMS`.
    fn make(
        &self,
        job: &Job<'_>,
        target: &Target,
        packages: &[PathBuf],
        staging: &Path,
    ) -> Result<skiff_plan::Digest, PrebuiltError> {
        let (root, images) = (staging.join("target"), staging.join("images"));
        for folder in [&root, &images] {
            fs::create_dir(folder).map_err(FileError::at("make", folder))?;
        }
        let (tree, folder) = (Tree::new(&root)?, images);
        let images = Images::open(&folder)?;
        tree.skeleton()?;
        let newest = self.unpack(job, &tree, packages)?;
        let epoch = self.source_date_epoch.unwrap_or(newest);
        let kernel = kernel::take_out(&tree, &images, target.arch)?;
        let modules = kernel.index_modules(&tree)?;
        system::configure(&tree, job.plan, target)?;
        for overlay in &job.plan.overlays {
            job.cancel.check()?;
            tree.copy_overlay(overlay)?;
        }
        let owners = account::create(&tree, job.plan, target)?;
        self.call_hooks(job, Stage::Pre, epoch, &root, &folder)?;

        image::initramfs(&tree, &modules, &job.plan.prebuilt, epoch, &images)?;
        image::root(&tree, &owners, epoch, &images, job)?;
        self.call_hooks(job, Stage::Post, epoch, &root, &folder)?;
        Ok(outputs::write_sums(&images)?)
    }

    /// Unpacks all packages and returns the time of the newest file in them.
    fn unpack(&self, job: &Job<'_>, tree: &Tree, packages: &[PathBuf]) -> Result<u32, PrebuiltError> {
        let sizes = packages.iter().map(|path| fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default());
        let task = Task::start(job.reporter, "Unpacking packages", Unit::Bytes, Some(sizes.sum()));
        let mut newest = 0;
        for package in packages {
            newest = newest.max(deb::unpack(package, tree, &task, job.cancel)?);
        }
        Ok(newest)
    }

    fn call_hooks(
        &self,
        job: &Job<'_>,
        stage: Stage,
        epoch: u32,
        root: &Path,
        images: &Path,
    ) -> Result<(), PrebuiltError> {
        let zones = Zones {
            layers: job.plan.layer_folders(),
            target: Some(root.to_owned()),
            images: Some(images.to_owned()),
            state: job.workspace.state(),
            epoch: Some(epoch),
        };
        for call in job.plan.hooks(stage) {
            job.cancel.check()?;
            job.hooks.run_hook(&call, &zones)?;
        }
        Ok(())
    }
}
