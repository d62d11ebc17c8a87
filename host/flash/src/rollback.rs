use std::path::Path;

use skiff_file::SearchPath;
use skiff_layout::Layout;
use skiff_layout::Medium;

use crate::Disk;
use crate::InstallError;
use crate::Part;
use crate::Staged;
use crate::Workshop;
use crate::matching;

/// The way back to the system before the last install, or to a whole one.
#[derive(Debug)]
pub struct RollbackPlan {
    /// Those that change.
    parts: Vec<Part>,
    /// Those that are where they should be.
    others: Vec<Part>,
    generation: u64,
    ends_something: bool,
}

impl RollbackPlan {
    /// Finds the partitions of a layout that hold a previous system, and which system all of them can go back to. Nothing is
    /// written.
    ///
    /// # Errors
    /// [`InstallError`]: the medium is not what the layout says, or has nothing to go back to.
    pub fn new(layout: &Layout, medium: Medium, disk: &dyn Disk, path: &Path) -> Result<Self, InstallError> {
        let found = matching::find(layout, medium, disk)?;
        if let Some((partition, _)) = found.first().filter(|_| found.iter().all(|(_, found)| found.is_none())) {
            return Err(matching::missing(partition));
        }
        let mut parts = Vec::new();
        for (partition, found) in matching::renewed(&found) {
            let Some(found) = found else { continue };
            let part = Part::of(partition, found, disk, path)?;
            // Nothing was ever installed there, so it belongs to each of the systems.
            if !part.held().is_unmarked() {
                parts.push(part);
            }
        }
        parts.reverse();
        Self::among(parts)
    }

    /// Chooses the system. The last partition is the one that firmware begins with.
    fn among(parts: Vec<Part>) -> Result<Self, InstallError> {
        let held = parts.last().ok_or(InstallError::NoPrevious)?.held();
        let boots = held.current.generation;
        let before = held.previous.as_ref().map(|previous| previous.generation);
        // An install, or a way back, that was cut off has left two systems.
        let is_whole = parts.iter().all(|part| part.held().has(boots));
        let whole = || parts.iter().all(|part| part.held().previous.is_none());
        let choices = before.into_iter().chain((!is_whole).then_some(boots));
        let generation = choices.into_iter().find(|one| parts.iter().all(|part| part.held().reaches(*one)));
        let Some(generation) = generation else {
            return Err(if whole() { InstallError::NoPrevious } else { InstallError::NoCommon(described(&parts)) });
        };
        Ok(Self::to(generation, parts, !is_whole))
    }

    /// The way of some partitions to what boots, after an install that was cut off before the last of them; none if all have it
    /// or none has it.
    pub(crate) fn mending(parts: &[Part]) -> Option<Self> {
        let boots = parts.last()?.held().current.generation;
        let all = Self::to(boots, parts.iter().filter(|part| part.held().reaches(boots)).cloned().collect(), true);
        (!all.parts.is_empty()).then_some(all)
    }

    fn to(generation: u64, parts: Vec<Part>, ends_something: bool) -> Self {
        let (others, parts) = parts.into_iter().partition(|part| part.held().has(generation));
        Self { parts, others, generation, ends_something }
    }

    /// The partitions, in the order in which they change.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The generation of the system that it goes back to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether an install, or a way back, was cut off, and this makes the medium whole.
    pub fn ends_something(&self) -> bool {
        self.ends_something
    }

    /// Does everything of [`Self::stage`] that has no effect: finds the programs in `programs`.
    ///
    /// # Errors
    /// [`InstallError`]: a program is missing, or something cannot be read.
    pub fn check(&self, disk: &dyn Disk, programs: &SearchPath) -> Result<(), InstallError> {
        for part in &self.others {
            if !part.is_finished(disk)? {
                part.check_change(&[], programs)?;
            }
        }
        self.parts.iter().try_for_each(|part| part.check_change(&[], programs))
    }

    /// Works out every write of the way back, without writing to the medium.
    ///
    /// # Errors
    /// [`InstallError`]: a file system is damaged or full, or the medium has changed.
    pub fn stage(&self, shop: Workshop<'_>) -> Result<Staged, InstallError> {
        let rests = self.others.iter().filter_map(|part| part.finish(shop).transpose());
        let changes = self.parts.iter().map(|part| part.rollback(shop));
        Ok(Staged::new(rests.chain(changes).collect::<Result<_, _>>()?))
    }
}

/// What partitions hold, in words.
fn described(parts: &[Part]) -> String {
    let one = |part: &Part| {
        let held = part.held();
        let previous =
            held.previous.as_ref().map(|previous| format!(" and {}", previous.generation)).unwrap_or_default();
        format!("`{}` has {}{previous}", part.label, held.current.generation)
    };
    parts.iter().map(one).collect::<Vec<_>>().join(", ")
}
