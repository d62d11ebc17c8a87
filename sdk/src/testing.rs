//! A host for unit tests: what a plugin asks skiff for is answered by a [`Host`] of the test's thread.
//!
//! This is there in native builds only. Files are in a temporary folder, to which [`path`](crate::path) leads;
//! `skiff plugin test` runs the finished component, with the real host.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::ConfigKind;
use crate::Layer;
use crate::Outcome;
use crate::Target;

thread_local! {
    static CURRENT: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// What the host of a test knows and has seen.
#[derive(Debug)]
pub(crate) struct State {
    root: PathBuf,
    pub(crate) own_layer: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) target: Target,
    pub(crate) settings: String,
    pub(crate) symbols: BTreeMap<(u8, String), String>,
    pub(crate) tools: BTreeMap<String, Vec<Outcome>>,
    pub(crate) messages: Vec<String>,
    pub(crate) calls: Vec<String>,
    pub(crate) cancelled: bool,
}

/// The host of a test, in force until it is dropped.
#[derive(Debug)]
pub struct Host(());

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// Makes a host for this thread, with empty folders `/layer`, `/target`, `/images` and `/state`.
    ///
    /// # Panics
    /// When the thread has one already, or no temporary folder can be made.
    #[expect(clippy::panic, clippy::expect_used, reason = "a test that cannot be set up is to stop")]
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("skiff-plugin-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&root).expect("a temporary folder");
        let target =
            Target { arch: Some("amd64".into()), hostname: "skiff".into(), command_line: Vec::new(), console: None };
        let state = State {
            root,
            own_layer: "my/layer".into(),
            layers: Vec::new(),
            target,
            settings: "{}".into(),
            symbols: BTreeMap::new(),
            tools: BTreeMap::new(),
            messages: Vec::new(),
            calls: Vec::new(),
            cancelled: false,
        };
        CURRENT.with_borrow_mut(|current| match current {
            None => *current = Some(state),
            Some(_) => panic!("this thread has a host already"),
        });
        for folder in ["/layer", "/target", "/images", "/state"] {
            make_folder(&real(folder));
        }
        Self(())
    }

    fn set(self, change: impl FnOnce(&mut State)) -> Self {
        with(change);
        self
    }

    /// Makes a folder, as the plugin sees it: `/target/etc`.
    #[must_use]
    pub fn folder(self, path: &str) -> Self {
        make_folder(&real(path));
        self
    }

    /// Makes a file, as the plugin sees it.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that cannot be set up is to stop")]
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = real(path);
        if let Some(folder) = path.parent() {
            make_folder(folder);
        }
        fs::write(path, contents).expect("a file");
        self
    }

    /// Adds a layer; the plugin finds it in the folder `/layers/NN`, in the order in which layers are added.
    #[must_use]
    pub fn layer(self, name: &str) -> Self {
        let number = with(|state| state.layers.len());
        let folder = real(&format!("/layers/{number:02}"));
        make_folder(&folder);
        self.set(|state| state.layers.push(Layer { name: name.to_owned(), folder: Some(folder) }))
    }

    /// Says which layer ships the plugin; otherwise it is `my/layer`.
    #[must_use]
    pub fn own_layer(self, name: &str) -> Self {
        self.set(|state| state.own_layer = name.to_owned())
    }

    /// Says what is built.
    #[must_use]
    pub fn target(self, target: Target) -> Self {
        self.set(|state| state.target = target)
    }

    /// Says what the manifest's `settings` are, as JSON.
    #[must_use]
    pub fn settings(self, json: &str) -> Self {
        self.set(|state| state.settings = json.to_owned())
    }

    /// Sets a symbol of the merged configuration.
    #[must_use]
    pub fn symbol(self, kind: ConfigKind, name: &str, value: &str) -> Self {
        self.set(|state| drop(state.symbols.insert((kind as u8, name.to_owned()), value.to_owned())))
    }

    /// Says what the next run of a tool comes to. A tool without an answer is not installed.
    #[must_use]
    pub fn tool(self, name: &str, outcome: Outcome) -> Self {
        self.set(|state| state.tools.entry(name.to_owned()).or_default().push(outcome))
    }

    /// Has the user ask to stop.
    #[must_use]
    pub fn cancelled(self) -> Self {
        self.set(|state| state.cancelled = true)
    }

    /// Reads a file that the plugin has written.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::panic, reason = "a test may stop at the first surprise")]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(real(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Returns what the plugin has said.
    pub fn messages(&self) -> Vec<String> {
        with(|state| state.messages.clone())
    }

    /// Returns the tools that the plugin has run, with their arguments.
    pub fn calls(&self) -> Vec<String> {
        with(|state| state.calls.clone())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(state) = CURRENT.with_borrow_mut(Option::take) {
            // What is left lies in the system's temporary folder.
            let _ = fs::remove_dir_all(state.root);
        }
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up is to stop")]
fn make_folder(path: &Path) {
    fs::create_dir_all(path).expect("a folder");
}

#[expect(clippy::panic, reason = "a test that asks a host that it has not made is to stop")]
pub(crate) fn with<T>(use_state: impl FnOnce(&mut State) -> T) -> T {
    CURRENT.with_borrow_mut(|current| match current {
        Some(state) => use_state(state),
        None => panic!("a native build has no host: make a `skiff_sdk::testing::Host` first"),
    })
}

/// Returns where a path of the plugin really is.
pub(crate) fn real(path: &str) -> PathBuf {
    with(|state| state.root.join(path.trim_start_matches('/')))
}
