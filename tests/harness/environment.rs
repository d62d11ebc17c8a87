#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up is to stop")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use tempfile::TempDir;

/// The checkout's layers with workspaces, overrides and extra packages of its own, all in a temporary directory,
/// and an environment with nothing else in it. Downloads are shared with the machine's skiff.
pub struct TestEnvironment {
    root: TempDir,
    program: PathBuf,
    variables: Vec<(String, String)>,
}

/// What a run of skiff did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code, or -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error, with the test's directory written as `[ROOT]` and the checkout as `[SKIFF]`.
    pub stderr: String,
}

impl TestEnvironment {
    /// Makes an environment for the program at `program`.
    pub fn new(program: &str) -> Self {
        let root = tempfile::Builder::new().prefix("skiff-test-").tempdir().expect("a temporary directory");
        for folder in ["workspaces", "overrides", "layers"] {
            fs::create_dir(root.path().join(folder)).expect("a directory");
        }
        Self { root, program: program.into(), variables: Vec::new() }
    }

    /// Returns a path in the test's directory.
    pub fn path(&self, inner: &str) -> PathBuf {
        self.root.path().join(inner)
    }

    /// Returns the checkout.
    pub fn checkout() -> PathBuf {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        tests.parent().expect("tests is a directory of the checkout").to_owned()
    }

    /// Writes a file in the test's directory.
    pub fn write(&self, inner: &str, text: impl AsRef<[u8]>) {
        let path = self.path(inner);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Reads a file in the test's directory.
    pub fn read(&self, inner: &str) -> String {
        let path = self.path(inner);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns everything in the test's directory that no plugin may change: all but the workspaces and the grants, each
    /// file with its mode and contents, each link with where it leads.
    pub fn contents(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let is_ours = |path: &Path| path == self.path("workspaces") || path == self.path("overrides/grants.yaml");
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a directory") {
                let path = entry.expect("an entry").path();
                if is_ours(&path) {
                    continue;
                }
                let metadata = fs::symlink_metadata(&path).expect("metadata");
                let data = if metadata.is_dir() {
                    folders.push(path.clone());
                    Vec::new()
                } else if metadata.is_symlink() {
                    fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
                } else if metadata.is_file() {
                    fs::read(&path).expect("a file")
                } else {
                    Vec::new()
                };
                found.insert(path, (metadata.permissions().mode(), data));
            }
        }
        found
    }

    /// Returns where the plugin `plugin` of a layer of the test keeps its state in the workspace `default`, relative to
    /// the test's directory.
    pub fn state_of(&self, layer: &str, plugin: &str) -> String {
        self.state_in(&self.path("layers").join(layer), layer, plugin)
    }

    /// The same for a layer of the checkout.
    pub fn state_of_ours(&self, layer: &str, plugin: &str) -> String {
        self.state_in(&Self::checkout().join("configs").join(layer), layer, plugin)
    }

    fn state_in(&self, root: &Path, layer: &str, plugin: &str) -> String {
        let state = "workspaces/default/state";
        let manifest = format!(
            "schema: 1\nplugins: [{{name: {plugin}, version: 1.0.0, component: p, interface: ^1.0, hooks: [pre]}}]"
        );
        let decl = skiff_layers::parse_manifest(root, &manifest).expect("a manifest").plugins.remove(0);
        let layer = skiff_layers::Layer::open(layer, root).expect("a layer");
        let plugin = skiff_layers::LayerPlugin::own(&layer, decl);
        let folder = skiff_runtime::state_folder(&plugin, &self.path(state));
        format!("{state}/{}", folder.display())
    }

    /// Sets a variable for all later runs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.into(), value.into()));
    }

    /// Takes a variable out again.
    pub fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// Returns a run that has not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.root.path()).env_clear().stdin(Stdio::null());
        for name in ["PATH", "HOME", "XDG_CACHE_HOME", "SKIFF_CACHE_DIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("SKIFF_ROOT_DIR", Self::checkout());
        command.env("SKIFF_WORKSPACES_DIR", self.path("workspaces"));
        command.env("SKIFF_OVERRIDES_DIR", self.path("overrides"));
        command.env("SKIFF_EXTRA_CONFIGS_PATH", self.path("layers"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs skiff to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(&self.command(arguments).output().expect("skiff runs"))
    }

    /// Runs skiff and expects success.
    pub fn succeed(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "skiff {arguments:?} failed:\n{}", ran.stderr);
        ran
    }

    /// Runs skiff, expects an exit code and returns what it said on standard error.
    pub fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "skiff {arguments:?} said:\n{}{}", ran.stdout, ran.stderr);
        ran.stderr
    }

    /// Puts the output of a run into comparable form.
    pub fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let text = text.replace(&self.root.path().display().to_string(), "[ROOT]");
            text.replace(&Self::checkout().display().to_string(), "[SKIFF]")
        };
        // How often a task says where it is depends on the machine.
        let is_said = |line: &&str| !line.starts_with("... ") && !line.starts_with("Looking up packages");
        let stderr = text(&output.stderr).split_inclusive('\n').filter(is_said).collect();
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr }
    }
}
