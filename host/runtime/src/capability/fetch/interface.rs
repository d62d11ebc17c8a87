//! `skiff:host/fetch`: downloads whose contents are known beforehand.

use std::fs::File;

use skiff_digest::Digest;
use skiff_layers::Address;
use skiff_layers::Capability;
use skiff_tree::TreePath;
use wasmtime::component::Resource;

use super::FetchUse;
use super::download::DownloadError;
use crate::bindings::imports::skiff::host::fault::Code;
use crate::bindings::imports::skiff::host::fault::Failure;
use crate::bindings::imports::skiff::host::fetch;
use crate::capability::Use;
use crate::capability::files::GuestTree;
use crate::capability::files::tree_failure;
use crate::capability::files::writable;
use crate::interface::failure;
use crate::state::State;

impl fetch::Host for State {
    async fn pinned(
        &mut self,
        url: String,
        sha256: String,
        into: Resource<GuestTree>,
        to: String,
    ) -> wasmtime::Result<Result<u64, Failure>> {
        let into = self.table.get(&into)?;
        Ok(self.fetch(&url, &sha256, into, &to).map_err(|failure| failure.about(&url)))
    }
}

impl State {
    fn fetch(&self, url: &str, sha256: &str, into: &GuestTree, to: &str) -> Result<u64, Failure> {
        self.impure("downloads")?;
        writable(into)?;
        let to = TreePath::new(to).map_err(|error| failure(Code::Invalid, error.to_string(), None))?;
        let Some(wanted) = Digest::parse(sha256) else {
            return Err(failure(Code::Invalid, format!("`{sha256}` is not a SHA-256 in hexadecimal"), None));
        };
        let Some(address) = self.address(url) else {
            let hint = format!("declare `fetch: {url}` under `capabilities` in its layer's metadata/plugins.yaml");
            return Err(self.refuse("the plugin may not fetch from there".into(), Some(hint)));
        };
        self.note(Use::Fetch(FetchUse { url: url.to_owned(), sha256: wanted.to_string() }).into())?;
        let file = self.download(url, wanted, address).map_err(|error| {
            let code = match &error {
                DownloadError::Refused(_) | DownloadError::Offline => Code::Refused,
                DownloadError::Cancelled => Code::Cancelled,
                DownloadError::TooLarge => Code::Limit,
                DownloadError::Differs { .. } | DownloadError::Status(_) | DownloadError::Io(_) => Code::Io,
            };
            failure(code, error.to_string(), None)
        })?;
        skiff_tree::put(&file, &into.dir, &to, &self.watch()).map_err(|error| tree_failure(&into.shown, error))
    }

    /// Only waiting for the network is not the plugin's own time.
    fn download(&self, url: &str, wanted: Digest, address: &Address) -> Result<File, DownloadError> {
        let downloads = &self.system.downloads;
        if let Some(file) = downloads.known(wanted)? {
            return Ok(file);
        }
        let _pause = self.clock.pause();
        downloads.get(url, wanted, address, &|| self.cancel.is_cancelled())
    }

    fn address(&self, url: &str) -> Option<&Address> {
        self.plugin.decl().capabilities.iter().find_map(|capability| match capability {
            Capability::Fetch(address) if address.covers(url) => Some(address),
            _ => None,
        })
    }
}
