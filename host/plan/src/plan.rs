use crate::BrokenLine;
use crate::Contribution;
use crate::Fingerprint;
use crate::HookCall;
use crate::HookStep;
use crate::LayerInput;
use crate::LayerPart;
use crate::Overlay;
use crate::Patches;
use crate::PlanError;
use crate::PlannedShellHook;
use crate::User;
use crate::Version;
use crate::Workspace;
use crate::cflags;
use crate::external::ExternalSymbols;
use crate::external::ExternalTree;
use crate::fingerprint;
use crate::placeholder::Placeholders;
use crate::placeholder::with_layer_root;
use crate::tree_digest::Budget;
use crate::tree_digest::Links;
use crate::tree_digest::TreeDigest;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;
use skiff_kconfig::Assignment;
use skiff_kconfig::Fragment;
use skiff_kconfig::Kind;
use skiff_kconfig::Merged;
use skiff_kconfig::Origin;
use skiff_kconfig::Symbol;
use skiff_kconfig::Value;
use skiff_layers::Capability;
use skiff_layers::Chain;
use skiff_layers::Layer;
use skiff_layers::LayerCommand;
use skiff_layers::LayerDir;
use skiff_layers::LayerPlugin;
use skiff_layers::PluginDecl;
use skiff_layers::Prebuilt;
use skiff_layers::Stage;
use skiff_layers::TextBudget;
use skiff_layers::Zone;
use skiff_report::Cancel;
use skiff_text::Shown as _;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// How much more of a chain is read, and whether the user still wants it.
struct Reading<'c> {
    text: TextBudget,
    trees: Budget,
    cancel: &'c Cancel,
}

/// Everything that a chain asks for, merged and checked, before anything is done about it.
#[derive(Clone, Debug)]
pub struct BuildPlan {
    /// The names of the chain, in resolved order.
    pub chain: Vec<String>,
    /// All layers in merge order.
    pub layers: Vec<Layer>,
    /// The merged configurations.
    pub configs: BTreeMap<Kind, Merged>,
    /// Lines of fragments that nobody will understand.
    pub broken: Vec<BrokenLine>,
    /// The compiler flags of all layers.
    pub cflags: String,
    /// The users of all layers, in merge order.
    pub users: Vec<User>,
    /// The overlays, in merge order.
    pub overlays: Vec<Overlay>,
    /// The patch directories, in merge order.
    pub patches: Patches,
    /// The Buildroot external trees, in merge order.
    pub external: Vec<PathBuf>,
    /// The plugins that work for all layers, in merge order.
    pub plugins: Vec<LayerPlugin>,
    /// The plugins whose component is not there. They have no part in the plan, and nothing of them can run.
    pub unbuilt: Vec<LayerPlugin>,
    /// The shell hooks of all layers, in merge order.
    pub shell_hooks: Vec<PlannedShellHook>,
    /// The commands that layers offer, by layer.
    pub commands: BTreeMap<String, Vec<LayerCommand>>,
    /// What the layers ask of the prebuilt engine.
    pub prebuilt: Prebuilt,
    /// The make target to build instead of everything: that of the first package that names one.
    pub build_target: Option<String>,
    /// What plugins add to the configurations.
    pub contributions: Vec<Contribution>,
    /// The digests of everything read.
    pub fingerprint: Fingerprint,
    unmerged: Unmerged,
}

/// What a plan is merged from: with contributions of plugins, that is done once more.
#[derive(Clone, Debug)]
struct Unmerged {
    /// The assignments of each layer, in merge order.
    assignments: Vec<BTreeMap<Kind, Vec<Assignment>>>,
    external: Arc<ExternalSymbols>,
    workspace: Workspace,
    version: Version,
    /// The digest of the plan without contributions.
    digest: Digest,
    /// The layers with fragments that name files of the layer.
    naming_files: BTreeSet<String>,
}

impl BuildPlan {
    /// Reads all layers of a chain and merges them. Changes nothing.
    ///
    /// # Errors
    /// [`PlanError`] names the file, and where it can the line, that is at fault. Broken lines of fragments are
    /// no error here: they are listed in [`Self::broken`].
    pub fn new(chain: &Chain, workspace: &Workspace, version: &Version, cancel: &Cancel) -> Result<Self, PlanError> {
        let mut reading = Reading { text: TextBudget::default(), trees: Budget::default(), cancel };
        let mut trees = Vec::new();
        for layer in chain.layers() {
            let folder = layer.external_tree()?;
            trees.extend(folder.map(|folder| ExternalTree { folder, layer: layer.dir.clone() }));
        }
        let unmerged = Unmerged {
            assignments: Vec::new(),
            external: Arc::new(ExternalSymbols::new(trees, cancel)),
            workspace: workspace.clone(),
            version: version.clone(),
            digest: Digest::default(),
            naming_files: BTreeSet::new(),
        };
        let inputs = fingerprint::of_layers(chain.layers(), &mut reading.trees, reading.cancel)?;
        let mut plan = Self::empty(chain, inputs, unmerged);
        let mut flags = Vec::new();
        for layer in chain.layers() {
            let mut assignments = BTreeMap::new();
            for kind in Kind::ALL {
                let of_kind = plan.add_fragments(layer, kind, &mut reading.text)?;
                assignments.insert(kind, of_kind);
            }
            plan.unmerged.assignments.push(assignments);
            for file in layer.fragments("cflags", &mut reading.text)? {
                flags.push(cflags::flags(&file.text));
            }
            plan.add_parts(chain, layer, &mut reading)?;
        }
        plan.cflags = cflags::join(&flags);
        plan.merge(&BTreeMap::new());
        plan.unmerged.digest = plan.fingerprint.configuration;
        if plan.contributors().is_empty() {
            // Nothing will be merged again.
            plan.unmerged.assignments.clear();
        }
        Ok(plan)
    }

    /// Adds what plugins contribute, each behind what stands in its layer. The plan has none so far.
    ///
    /// # Errors
    /// [`PlanError::Contribution`] names the line that is not an assignment.
    pub fn with_contributions(mut self, contributions: Vec<Contribution>) -> Result<Self, PlanError> {
        let mut added: BTreeMap<(&str, Kind), Vec<Assignment>> = BTreeMap::new();
        for contribution in &contributions {
            let assignments = self.add_contribution(contribution)?;
            added.entry((&contribution.layer, contribution.kind)).or_default().extend(assignments);
        }
        self.merge(&added);
        self.contributions = contributions;
        Ok(self)
    }

    /// Returns the digest of the plan as it is without contributions: what plugins are asked about.
    pub fn without_contributions(&self) -> Digest {
        self.unmerged.digest
    }

    fn merge(&mut self, added: &BTreeMap<(&str, Kind), Vec<Assignment>>) {
        for kind in Kind::ALL {
            let mut all = Vec::new();
            for (layer, assignments) in self.layers.iter().zip(&self.unmerged.assignments) {
                all.extend(assignments.get(&kind).into_iter().flatten().cloned());
                all.extend(added.get(&(layer.name.as_str(), kind)).into_iter().flatten().cloned());
            }
            self.configs.insert(kind, skiff_kconfig::merge(all));
        }
        self.finish_buildroot();
        self.fingerprint.configuration = self.configuration_digest();
    }

    fn empty(chain: &Chain, inputs: Vec<(LayerInput, Digest)>, unmerged: Unmerged) -> Self {
        let layers = fingerprint::of_inputs(&inputs);
        Self {
            chain: chain.names().iter().map(ToString::to_string).collect(),
            layers: chain.layers().to_vec(),
            configs: BTreeMap::new(),
            broken: Vec::new(),
            cflags: String::new(),
            users: Vec::new(),
            overlays: Vec::new(),
            patches: Patches::default(),
            external: Vec::new(),
            plugins: Vec::new(),
            unbuilt: Vec::new(),
            shell_hooks: Vec::new(),
            commands: BTreeMap::new(),
            prebuilt: Prebuilt::default(),
            build_target: None,
            contributions: Vec::new(),
            fingerprint: Fingerprint { configuration: layers, layers, inputs },
            unmerged,
        }
    }

    fn add_fragments(
        &mut self,
        layer: &Layer,
        kind: Kind,
        budget: &mut TextBudget,
    ) -> Result<Vec<Assignment>, PlanError> {
        let external = Arc::clone(&self.unmerged.external);
        let mut all = Vec::new();
        for file in layer.fragments(kind.folder(), budget)? {
            let text = with_layer_root(&file.text, &layer.root);
            if matches!(text, Cow::Owned(_)) {
                self.unmerged.naming_files.insert(layer.name.clone());
            }
            let fragment = Fragment::parse_with(kind, &layer.name, file.shown, &text, |name| external.defines(name));
            all.extend(fragment.assignments);
            let broken = |problem| BrokenLine { file: file.path.clone(), problem };
            self.broken.extend(fragment.problems.into_iter().map(broken));
        }
        Ok(all)
    }

    /// Reads what a plugin contributes. Its places name the plugin.
    fn add_contribution(&mut self, contribution: &Contribution) -> Result<Vec<Assignment>, PlanError> {
        let Contribution { layer, plugin, kind, name, text } = contribution;
        let shown = PathBuf::from(format!("{plugin}:{name}"));
        let external = Arc::clone(&self.unmerged.external);
        let fragment = Fragment::parse_with(*kind, layer, shown, text, |name| external.defines(name));
        if let Some(problem) = fragment.problems.first() {
            let (plugin, problem) = (format!("{layer}/{plugin}"), problem.clone());
            return Err(PlanError::Contribution { plugin, name: name.clone(), problem });
        }
        let digest = Digest::of(text.as_bytes());
        let part = LayerPart::Contribution { plugin: plugin.clone(), kind: *kind, name: name.clone() };
        self.add_input(layer, part, digest);
        Ok(fragment.assignments)
    }

    fn add_input(&mut self, layer: &str, part: LayerPart, digest: Digest) {
        self.fingerprint.inputs.push((LayerInput::new(layer, part), digest));
        self.fingerprint.layers = fingerprint::of_inputs(&self.fingerprint.inputs);
    }

    fn add_parts(&mut self, chain: &Chain, layer: &Layer, reading: &mut Reading<'_>) -> Result<(), PlanError> {
        for file in layer.fragments("users", &mut reading.text)? {
            self.users.extend(User::parse_table(&file.path, &file.text)?);
        }
        if let Some(path) = layer.folder("root_overlay")? {
            self.overlays.push(Overlay { layer: layer.name.clone(), path, dir: layer.dir.clone() });
        }
        self.patches.buildroot.extend(layer.folder("buildroot_patches")?);
        self.patches.kernel.extend(layer.folder("kernel_patches")?);
        self.patches.uboot.extend(layer.folder("uboot_patches")?);
        let external = layer.external_tree()?;
        let has_makefiles = external.is_some();
        self.external.extend(external);
        for plugin in chain.plugins_of(layer)? {
            self.add_plugin(plugin, reading)?;
        }
        let hooks = layer.shell_hooks()?;
        if !hooks.is_empty() || has_makefiles || self.unmerged.naming_files.contains(&layer.name) {
            // They may use whatever is there, also what nobody else reads.
            let digest = fingerprint::of_scripts_within(&layer.name, &layer.dir, &mut reading.trees, reading.cancel)?;
            self.add_input(&layer.name, LayerPart::Scripts, digest);
        }
        self.shell_hooks.extend(hooks.into_iter().map(|hook| PlannedShellHook {
            layer: layer.name.clone(),
            layer_root: layer.root.clone(),
            layer_dir: layer.dir.clone(),
            stage: hook.stage,
            path: hook.path,
        }));
        let commands = chain.commands_of(layer)?;
        if !commands.is_empty() {
            self.commands.insert(layer.name.clone(), commands);
        }
        self.prebuilt.merge(layer.prebuilt()?);
        if self.build_target.is_none() {
            self.build_target = layer.build_target()?;
        }
        Ok(())
    }

    fn add_plugin(&mut self, plugin: LayerPlugin, reading: &mut Reading<'_>) -> Result<(), PlanError> {
        if !plugin.decl.is_built {
            // Commands of others go on working; a build that lacks its hooks is refused.
            self.unbuilt.push(plugin);
            return Ok(());
        }
        let LayerPlugin { owner, layer, decl, .. } = &plugin;
        // A component may lie in any directory of the layer, also in one that is no input otherwise.
        let component = decl.component.strip_prefix(&owner.root).unwrap_or(&decl.component);
        let mut builder = DigestBuilder::default();
        let mut digest = |dir: &LayerDir, inner: &Path| {
            TreeDigest::new(dir, Links::Kept, &mut reading.trees, reading.cancel).of(inner)
        };
        builder.field(&decl.name).field(digest(&owner.dir, component)?.bytes());
        for (dir, inner) in readable(decl, &layer.dir, &self.layers) {
            if dir.folder(inner)?.is_some() {
                builder.field(digest(dir, Path::new(inner))?.bytes());
            }
        }
        let (layer, part) = (layer.name.clone(), LayerPart::Plugin(decl.name.clone()));
        self.add_input(&layer, part, builder.finish());
        self.plugins.push(plugin);
        Ok(())
    }

    /// Adds what only skiff can know: paths, versions, the joined flags.
    fn finish_buildroot(&mut self) {
        let Unmerged { workspace, version, .. } = &self.unmerged;
        let config = workspace.config();
        let overlays: Vec<PathBuf> = self.overlays.iter().map(|overlay| overlay.path.clone()).collect();
        let fragment = |kind: Kind| config.join(kind.folder()).join("config").to_string_lossy().into_owned();
        let placeholders = Placeholders::new(vec![
            ("REPLACEME_BR_PATCHES", joined(&self.patches.buildroot)),
            ("REPLACEME_BUSYBOX_FRAGMENTS", fragment(Kind::Busybox)),
            ("REPLACEME_KERNEL_FRAGMENTS", fragment(Kind::Kernel)),
            ("REPLACEME_KERNEL_PATCHES", joined(&self.patches.kernel)),
            ("REPLACEME_UBOOT_FRAGMENTS", fragment(Kind::Uboot)),
            ("REPLACEME_UBOOT_PATCHES", joined(&self.patches.uboot)),
            ("REPLACEME_ROOTFS_OVERLAY", joined(&overlays)),
            // With the slash, as in SkiffOS, whose layers write a name directly behind it.
            ("REPLACEME_FINAL_CONFIG_DIR", format!("{}/", config.to_string_lossy())),
            ("REPLACEME_SKIFF_VERSION_COMMIT", version.commit.clone()),
            ("REPLACEME_SKIFF_VERSION", version.version.clone()),
        ]);
        let Some(buildroot) = self.configs.get_mut(&Kind::Buildroot) else { return };
        buildroot.map_text(|text| placeholders.replace(text));
        if !self.cflags.is_empty() {
            assign(buildroot, "BR2_TARGET_OPTIMIZATION", cflags::quoted(&self.cflags), "cflags");
        }
    }

    fn configuration_digest(&self) -> Digest {
        let Unmerged { workspace, version, .. } = &self.unmerged;
        let mut builder = DigestBuilder::default();
        builder.field(&version.version).field(workspace.name());
        // What is made of the commit is in the values, and nowhere if nobody asks for it.
        for (_, entry) in self.config(Kind::Buildroot).entries() {
            if entry.winner.value.text().contains(&version.commit) {
                builder.field(&version.commit);
                break;
            }
        }
        builder.field(workspace.root().as_os_str().as_encoded_bytes());
        for layer in &self.layers {
            builder.field(layer.root.as_os_str().as_encoded_bytes());
        }
        builder.field(self.fingerprint.layers.bytes());
        builder.finish()
    }

    /// Returns the merged configuration of one kind.
    pub fn config(&self, kind: Kind) -> &Merged {
        static EMPTY: Merged = Merged::new();
        self.configs.get(&kind).unwrap_or(&EMPTY)
    }

    /// Returns the steps of a stage, in the order in which they are made.
    pub fn hooks(&self, stage: Stage) -> Vec<HookStep> {
        let mut steps = Vec::new();
        for layer in &self.layers {
            let of_layer = self.plugins.iter().filter(|plugin| plugin.layer.name == layer.name);
            let plugins = of_layer.filter(|plugin| plugin.decl.hooks.contains(&stage)).cloned();
            steps.extend(plugins.map(|plugin| HookStep::Component(Box::new(HookCall { plugin, stage }))));
            let scripts = self.shell_hooks.iter().filter(|hook| hook.layer == layer.name && hook.stage == stage);
            steps.extend(scripts.cloned().map(HookStep::Script));
        }
        steps
    }

    /// Refuses to go on without a plugin that has hooks and is not built.
    ///
    /// # Errors
    /// [`PlanError::MissingComponent`] names the first.
    pub fn require_hooks(&self) -> Result<(), PlanError> {
        let mut hooked = self.unbuilt.iter().filter(|plugin| !plugin.decl.hooks.is_empty());
        hooked.next().map_or(Ok(()), |plugin| Err(PlanError::missing(plugin)))
    }

    /// Returns the calls of plugins that contribute to the configuration, in merge order.
    pub fn contributors(&self) -> Vec<HookCall> {
        let component = |step| match step {
            HookStep::Component(call) => Some(*call),
            HookStep::Script(_) => None,
        };
        self.hooks(Stage::Configure).into_iter().filter_map(component).collect()
    }

    /// Returns the place of an assignment as a person would open it: file, absolute where the layer is known, and line.
    pub fn place(&self, origin: &Origin) -> String {
        match self.layers.iter().find(|layer| layer.name == *origin.layer) {
            Some(layer) => format!("{}:{}", layer.root.join(&*origin.file).shown(), origin.line),
            // skiff itself has assigned it.
            None => format!("{} ({})", origin.layer, origin.file.shown()),
        }
    }

    /// Returns the layer of a name, whatever its case.
    pub fn layer(&self, name: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.name.eq_ignore_ascii_case(name))
    }

    /// Returns the directories of all layers, for plugins that may read them.
    pub fn layer_folders(&self) -> Vec<(String, PathBuf)> {
        self.layers.iter().map(|layer| (layer.name.clone(), layer.root.clone())).collect()
    }
}

/// Returns the directories of layers that a plugin may read, wherever in their layer they are.
fn readable<'l>(plugin: &'l PluginDecl, own: &'l LayerDir, layers: &'l [Layer]) -> Vec<(&'l LayerDir, &'l str)> {
    let mut folders = Vec::new();
    for capability in &plugin.capabilities {
        let Capability::Files(access) = capability else { continue };
        match access.zone {
            Zone::Layer => folders.push((own, access.path.as_str())),
            Zone::Layers => folders.extend(layers.iter().map(|layer| (&layer.dir, access.path.as_str()))),
            Zone::Target | Zone::Images | Zone::State => {}
        }
    }
    folders
}

fn joined(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Adds an assignment that skiff itself makes.
fn assign(config: &mut Merged, symbol: &str, text: String, file: &str) {
    let origin = Origin { layer: "skiff".into(), file: Arc::new(Path::new(file).to_owned()), line: 0 };
    if let Some(symbol) = Symbol::new(symbol) {
        config.assign(Assignment { symbol, value: Value::Text(text), origin });
    }
}
