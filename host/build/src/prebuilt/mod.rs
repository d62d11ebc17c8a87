//! The engine `prebuilt`: a small Linux system from the binary packages of the host's distribution.
//!
//! Nothing is compiled, nothing is installed and no root is needed: packages come through a private apt state
//! from the sources that the host already trusts, are unpacked in-process into a tree of the workspace, and get
//! a Busybox init in front. The images carry Buildroot's names. What a configuration asks for and this engine
//! cannot give is listed as [`Gap`]s, never dropped in silence.
//!
//! Equal inputs give equal bytes: names are sorted, times come from `SOURCE_DATE_EPOCH` or, without it, from the
//! newest file in the packages, owners are fixed, and no path of the machine is written.

mod apt;
mod closure;
mod compression;
mod deb;
mod details;
mod distribution;
mod download;
mod error;
mod image;
mod kernel;
mod kind;
mod maintainer;
mod outlook;
mod owners;
mod package;
mod passwd;
mod size;
mod stubs;
mod system;
mod table;
mod times;
mod tree;
mod unsupported;
mod wished;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use skiff_debian::Package;
use skiff_digest::Digest;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::HookRunner;
use skiff_plan::HookStep;
use skiff_plan::Target;
use skiff_plan::Workspace;
use skiff_plan::Zones;
use skiff_report::Cancel;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_trust::Trust;

pub use self::error::PrebuiltError;
pub(crate) use self::kind::KIND;
pub use self::passwd::Accounts;

use crate::BuildContext;
use crate::Built;
use crate::Compiled;
use crate::ConfigureOutcome;
use crate::Engine;
use crate::EngineError;
use crate::EngineName;
use crate::FileError;
use crate::Gap;
use crate::Input;
use crate::LockPolicy;
use crate::Origin;
use crate::Outlook;
use crate::StageInputs;
use crate::atomic::Staging;
use crate::images::Images;
use crate::images::Symlinks;
use crate::outputs;
use crate::outputs::BuildRecord;
use crate::workspace;

use self::apt::Apt;
use self::details::Details;
use self::distribution::Distribution;
use self::maintainer::Maintained;
use self::package::LockedPackage;
use self::package::PackageLock;
use self::system::Init;
use self::tree::Tree;
use self::wished::Wished;

/// The package with the first program of the system, which needs no libraries.
const BUSYBOX: &str = "busybox-static";

/// Raised whenever the engine makes other images from the same inputs.
const REVISION: u32 = 3;

/// The engine and what it takes from its surroundings.
#[derive(Debug, Clone)]
pub struct Prebuilt {
    /// Where downloads are kept for all workspaces.
    pub cache: PathBuf,
    /// Whose files in the cache are believed.
    pub trust: Trust,
    /// The file that names the host's distribution: `/etc/os-release`.
    pub os_release: PathBuf,
    /// The time, in seconds since 1970, that all files of the images bear; `None` for that of the newest file
    /// in the packages.
    pub source_date_epoch: Option<u32>,
    /// Whether to look for newer packages than the locked ones.
    pub update: bool,
    /// How far to look for packages.
    pub policy: LockPolicy,
}

/// What a build has made.
struct Made {
    /// The digest of `SHA256SUMS`.
    outputs: Digest,
    /// What is noted of it.
    details: Details,
    /// The numbers of users and groups that were chosen.
    ids: BTreeMap<String, u32>,
}

impl Engine for Prebuilt {
    fn name(&self) -> EngineName {
        EngineName::Prebuilt
    }

    /// This engine reads the merged configuration itself.
    fn configure(&self, _: &BuildContext, _: &Path) -> Result<ConfigureOutcome, EngineError> {
        Ok(ConfigureOutcome::default())
    }

    fn state(&self, _: &Workspace, _: &Cancel) -> Option<String> {
        Some(String::new())
    }

    fn gaps(&self, plan: &BuildPlan, workspace: &Workspace) -> Result<Option<Vec<Gap>>, EngineError> {
        let distribution = Distribution::read(&self.os_release)?;
        let mut gaps = unsupported::gaps(plan, distribution.id(), &kernel::settings(&workspace.target()));
        let details = Details::read(workspace).map_err(PrebuiltError::from)?;
        gaps.extend(details.into_iter().flat_map(Details::gaps));
        Ok(Some(gaps))
    }

    fn outlook(&self, plan: &BuildPlan) -> Outlook {
        match Wished::read(plan, &self.os_release) {
            Ok(wished) => outlook::of(plan, &wished),
            Err(error) => Outlook { impossible: Some(error.to_string()), ..Outlook::default() },
        }
    }

    fn stages(&self, plan: &BuildPlan, workspace: &Workspace, _: &Cancel) -> Result<Vec<StageInputs>, EngineError> {
        let wished = Wished::read(plan, &self.os_release)?;
        let lock = PackageLock::read(workspace).map_err(PrebuiltError::from)?;
        Ok(self.inputs(plan, &wished.target, lock.packages(wished.arch)))
    }

    fn fetch(&self, context: &BuildContext) -> Result<(), EngineError> {
        workspace::claim(&context.workspace).map_err(PrebuiltError::from)?;
        let wished = Wished::read(&context.plan, &self.os_release)?;
        let (lock, apt) = self.lock(context, &wished)?;
        apt.obtain(lock.packages(apt.arch))?;
        Ok(lock.write(&context.workspace).map_err(PrebuiltError::from)?)
    }

    fn compile(&self, context: &BuildContext, hooks: &dyn HookRunner) -> Result<Compiled, EngineError> {
        Ok(self.build(context, hooks)?)
    }
}

impl Prebuilt {
    /// Looks up what is not locked yet.
    fn lock<'s>(&'s self, context: &'s BuildContext, wished: &Wished) -> Result<(PackageLock, Apt<'s>), PrebuiltError> {
        let arch = wished.arch;
        let apt = Apt::new(self, arch, context);
        let path = context.workspace.system_lock();
        let known = PackageLock::read(&context.workspace)?;
        if self.policy.frozen {
            let is_empty = known.packages(arch).is_empty();
            return if is_empty { Err(PrebuiltError::Frozen { path }) } else { Ok((known, apt)) };
        }
        let requests: Vec<String> = wished.requests.iter().map(|request| request.package.clone()).collect();
        let lock = known.clone().complete(&requests, arch, &apt, self.update)?;
        match self.policy.locked && lock != known {
            true => Err(PrebuiltError::Locked { path }),
            false => Ok((lock, apt)),
        }
    }

    fn build(&self, context: &BuildContext, hooks: &dyn HookRunner) -> Result<Compiled, PrebuiltError> {
        let wished = Wished::read(&context.plan, &self.os_release)?;
        workspace::claim(&context.workspace)?;
        let (lock, apt) = self.lock(context, &wished)?;
        let locked = lock.packages(apt.arch);
        let stages = self.inputs(&context.plan, &wished.target, locked);
        if let Built::Images(made_from) = Built::look(&context.workspace)?
            && made_from == stages
            && context.workspace.target().is_dir()
        {
            lock.write(&context.workspace)?;
            return Ok(Compiled::Unchanged);
        }
        // What would be refused at the end is refused before the work.
        if !locked.iter().any(|package| package.name == BUSYBOX) {
            return Err(PrebuiltError::Unprepared { what: "the package `busybox-static`" });
        }
        hooks.check_hooks(&[plugins(&context.plan, Stage::Pre), plugins(&context.plan, Stage::Post)].concat())?;
        let files = apt.obtain(locked)?;
        let names = locked.iter().map(|package| package.name.clone());
        let packages: Vec<(String, PathBuf)> = names.zip(files).collect();
        let staging = Staging::new(&context.workspace.folder(), context.workspace.name())?;
        let made = self.make(context, hooks, &wished, &packages, lock.ids(apt.arch), staging.path())?;
        lock.with_ids(apt.arch, made.ids, self.policy).write(&context.workspace)?;
        // Without a record the directories count as unfinished, until both are in place.
        BuildRecord::remove(&context.workspace)?;
        let (target, images) = (context.workspace.target(), context.workspace.images());
        staging.commit_all(&[("target", &target), ("images", &images)])?;
        let mut record = BuildRecord::new(EngineName::Prebuilt, stages);
        record.outputs = Some(made.outputs.to_string());
        record.details = serde_json::json!(made.details);
        record.write(&context.workspace)?;
        Ok(Compiled::Built(Vec::new()))
    }

    /// Digests everything that a build is made from.
    fn inputs(&self, plan: &BuildPlan, target: &Target, locked: &[LockedPackage]) -> Vec<StageInputs> {
        let mut packages = StageInputs::new("packages");
        for package in locked {
            packages.add_text(Input::Package(package.name.clone()), &package.sha256);
        }
        let mut system = StageInputs::new("target");
        let own = [system::FILES.concat(), skiff_debian::DATA.concat()].concat();
        system.add_text(Input::Skiff, [&REVISION.to_le_bytes(), own.as_bytes()].concat());
        // Values with skiff's version or the commit in them are no content of a layer.
        system.add_text(Input::Target, format!("{target:?}")).add_text(Input::Chain, plan.chain.join(","));
        for (input, digest) in &plan.fingerprint.inputs {
            system.add(Input::Layer(input.clone()), *digest);
        }
        let mut images = StageInputs::new("images");
        let epoch = self.source_date_epoch.map_or(u64::MAX, u64::from);
        images.add_text(Input::Epoch, epoch.to_le_bytes()).add_text(Input::Skiff, image::INIT);
        vec![packages, system, images]
    }

    /// Makes `target` and `images` in the staging directory. `ids` are the numbers of users that earlier builds chose.
    fn make(
        &self,
        context: &BuildContext,
        hooks: &dyn HookRunner,
        wished: &Wished,
        packages: &[(String, PathBuf)],
        ids: &BTreeMap<String, u32>,
        staging: &Path,
    ) -> Result<Made, PrebuiltError> {
        let target = &wished.target;
        let (root, images) = (staging.join("target"), staging.join("images"));
        for folder in [&root, &images] {
            fs::create_dir(folder).map_err(FileError::at("make", folder))?;
        }
        let (tree, folder) = (Tree::new(&root)?, images);
        let images = Images::open(&folder)?;
        tree.skeleton()?;
        let (newest, scripts) = self.unpack(context, &tree, packages)?;
        let init = Init::of(&tree);
        let epoch = self.source_date_epoch.unwrap_or(newest);
        tree.begin(Origin::Skiff);
        let kernel = kernel::take_out(&tree, &images, target.arch)?;
        let modules = kernel.index_modules(&tree, context)?;
        if let Some(wanted) = context.plan.prebuilt.images.get(&wished.arch.to_string()) {
            image::taken(&tree, wanted, &folder)?;
        }
        let maintained = match init {
            Init::Systemd => maintainer::configure(&tree, &context.plan, &scripts, ids, &context.cancel)?,
            Init::Busybox => Maintained::default(),
        };
        system::configure(&tree, &context.plan, target, init)?;
        for overlay in &context.plan.overlays {
            context.cancel.check()?;
            tree.begin(Origin::Overlay(overlay.layer.clone()));
            let copied = tree.copy_overlay(overlay, &context.cancel);
            context.cancel.check()?;
            copied?;
        }
        tree.begin(Origin::Skiff);
        passwd::create(&tree, &context.plan, target, &context.cancel)?;
        self.call_hooks(context, hooks, Stage::Pre, epoch, &root, &folder)?;

        let details = Details::new(size::measure(&tree)?, &wished.requests, maintained.undone);
        image::initramfs(&tree, &modules, &context.plan.prebuilt, epoch, &images, context)?;
        image::root(&tree, &tree.owners(), epoch, &images, context)?;
        self.call_hooks(context, hooks, Stage::Post, epoch, &root, &folder)?;
        times::cap(&folder, epoch)?;
        let _task = Task::start(&context.reporter, "Digesting images", Unit::Items, None);
        Ok(Made { outputs: outputs::write_sums(&images, Symlinks::Refused)?, details, ids: maintained.ids })
    }

    /// Unpacks all packages and returns the time of the newest file in them, and their maintainer scripts.
    fn unpack(
        &self,
        context: &BuildContext,
        tree: &Tree,
        packages: &[(String, PathBuf)],
    ) -> Result<(u32, Vec<Package>), PrebuiltError> {
        let sizes =
            packages.iter().map(|(_, path)| fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default());
        let task = Task::start(&context.reporter, "Unpacking packages", Unit::Bytes, Some(sizes.sum()));
        let (mut newest, mut scripts) = (0, Vec::new());
        for (name, package) in packages {
            tree.begin(Origin::Package(name.clone()));
            let unpacked = deb::unpack(package, tree, &task, &context.cancel)?;
            newest = newest.max(unpacked.newest);
            scripts.push(Package { name: name.clone(), postinst: unpacked.postinst });
        }
        Ok((newest, scripts))
    }

    fn call_hooks(
        &self,
        context: &BuildContext,
        hooks: &dyn HookRunner,
        stage: Stage,
        epoch: u32,
        root: &Path,
        images: &Path,
    ) -> Result<(), PrebuiltError> {
        let zones = Zones {
            layers: context.plan.layer_folders(),
            target: Some(root.to_owned()),
            images: Some(images.to_owned()),
            state: context.workspace.state(),
            epoch: Some(epoch),
        };
        for step in plugins(&context.plan, stage) {
            context.cancel.check()?;
            hooks.run_hook(&step, &zones)?;
        }
        Ok(())
    }
}

/// The steps that this engine makes: scripts expect Buildroot around them, and are listed as gaps.
fn plugins(plan: &BuildPlan, stage: Stage) -> Vec<HookStep> {
    plan.hooks(stage).into_iter().filter(|step| matches!(step, HookStep::Component(_))).collect()
}
