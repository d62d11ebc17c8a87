//! Answers of a [`testing::Host`](crate::testing::Host). Trees are real folders; what takes the host's own code (packing,
//! unpacking, digests, downloads) is not there.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use crate::Amount;
use crate::Archive;
use crate::Compression;
use crate::ConfigKind;
use crate::Failure;
use crate::FailureCode;
use crate::Layer;
use crate::Level;
use crate::Outcome;
use crate::Result;
use crate::Target;
use crate::bindings::imports::skiff::host::tools::Argument;
use crate::bindings::imports::skiff::host::tools::Piece;
use crate::testing::real;
use crate::testing::with;

/// A piece of work, which nobody is shown here.
#[derive(Debug)]
pub(crate) struct Task;

impl Task {
    pub(crate) fn new(_title: &str, _total: Option<u64>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "a component's task needs it")]
    pub(crate) fn advance(&self, _by: u64) {}

    #[expect(clippy::unused_self, reason = "a component's task needs it")]
    pub(crate) fn note(&self, _text: &str) {}
}

/// Tests compare the words; how loud they are said is seen in the component's run.
pub(crate) fn log(_level: Level, message: &str) {
    with(|state| state.messages.push(message.to_owned()));
}

pub(crate) fn cancelled() -> bool {
    with(|state| state.cancelled)
}

pub(crate) fn path(path: &str) -> PathBuf {
    real(path)
}

pub(crate) fn layers() -> Vec<Layer> {
    with(|state| state.layers.clone())
}

pub(crate) fn target() -> Target {
    with(|state| state.target.clone())
}

pub(crate) fn symbols(kind: ConfigKind, names: &[String]) -> Vec<Option<String>> {
    with(|state| names.iter().map(|name| state.symbols.get(&(kind as u8, name.clone())).cloned()).collect())
}

pub(crate) fn settings() -> String {
    with(|state| state.settings.clone())
}

pub(crate) fn own_layer() -> String {
    with(|state| state.own_layer.clone())
}

pub(crate) fn available(tool: &str) -> bool {
    with(|state| state.tools.get(tool).is_some_and(|answers| !answers.is_empty()))
}

pub(crate) fn run(tool: &str, arguments: &[Argument], _timeout_ms: Option<u32>) -> Result<Outcome> {
    let words: Vec<String> = std::iter::once(tool.to_owned()).chain(arguments.iter().map(shown)).collect();
    with(|state| {
        state.calls.push(words.join(" "));
        match state.tools.get_mut(tool) {
            Some(outcomes) if !outcomes.is_empty() => Ok(outcomes.remove(0)),
            _ => Err(Failure::new(FailureCode::Missing, format!("the program `{tool}` is not installed"))),
        }
    })
}

pub(crate) fn attach(tool: &str, arguments: &[Argument]) -> Result<u8> {
    run(tool, arguments, None).map(|outcome| outcome.status)
}

/// Writes an argument as a test compares it.
fn shown(argument: &Argument) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) | Piece::Path(text) => text.clone(),
    };
    match argument {
        Argument::Text(text) | Argument::Path(text) => text.clone(),
        Argument::Joined(pieces) => pieces.iter().map(piece).collect(),
        Argument::Given(name) => format!("{{{name}}}"),
    }
}

#[derive(Debug)]
pub(crate) struct Tree {
    real: PathBuf,
    shown: String,
}

#[derive(Debug)]
pub(crate) struct Blob(PathBuf);

/// Says what only a component can do.
fn not_here<T>(what: &str) -> Result<T> {
    let message = format!("{what} is not there in a native build");
    Err(Failure::new(FailureCode::Unsupported, message).hint("`skiff plugin test` runs the component"))
}

impl Tree {
    pub(crate) fn open(path: &str) -> Result<Self> {
        let real = real(path);
        match real.is_dir() {
            true => Ok(Self { real, shown: path.to_owned() }),
            false => Err(Failure::new(FailureCode::Refused, "it is in none of the folders of the test").about(path)),
        }
    }

    fn failed(&self, path: &str, error: &io::Error) -> Failure {
        Failure::io(format!("{}/{path}", self.shown), error)
    }

    pub(crate) fn subtree(&self, path: &str) -> Result<Self> {
        Self::open(&format!("{}/{path}", self.shown))
    }

    pub(crate) fn blob(&self, path: &str) -> Result<Blob> {
        let real = self.real.join(path);
        fs::metadata(&real).map(|_| Blob(real)).map_err(|error| self.failed(path, &error))
    }

    pub(crate) fn copy(&self, source: &Self, path: &str, to: &str) -> Result<Amount> {
        let mut amount = Amount { entries: 0, bytes: 0 };
        let from = source.real.join(path);
        let into = match to {
            "" if !from.is_dir() => self.real.join(from.file_name().unwrap_or_default()),
            to => self.real.join(to),
        };
        copy(&from, &into, &mut amount).map_err(|error| source.failed(path, &error))?;
        Ok(amount)
    }

    pub(crate) fn put(&self, contents: &Blob, to: &str) -> Result<u64> {
        let into = self.real.join(to);
        let made = into.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::copy(&contents.0, into)).map_err(|error| self.failed(to, &error))
    }

    pub(crate) fn link(&self, path: &str, leads_to: &str) -> Result<()> {
        let real = self.real.join(path);
        let made = real.parent().map_or(Ok(()), fs::create_dir_all);
        // What is not there need not be removed.
        let _ = fs::remove_file(&real);
        made.and_then(|()| std::os::unix::fs::symlink(leads_to, real)).map_err(|error| self.failed(path, &error))
    }

    pub(crate) fn set_mode(&self, path: &str, mode: u32) -> Result<()> {
        if mode & !0o777 != 0 {
            let message = format!("the mode {mode:o} has other bits than permissions");
            return Err(Failure::new(FailureCode::Refused, message).about(format!("{}/{path}", self.shown)));
        }
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.real.join(path), permissions).map_err(|error| self.failed(path, &error))
    }

    #[expect(clippy::unused_self, reason = "a component's tree needs it")]
    pub(crate) fn unpack(&self, _archive: &Blob, _to: &str, _strip: u32) -> Result<Amount> {
        not_here("unpacking")
    }

    #[expect(clippy::unused_self, reason = "a component's tree needs it")]
    pub(crate) fn pack(
        &self,
        _source: &Self,
        _path: &str,
        _archive: Archive,
        _compression: Compression,
        _to: &str,
    ) -> Result<Amount> {
        not_here("packing")
    }

    #[expect(clippy::unused_self, reason = "a component's tree needs it")]
    pub(crate) fn digest(&self, _path: &str) -> Result<String> {
        not_here("a digest")
    }

    #[expect(clippy::unused_self, reason = "a component's tree needs it")]
    pub(crate) fn fetch(&self, _url: &str, _sha256: &str, _to: &str) -> Result<u64> {
        not_here("a download")
    }
}

fn copy(from: &Path, into: &Path, amount: &mut Amount) -> io::Result<()> {
    if !from.is_dir() {
        into.parent().map_or(Ok(()), fs::create_dir_all)?;
        amount.entries += 1;
        amount.bytes += fs::copy(from, into)?;
        return Ok(());
    }
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        amount.entries += u64::from(entry.path().is_dir());
        copy(&entry.path(), &into.join(entry.file_name()), amount)?;
    }
    Ok(())
}

impl Blob {
    pub(crate) fn size(&self) -> u64 {
        fs::metadata(&self.0).map(|metadata| metadata.len()).unwrap_or_default()
    }

    #[expect(clippy::unused_self, reason = "a component's blob needs it")]
    pub(crate) fn digest(&self) -> Result<String> {
        not_here("a digest")
    }

    pub(crate) fn read_at(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        let bytes = fs::read(&self.0).map_err(|error| Failure::io(&self.0, &error))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(length.min(64 << 10) as usize).min(bytes.len());
        Ok(bytes.get(start..end).unwrap_or_default().to_vec())
    }
}
