use std::io;

use crate::files::Files;
use crate::files::Node;
use crate::marker::Marker;

/// The systems that a partition holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// The one that boots.
    pub(crate) current: Marker,
    /// The one before the last install.
    pub(crate) previous: Option<Marker>,
}

impl Held {
    /// Looks into a file system; none if it has a directory with the name of the previous system's that skiff has not made.
    pub(crate) fn read(files: &dyn Files) -> io::Result<Option<Self>> {
        let marker =
            |path: &str| Ok::<_, io::Error>(files.read(path, Marker::MAX_SIZE)?.map(|bytes| Marker::parse(&bytes)));
        let current = marker(Marker::FILE)?;
        match files.look(crate::PREVIOUS)? {
            None => return Ok(Some(Self { current: current.unwrap_or_default(), previous: None })),
            Some(Node::Folder) => {}
            Some(_) => return Ok(None),
        }
        let previous = marker(&format!("{}/{}", crate::PREVIOUS, Marker::FILE))?;
        // An install marks what it puts there, and keeps the mark of what was there before, where there was one.
        if previous.is_none() && current.as_ref().is_none_or(|current| current.generation == 0) {
            return Ok(None);
        }
        Ok(Some(Self { current: current.unwrap_or_default(), previous: Some(previous.unwrap_or_default()) }))
    }

    /// Whether nothing of it is of an install.
    pub(crate) fn is_unmarked(&self) -> bool {
        self.current.generation == 0 && self.previous.is_none()
    }

    /// The system that somebody went back from, if that was the last that happened.
    pub(crate) fn undone(&self) -> Option<&Marker> {
        self.previous.as_ref().filter(|previous| previous.generation > self.current.generation)
    }

    /// The highest generation.
    pub(crate) fn newest(&self) -> u64 {
        self.previous.as_ref().map_or(0, |previous| previous.generation).max(self.current.generation)
    }

    /// Whether what is there is of a generation: that of its install, or a later one that had nothing for this partition.
    pub(crate) fn has(&self, generation: u64) -> bool {
        let own = self.current.generation;
        let newer = self.previous.as_ref().map(|previous| previous.generation).filter(|previous| *previous > own);
        own <= generation && newer.is_none_or(|newer| generation < newer)
    }

    /// Whether the previous system is of a generation.
    pub(crate) fn goes_back_to(&self, generation: u64) -> bool {
        let own = self.current.generation;
        self.previous.as_ref().is_some_and(|previous| {
            let is_older = previous.generation < own;
            previous.generation <= generation && (!is_older || generation < own)
        })
    }

    /// Whether it is of a generation, or can go back to it.
    pub(crate) fn reaches(&self, generation: u64) -> bool {
        self.has(generation) || self.goes_back_to(generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(current: u64, previous: u64) -> Held {
        let marker = |generation| Marker { generation, ..Marker::default() };
        Held { current: marker(current), previous: Some(marker(previous)) }
    }

    #[test]
    fn a_partition_is_of_all_generations_until_it_is_renewed() {
        // Renewed in 5, before that in 2.
        let renewed = held(5, 2);
        assert_eq!([1, 2, 4, 5, 7].map(|one| renewed.has(one)), [false, false, false, true, true]);
        assert_eq!([1, 2, 4, 5, 7].map(|one| renewed.goes_back_to(one)), [false, true, true, false, false]);
        // The same after the way back.
        let back = held(2, 5);
        assert_eq!([1, 2, 4, 5, 7].map(|one| back.has(one)), [false, true, true, false, false]);
        assert_eq!([1, 2, 4, 5, 7].map(|one| back.goes_back_to(one)), [false, false, false, true, true]);
    }
}
