use std::io;

use crate::Disk;
use crate::Watch;
use crate::update::Update;

/// Every write of an install or of the way back, worked out. All of them were seen to lie in the partitions that it renews.
#[derive(Debug)]
pub struct Staged {
    updates: Vec<Update>,
}

impl Staged {
    pub(crate) fn new(updates: Vec<Update>) -> Self {
        Self { updates }
    }

    /// Bytes that are written.
    pub fn total(&self) -> u64 {
        self.updates.iter().map(Update::total).sum()
    }

    /// Writes it. A cut at any point leaves a medium that boots the old system or the new one.
    ///
    /// # Errors
    /// Those of the medium.
    pub fn commit(&self, disk: &dyn Disk, watch: &dyn Watch) -> io::Result<()> {
        watch.begin("Writing", self.total());
        self.updates.iter().try_for_each(|update| update.commit(disk, watch))
    }
}
