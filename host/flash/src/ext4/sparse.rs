//! Files with holes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::SeekFrom;
use skiff_layout::Ranges;

use super::Ext4Error;
use crate::update::read_full;

/// Where a file holds data.
pub(crate) fn data(file: &File, size: u64) -> Result<Ranges, Ext4Error> {
    let mut found = Ranges::default();
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(io::Error::from(error).into()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(start)).map_err(io::Error::from)?;
        found.add(start..end.min(size));
        at = end;
    }
    Ok(found)
}

/// Copies a file, without what is not there.
pub(crate) fn copy(from: &File, to: &Path, size: u64) -> Result<(), Ext4Error> {
    let to = File::create(to)?;
    to.set_len(size)?;
    let mut buffer = vec![0; 1 << 20];
    for run in data(from, size)?.iter() {
        let mut at = run.start;
        while at < run.end {
            let length = (buffer.len() as u64).min(run.end - at) as usize;
            let part = buffer.get_mut(..length).unwrap_or_default();
            read_full(from, at, part)?;
            to.write_all_at(part, at)?;
            at += length as u64;
        }
    }
    Ok(())
}
