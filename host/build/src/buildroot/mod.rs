//! The engine `buildroot`: a system compiled from source by Buildroot.
//!
//! Buildroot's tree is only read: outputs are in the workspace (`O=`). Its own Kconfig makes the `.config` of the
//! merged configuration, and what it does not follow is reported with the reason ([`skiff_kconfig::dropped`]).
//! Buildroot builds what has no stamp; what a change of the inputs reaches is removed before ([`rebuild`]), so that
//! an image never silently holds what is not wanted any more.
//!
//! Hooks are called by Buildroot: its post-build and post-image scripts are skiff.

mod delta;
mod error;
mod info;
mod make;
mod place;
mod progress;
mod rebuild;
mod sizes;
mod source;
mod times;
mod tree;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitStatus;

use skiff_kconfig::DefinitionError;
use skiff_kconfig::Definitions;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_layers::Stage;
use skiff_plan::BuildPlan;
use skiff_plan::Digest;
use skiff_plan::Event;
use skiff_plan::HookRunner;
use skiff_plan::Level;
use skiff_plan::Links;
use skiff_plan::Workspace;
use skiff_plan::digest_tree;
use walkdir::WalkDir;

pub use self::delta::Menu;
pub use self::delta::SavedDelta;
pub use self::delta::delta_of;
pub use self::delta::menu_of;
pub use self::error::BuildrootError;
pub use self::place::enter;
pub use self::progress::HOOK_LINE;
pub use self::sizes::read_installed_sizes;
pub use self::times::StepTimes;
pub use self::times::read_step_times;
pub use self::tree::Pin;
pub use self::tree::Source;
use self::tree::Tree;

use self::make::Make;
use self::place::Place;
use self::progress::Progress;
use self::rebuild::Part;
use self::rebuild::Rebuild;
use self::times::Remembered;
use crate::Built;
use crate::Compiled;
use crate::Engine;
use crate::EngineError;
use crate::EngineName;
use crate::FileError;
use crate::Gap;
use crate::Reach;
use crate::Site;
use crate::StageInputs;
use crate::TakenOver;
use crate::atomic::write_file;
use crate::images::Images;
use crate::images::Symlinks;
use crate::outputs;
use crate::outputs::BuildRecord;
use crate::stage_changes;
use crate::workspace;

pub(crate) use self::info::Packages;
pub(crate) use self::rebuild::OUTPUTS;

/// The engine and what it takes from its surroundings.
#[derive(Debug, Clone)]
pub struct Buildroot {
    /// Where the tree comes from.
    pub source: Source,
    /// Where trees, downloads and the compiler cache are kept for all workspaces.
    pub cache: PathBuf,
    /// The program skiff: Buildroot calls it for hooks.
    pub program: PathBuf,
    /// The environment of everything that is run.
    pub environment: BTreeMap<OsString, OsString>,
    /// Whether to build at the same path in all workspaces, where that can be had.
    pub fixed_path: bool,
    /// The make target to build instead of what the layers say.
    pub target: Option<String>,
    /// How far to look for sources.
    pub reach: Reach,
}

impl Engine for Buildroot {
    fn name(&self) -> EngineName {
        EngineName::Buildroot
    }

    fn configure(&self, site: &Site<'_>, merged: &Path) -> Result<TakenOver, EngineError> {
        Ok(self.run_kconfig(site, merged)?)
    }

    /// The tree, and the content of `.config`: make writes that anew now and then.
    fn state(&self, workspace: &Workspace) -> Option<String> {
        let tree = self.source.present(&self.cache).ok()??;
        Some(state_of(&tree, &read_config(workspace).ok()?))
    }

    /// Everything can be given that Buildroot knows; what it does not, configuring has said.
    fn gaps(&self, _: &BuildPlan, _: &Workspace) -> Vec<Gap> {
        Vec::new()
    }

    fn stages(&self, plan: &BuildPlan, workspace: &Workspace) -> Result<Vec<StageInputs>, EngineError> {
        let identity = self.source.present(&self.cache)?.map(|tree| tree.identity);
        let config = read_config(workspace)?;
        Ok(inputs(plan, workspace, &config, identity.as_deref().unwrap_or("not fetched"))?)
    }

    fn fetch(&self, site: &Site<'_>) -> Result<(), EngineError> {
        let make = self.make(site)?;
        Ok(source::fetch(&make, site)?)
    }

    fn compile(&self, site: &Site<'_>, hooks: &dyn HookRunner) -> Result<Compiled, EngineError> {
        Ok(self.build(site, hooks)?)
    }
}

impl Buildroot {
    /// Finds or fetches the tree and prepares make.
    fn make(&self, site: &Site<'_>) -> Result<Make<'_>, BuildrootError> {
        workspace::claim(site.workspace)?;
        let tree = self.source.obtain(&self.cache, self.reach.offline, site)?;
        self.keep_lock(site, &tree)?;
        Make::new(self, site, tree)
    }

    /// Notes which tree a workspace is built with, or refuses another one.
    fn keep_lock(&self, site: &Site<'_>, tree: &Tree) -> Result<(), BuildrootError> {
        let path = site.workspace.folder().join("buildroot.lock");
        let text = format!(
            "# What this workspace is built with. `skiff compile --locked` refuses anything else.\n\
             version: 1\nbuildroot: {}\n",
            tree.identity
        );
        let present = match fs::read_to_string(&path) {
            Ok(present) => Some(present),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(FileError::at("read", path)(error).into()),
        };
        if present.as_deref() == Some(&text) {
            return Ok(());
        }
        // What is locked is used or nothing; only who locks nothing yet may use anything when frozen.
        let refused = self.reach.locked || self.reach.frozen && present.is_some();
        if refused {
            let present = present.unwrap_or_default();
            let wanted = present.lines().find_map(|line| line.strip_prefix("buildroot: "));
            let wanted = wanted.unwrap_or("nothing").to_owned();
            return Err(BuildrootError::Locked { lock: path, wanted, present: tree.identity.clone() });
        }
        match self.reach.frozen {
            true => Ok(()),
            false => Ok(write_file(&path, text.as_bytes())?),
        }
    }

    /// Runs Buildroot's `defconfig` over the merged configuration and compares.
    fn run_kconfig(&self, site: &Site<'_>, merged: &Path) -> Result<TakenOver, BuildrootError> {
        refuse_commands(site.plan)?;
        let make = self.make(site)?;
        let folder = site.workspace.folder();
        let (new, place) = (folder.join(".config.skiff"), folder.join(".config"));
        let variable = |name: &str, path: &Path| format!("{name}={}", path.display());
        let words = [
            // The name under which the configuration will be known, and the file that it is read from now.
            variable("BR2_DEFCONFIG", &site.workspace.config().join("buildroot/config")),
            variable("DEFCONFIG", &merged.join("buildroot/config")),
            variable("BR2_CONFIG", &make.place.path.join(".config.skiff")),
            "defconfig".to_owned(),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        make.output(&words, site, "Buildroot's defconfig")?;
        let text = fs::read(&new).map_err(FileError::at("read", &new))?;
        let finished = parse_config(&String::from_utf8_lossy(&text));
        let wanted = site.plan.config(Kind::Buildroot);
        let definitions = || match self.definitions(&make, &finished) {
            Ok(definitions) => Some(definitions),
            Err(error) => {
                // Kconfig itself has understood them; what is lost is the explanation.
                let text = format!("cannot tell why settings come to nothing: {error}");
                site.reporter.event(Event::Message { level: Level::Warning, plugin: None, text: &text });
                None
            }
        };
        let dropped = skiff_kconfig::dropped(wanted, &finished, definitions);
        Ok(TakenOver { dropped, state: state_of(make.tree(), &finished), pending: Some((new, place)) })
    }

    /// Reads what Buildroot and the external trees say about their symbols.
    fn definitions(&self, make: &Make<'_>, finished: &Merged) -> Result<Definitions, DefinitionError> {
        let mut variables = BTreeMap::from([
            ("BR2_BASE_DIR".to_owned(), make.place.folder.display().to_string()),
            ("BASE_DIR".to_owned(), make.place.folder.display().to_string()),
        ]);
        let paths = finished.entries().filter(|(symbol, _)| symbol.as_str().starts_with("BR2_EXTERNAL_"));
        variables.extend(paths.filter_map(|(symbol, entry)| Some((symbol.to_string(), entry.winner.value.string()?))));
        Definitions::read(&make.tree().root, "Config.in", &variables)
    }

    fn build(&self, site: &Site<'_>, hooks: &dyn HookRunner) -> Result<Compiled, BuildrootError> {
        let make = self.make(site)?;
        let config = read_config(site.workspace)?;
        let stages = inputs(site.plan, site.workspace, &config, &make.tree().identity)?;
        if self.target.is_none() && Built::look(site.workspace) == Built::Images(stages.clone()) {
            return Ok(Compiled::Unchanged);
        }
        // What would be refused at the end is refused before the work.
        for step in site.plan.hooks(Stage::Pre).into_iter().chain(site.plan.hooks(Stage::Post)) {
            hooks.check_hook(&step)?;
        }
        let folder = site.workspace.folder();
        let packages = info::packages(&make, site)?;
        let mut record = BuildRecord { engine: self.name(), stages, packages: packages.clone(), outputs: None };
        // Those that are off have folders, too, and may be on again one day.
        for (name, info) in BuildRecord::read(site.workspace).map(|old| old.packages).unwrap_or_default() {
            record.packages.entry(name).or_insert(info);
        }
        self.clear_stale(site, &record)?;
        let mut times = Remembered::read(&self.cache);
        let mut progress = Progress::start("Building with Buildroot", &packages, &times, &folder, site.reporter)?;
        let target = self.target.as_deref().or(site.plan.build_target.as_deref());
        let words: Vec<&str> = target.into_iter().collect();
        let status = make.run(&words, site, |line| progress.line(line))?;
        let outcome = match status.success() {
            true => Ok(()),
            false => Err(progress.failure()),
        };
        // Knowing for the next time how long it takes is not worth a failure.
        times.learn(&read_step_times(&folder));
        if let Err(error) = times.write(&self.cache) {
            tracing::debug!(%error, "build times are not remembered");
        }
        outcome?;
        // What somebody asked for by hand is not all that the layers want.
        if self.target.is_none() {
            let images = site.workspace.images();
            fs::create_dir_all(&images).map_err(FileError::at("make", &images))?;
            let outputs = outputs::write_sums(&Images::open(&images)?, Symlinks::Skipped)?;
            record.outputs = Some(outputs.to_string());
            record.write(site.workspace)?;
        }
        Ok(Compiled::Built)
    }

    /// Removes what was built from inputs that are not the present ones, and notes the present ones: from now on,
    /// what is in the workspace is made from these.
    fn clear_stale(&self, site: &Site<'_>, new: &BuildRecord) -> Result<(), BuildrootError> {
        let folder = site.workspace.folder();
        let built_overlays = folder.join(".overlays.built");
        let overlays = overlay_files(site.plan)?;
        if let Some(mut old) = BuildRecord::read(site.workspace) {
            let before = fs::read_to_string(&built_overlays).unwrap_or_default();
            let gone = before.lines().find(|path| !overlays.contains(*path));
            let changes = stage_changes(&old.stages, &new.stages);
            let rebuild = match old.engine == self.name() {
                true => Rebuild::decide(&changes, &old.packages, &new.packages, gone),
                false => Rebuild::All(format!("the engine `{}` has built here", old.engine)),
            };
            // Until it is done, the record says that the old inputs count.
            old.outputs = None;
            old.write(site.workspace)?;
            for text in rebuild.apply(&folder, &info::checked(old.packages))? {
                site.reporter.event(Event::Message { level: Level::Info, plugin: None, text: &text });
            }
            if !changes.is_empty() {
                rebuild::clear_images(&folder)?;
            }
        }
        let lines: String = overlays.iter().map(|path| format!("{path}\n")).collect();
        write_file(&built_overlays, lines.as_bytes())?;
        Ok(new.write(site.workspace)?)
    }

    /// Runs targets of Buildroot at the user's terminal.
    ///
    /// # Errors
    /// [`BuildrootError`] when make cannot be started.
    pub fn run_targets(&self, site: &Site<'_>, targets: &[&str]) -> Result<ExitStatus, BuildrootError> {
        self.make(site)?.run_at_terminal(targets, site)
    }

    /// Asks Buildroot where its packages are, for those who look at one.
    ///
    /// # Errors
    /// [`BuildrootError`] when Buildroot cannot say.
    pub fn look_up_packages(&self, site: &Site<'_>) -> Result<(), BuildrootError> {
        info::packages(&self.make(site)?, site).map(drop)
    }

    /// Runs a program at the user's terminal where Buildroot runs: `skiff shell`.
    ///
    /// # Errors
    /// [`BuildrootError`] when it cannot be started.
    pub fn run_program(
        &self,
        site: &Site<'_>,
        program: &str,
        arguments: &[String],
    ) -> Result<ExitStatus, BuildrootError> {
        let make = self.make(site)?;
        let status = make.other(program).args(arguments).status();
        status.map_err(FileError::at("run", program)).map_err(Into::into)
    }
}

/// Refuses values that make would run as commands when it reads `.config`.
fn refuse_commands(plan: &BuildPlan) -> Result<(), BuildrootError> {
    let mut entries = plan.config(Kind::Buildroot).entries();
    let runs = |text: &str| text.contains("$(shell") || text.contains("${shell");
    match entries.find(|(_, entry)| runs(entry.winner.value.text())) {
        None => Ok(()),
        Some((_, entry)) => Err(BuildrootError::Command {
            place: plan.place(&entry.winner.origin),
            assignment: entry.winner.to_string(),
        }),
    }
}

/// Says what a configuration was made with, and what it is.
fn state_of(tree: &Tree, config: &Merged) -> String {
    let lines: String = config.entries().map(|(_, entry)| format!("{}\n", entry.winner)).collect();
    format!("{}, .config {}", tree.identity, Digest::of(lines.as_bytes()))
}

/// Reads what the workspace's Kconfig has made of the configuration.
///
/// # Errors
/// [`BuildrootError::NotConfigured`] when it was not run.
pub fn read_config(workspace: &Workspace) -> Result<Merged, BuildrootError> {
    let path = workspace.folder().join(".config");
    match fs::read(&path) {
        Ok(bytes) => Ok(parse_config(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BuildrootError::NotConfigured { path }),
        Err(error) => Err(FileError::at("read", path)(error).into()),
    }
}

fn parse_config(text: &str) -> Merged {
    skiff_kconfig::merge(Fragment::parse(Kind::Buildroot, "Kconfig", ".config".into(), text).assignments)
}

/// Reads the finished configuration of the kernel, of U-Boot or of Busybox, once that was built.
pub fn read_package_config(workspace: &Workspace, kind: Kind) -> Option<Merged> {
    let package = match kind {
        Kind::Buildroot => return read_config(workspace).ok(),
        Kind::Kernel => "linux",
        Kind::Uboot => "uboot",
        Kind::Busybox => "busybox",
    };
    let folder = workspace.folder();
    let path = folder.join(&info::kept(&folder).get(package)?.stamp_dir).join(".config");
    let text = fs::read(path).ok()?;
    let fragment = Fragment::parse(kind, "Kconfig", ".config".into(), &String::from_utf8_lossy(&text));
    Some(skiff_kconfig::merge(fragment.assignments))
}

/// Digests everything that a build is made from, stage by stage.
fn inputs(
    plan: &BuildPlan,
    workspace: &Workspace,
    config: &Merged,
    identity: &str,
) -> Result<Vec<StageInputs>, BuildrootError> {
    let digest = |path: &Path| {
        digest_tree(path, Links::Followed)
            .map_err(|error| FileError::at("read", path)(io::Error::other(error.to_string())))
    };
    // What is off is as good as absent, and there are thousands of those.
    let add_symbols = |stage: &mut StageInputs, part: Part| {
        for (symbol, entry) in config.entries().filter(|(symbol, _)| rebuild::part(symbol.as_str()) == part) {
            if !matches!(entry.winner.value.text(), "n" | "" | "\"\"") {
                stage.add_text(symbol.as_str(), entry.winner.value.text());
            }
        }
    };
    let settings = |kind: Kind| {
        let lines = plan.config(kind).entries().map(|(_, entry)| format!("{}\n", entry.winner));
        lines.collect::<String>().replace(&workspace.config().display().to_string(), "")
    };
    let mut toolchain = StageInputs::new("toolchain");
    toolchain.add_text("Buildroot", identity);
    add_symbols(&mut toolchain, Part::Toolchain);
    let mut packages = StageInputs::new("packages");
    add_symbols(&mut packages, Part::Package);
    packages.add_text("busybox configuration", settings(Kind::Busybox));
    // Several layers may patch one package, and each of them counts.
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |name: String, digest: Digest| *named.entry(name).or_default() += &digest.to_string();
    for folder in &plan.patches.buildroot {
        for path in folders(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            add(format!("patches of {name}"), digest(&path)?);
        }
    }
    for tree in &plan.external {
        for (name, folder) in recipes(&tree.join("package"))? {
            add(format!("package {name}"), digest(&folder)?);
        }
        add("external.mk".into(), outputs::digest_file(&tree.join("external.mk"))?);
    }
    for (name, digests) in named {
        packages.add_text(name, digests);
    }
    let mut kernel = StageInputs::new("kernel");
    add_symbols(&mut kernel, Part::Kernel);
    kernel.add_text("kernel configuration", settings(Kind::Kernel));
    let mut boot = StageInputs::new("boot loader");
    add_symbols(&mut boot, Part::BootLoader);
    boot.add_text("U-Boot configuration", settings(Kind::Uboot));
    for (stage, name, folders) in
        [(&mut kernel, "kernel patches", &plan.patches.kernel), (&mut boot, "U-Boot patches", &plan.patches.uboot)]
    {
        let digests: Vec<String> =
            folders.iter().map(|folder| digest(folder).map(|d| d.to_string())).collect::<Result<_, _>>()?;
        if !digests.is_empty() {
            stage.add_text(name, digests.concat());
        }
    }
    let mut system = StageInputs::new("system");
    let order: Vec<&str> = plan.layers.iter().map(|layer| layer.name.as_str()).collect();
    system.add_text("order of layers", order.join(" "));
    add_symbols(&mut system, Part::System);
    // Fragments have had their effect on the symbols above.
    let fragments =
        ["buildroot", "busybox", "cflags", "kernel", "kernel_patches", "metadata", "uboot", "uboot_patches"];
    for (name, digest) in &plan.fingerprint.inputs {
        let part = name.rsplit(": ").next().unwrap_or_default();
        if !fragments.contains(&part) {
            system.add(name, *digest);
        }
    }
    let mut images = StageInputs::new("images");
    if let Some(target) = &plan.build_target {
        images.add_text("build target", target);
    }
    add_symbols(&mut images, Part::Images);
    Ok(vec![toolchain, packages, kernel, boot, system, images])
}

/// Lists the folders in a folder; none when it is not there.
fn folders(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(root).min_depth(1).max_depth(1).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.path().is_dir() => found.push(entry.into_path()),
            Ok(_) => {}
            Err(error) if error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound) => {}
            Err(error) => return Err(FileError::walking(root)(error)),
        }
    }
    Ok(found)
}

/// Finds the packages below a folder: each has a makefile of its name, however deep.
fn recipes(root: &Path) -> Result<Vec<(String, PathBuf)>, FileError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound) => continue,
            Err(error) => return Err(FileError::walking(root)(error)),
        };
        if let (true, Some(folder), Some(name)) =
            (entry.path().extension().is_some_and(|e| e == "mk"), entry.path().parent(), entry.path().file_stem())
        {
            found.push((name.to_string_lossy().into_owned(), folder.to_owned()));
        }
    }
    Ok(found)
}

/// Lists what the overlays bring, relative to the root of the system.
///
/// The names are quoted, so that each is one line.
fn overlay_files(plan: &BuildPlan) -> Result<BTreeSet<String>, FileError> {
    let mut files = BTreeSet::new();
    for overlay in &plan.overlays {
        for entry in WalkDir::new(&overlay.path).min_depth(1) {
            let entry = entry.map_err(FileError::walking(&overlay.path))?;
            let name = entry.path().strip_prefix(&overlay.path).unwrap_or(entry.path());
            files.insert(format!("{:?}", name.as_os_str()));
        }
    }
    Ok(files)
}

/// Forgets at which path a workspace was built.
pub(crate) fn forget_place(folder: &Path) -> io::Result<()> {
    Place::forget(folder)
}
