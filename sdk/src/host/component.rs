use std::path::PathBuf;

use crate::Amount;
use crate::Archive;
use crate::Compression;
use crate::ConfigKind;
use crate::Layer;
use crate::Level;
use crate::Outcome;
use crate::Result;
use crate::Target;
use crate::bindings::imports::skiff::host::context;
use crate::bindings::imports::skiff::host::fetch;
use crate::bindings::imports::skiff::host::report;
use crate::bindings::imports::skiff::host::storage;
use crate::bindings::imports::skiff::host::tools;

pub(crate) use crate::bindings::imports::skiff::host::report::Task;

pub(crate) fn log(level: Level, message: &str) {
    report::log(level, message);
}

pub(crate) fn cancelled() -> bool {
    report::cancelled()
}

pub(crate) fn path(path: &str) -> PathBuf {
    PathBuf::from(path)
}

pub(crate) fn layers() -> Vec<Layer> {
    let layer = |layer: context::Layer| Layer { name: layer.name, folder: layer.folder.map(PathBuf::from) };
    context::layers().into_iter().map(layer).collect()
}

pub(crate) fn target() -> Target {
    Target {
        arch: context::arch(),
        hostname: context::hostname(),
        command_line: context::command_line(),
        console: context::console(),
    }
}

pub(crate) fn symbols(kind: ConfigKind, names: &[String]) -> Vec<Option<String>> {
    context::symbols(kind, names)
}

pub(crate) fn settings() -> String {
    context::settings_json()
}

pub(crate) fn own_layer() -> String {
    context::own_layer()
}

pub(crate) fn available(tool: &str) -> bool {
    tools::available(tool)
}

pub(crate) fn run(tool: &str, arguments: &[tools::Argument], timeout_ms: Option<u32>) -> Result<Outcome> {
    Ok(tools::run(tool, arguments, timeout_ms)?)
}

pub(crate) fn attach(tool: &str, arguments: &[tools::Argument]) -> Result<u8> {
    Ok(tools::attach(tool, arguments)?)
}

#[derive(Debug)]
pub(crate) struct Tree(storage::Tree);

#[derive(Debug)]
pub(crate) struct Blob(storage::Blob);

impl Tree {
    pub(crate) fn open(path: &str) -> Result<Self> {
        Ok(Self(storage::open(path)?))
    }

    pub(crate) fn subtree(&self, path: &str) -> Result<Self> {
        Ok(Self(self.0.subtree(path)?))
    }

    pub(crate) fn blob(&self, path: &str) -> Result<Blob> {
        Ok(Blob(self.0.blob(path)?))
    }

    pub(crate) fn copy(&self, source: &Self, path: &str, to: &str) -> Result<Amount> {
        Ok(self.0.copy(&source.0, path, to)?)
    }

    pub(crate) fn put(&self, contents: &Blob, to: &str) -> Result<u64> {
        Ok(self.0.put(&contents.0, to)?)
    }

    pub(crate) fn unpack(&self, archive: &Blob, to: &str, strip: u32) -> Result<Amount> {
        Ok(self.0.unpack(&archive.0, to, strip)?)
    }

    pub(crate) fn pack(
        &self,
        source: &Self,
        path: &str,
        archive: Archive,
        compression: Compression,
        to: &str,
    ) -> Result<Amount> {
        Ok(self.0.pack(&source.0, path, archive, compression, to)?)
    }

    pub(crate) fn digest(&self, path: &str) -> Result<String> {
        Ok(self.0.digest(path)?)
    }

    pub(crate) fn link(&self, path: &str, leads_to: &str) -> Result<()> {
        Ok(self.0.link(path, leads_to)?)
    }

    pub(crate) fn set_mode(&self, path: &str, mode: u32) -> Result<()> {
        Ok(self.0.set_mode(path, mode)?)
    }

    pub(crate) fn fetch(&self, url: &str, sha256: &str, to: &str) -> Result<u64> {
        Ok(fetch::pinned(url, sha256, &self.0, to)?)
    }
}

impl Blob {
    pub(crate) fn size(&self) -> u64 {
        self.0.size()
    }

    pub(crate) fn digest(&self) -> Result<String> {
        Ok(self.0.digest()?)
    }

    pub(crate) fn read_at(&self, offset: u64, length: u32) -> Result<Vec<u8>> {
        Ok(self.0.read_at(offset, length)?)
    }
}
