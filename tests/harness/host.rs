#![expect(clippy::expect_used, reason = "a test that cannot be set up is to stop")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use skiff_digest::Digest;
use skiff_layers::Access;
use skiff_layers::Capability;
use skiff_layers::CommandDecl;
use skiff_layers::Layer;
use skiff_layers::LayerPlugin;
use skiff_layers::Limits;
use skiff_layers::Location;
use skiff_layers::PluginDecl;
use skiff_layers::Stage;
use skiff_layers::Zone;
use skiff_plan::HookCall;
use skiff_plan::HookRunner as _;
use skiff_plan::HookStep;
use skiff_plan::Target;
use skiff_plan::Zones;
use skiff_report::Cancel;
use skiff_report::Silent;
use skiff_runtime::AuditLog;
use skiff_runtime::Downloads;
use skiff_runtime::Facts;
use skiff_runtime::Given;
use skiff_runtime::GrantFile;
use skiff_runtime::Grants;
use skiff_runtime::Identity;
use skiff_runtime::PluginId;
use skiff_runtime::Runner;
use skiff_runtime::ScriptEnvironment;
use skiff_runtime::System;
use skiff_runtime::ToolEnvironment;
use skiff_runtime::Workshop;

use crate::TestEnvironment;

/// The component host in the test's own process, for many calls of several plugins of a layer `my/board`. Each may write
/// to `/target/etc` and has 16 MiB and a second.
pub struct Host {
    runner: Runner,
    zones: Zones,
    root: PathBuf,
}

impl Host {
    /// Makes a host that has granted all that they may have to some components.
    pub fn new(env: &TestEnvironment, program: &str, components: &[&str]) -> Self {
        let root = env.path("layers/my/board");
        fs::create_dir_all(&root).expect("a layer");
        let grants = env.path("overrides/grants.yaml");
        let mut file = GrantFile::read(&grants).expect("grants");
        for component in components {
            let digest = Digest::of(&fs::read(component).expect("a component"));
            let ids = capabilities().iter().map(Capability::id).collect::<Vec<_>>();
            let plugin = PluginId::new("my/board", name(component));
            file.add(&Identity { plugin, digest, root: root.clone() }, ids);
        }
        file.write(&grants).expect("grants");
        Self::granted(env, program)
    }

    /// Makes a host with the grants that an earlier one has given.
    pub fn granted(env: &TestEnvironment, program: &str) -> Self {
        let root = env.path("layers/my/board");
        let grants = env.path("overrides/grants.yaml");
        let target =
            Target { arch: None, hostname: "h".into(), issue: String::new(), root_password: None, getty: None };
        let system = System {
            facts: Arc::new(Facts { layers: vec!["my/board".into()], target, ..Facts::default() }.into()),
            tools: ToolEnvironment::default(),
            scripts: ScriptEnvironment::default(),
            downloads: Downloads::default(),
            audit: Arc::new(AuditLog::new(env.path("audit.jsonl"), SystemTime::now)),
            tape: None,
            install_hint: |_| String::new(),
        };
        let workshop = Workshop { cache: Some(env.path("cache")), compiler: vec![program.into(), "precompile".into()] };
        let mut given = Grants::default();
        given.read(&grants).expect("grants");
        let runner = Runner::new(system, &workshop, given, Cancel::default(), Arc::new(Silent)).expect("a host");
        fs::create_dir_all(env.path("target")).expect("a target");
        let zones = Zones {
            layers: vec![("my/board".into(), root.clone())],
            target: Some(env.path("target")),
            images: None,
            state: env.path("state"),
            epoch: None,
        };
        Self { runner, zones, root }
    }

    /// Calls the command `go` of a component and returns its status or the error.
    pub fn command(&self, component: &str) -> String {
        match self.runner.run_command(&self.plugin(decl(component)), "go", &Given::default(), &self.zones) {
            Ok((status, _)) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Calls the hook `pre` of a component and returns the error, if there is one.
    pub fn hook(&self, component: &str) -> String {
        match self.runner.run_hook(&self.step(component), &self.zones) {
            Ok(()) => String::new(),
            Err(error) => error.source.to_string(),
        }
    }

    /// Loads components without calling them.
    pub fn load(&self, components: &[&str]) {
        let steps: Vec<HookStep> = components.iter().map(|component| self.step(component)).collect();
        self.runner.check_hooks(&steps).expect("components");
    }

    fn step(&self, component: &str) -> HookStep {
        let decl = PluginDecl { hooks: vec![Stage::Pre], commands: Vec::new(), ..decl(component) };
        HookStep::Component(Box::new(HookCall { plugin: self.plugin(decl), stage: Stage::Pre }))
    }

    fn plugin(&self, decl: PluginDecl) -> LayerPlugin {
        LayerPlugin::own(&Layer::open("my/board", &self.root).expect("a layer"), decl)
    }
}

fn name(component: &str) -> &str {
    component.rsplit('/').next().unwrap_or(component).trim_end_matches(".wasm")
}

fn capabilities() -> Vec<Capability> {
    vec![Capability::Files(Access {
        zone: Zone::Target,
        path: "etc".into(),
        write: true,
        why: "test".parse().expect("a reason"),
    })]
}

fn decl(component: &str) -> PluginDecl {
    PluginDecl {
        name: name(component).into(),
        version: semver::Version::new(1, 0, 0),
        component: component.into(),
        is_built: true,
        interface: semver::VersionReq::STAR,
        hooks: Vec::new(),
        commands: vec![CommandDecl {
            name: "go".into(),
            summary: "goes".parse().expect("a summary"),
            arguments: Vec::new(),
        }],
        board: None,
        capabilities: capabilities(),
        limits: Limits { memory_mib: 16, time_s: 1 },
        shared: false,
        settings: serde_json::Map::new(),
        manifest: Location::whole("manifest"),
    }
}
