//! `wasi:filesystem`'s `read-directory`, with a bound: the host reads the names of a directory all at once and holds
//! them until the guest closes the listing.

use std::os::fd::AsFd as _;

use rustix::fs::Dir;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use wasmtime::component::Linker;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::ReaddirIterator;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::bindings::filesystem::types::HostDescriptor as _;

use crate::state::State;

/// Bytes that the host holds for an entry beside its name.
const ENTRY: usize = 64;

/// The interface as wasmtime-wasi links it.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

/// The listings that a guest has open: the number of each in the table, and its bytes.
#[derive(Debug, Default)]
pub(crate) struct Listings(Vec<(u32, usize)>);

/// Puts the bounded function in the place of wasmtime-wasi's.
pub(crate) fn bound(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Answer = (Result<Resource<ReaddirIterator>, ErrorCode>,);
    linker.allow_shadowing(true);
    linker.instance(INTERFACE)?.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store, (descriptor,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let state: &mut State = store.data_mut();
                let bytes = state.weigh(&descriptor)?;
                let answer: Answer = match state.filesystem().read_directory(descriptor).await {
                    Ok(listing) => {
                        state.listings.0.push((listing.rep(), bytes));
                        (Ok(listing),)
                    }
                    Err(error) => (Err(error.downcast()?),),
                };
                Ok(answer)
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

impl State {
    /// Counts what a listing of a directory would hold. What cannot be listed holds nothing; the call itself says why.
    fn weigh(&mut self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<usize> {
        let table = &self.table;
        self.listings.0.retain(|(number, _)| {
            let number: Resource<ReaddirIterator> = Resource::new_borrow(*number);
            table.get(&number).is_ok()
        });
        let held = self.listings.0.iter().map(|(_, bytes)| bytes).sum();
        let Descriptor::Dir(folder) = self.table.get(descriptor)? else { return Ok(0) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(folder.dir.as_fd(), c".", flags, Mode::empty());
        let Ok(entries) = opened.and_then(Dir::new) else { return Ok(0) };
        let mut room = self.listing_room(held);
        let mut bytes = 0;
        for entry in entries.flatten() {
            let size = entry.file_name().to_bytes().len() + ENTRY;
            room.take(size)?;
            bytes += size;
        }
        Ok(bytes)
    }
}
