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
    /// Looks into a file system; none if it has a folder with the name of the previous system's that skiff has not made.
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
        // An install marks what it puts there, and keeps the mark of what was there before.
        if current.is_none() && previous.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { current: current.unwrap_or_default(), previous: Some(previous.unwrap_or_default()) }))
    }

    /// Whether nothing of it is of an install.
    pub(crate) fn is_unmarked(&self) -> bool {
        self.current == Marker::default() && self.previous.is_none()
    }

    /// The highest generation.
    pub(crate) fn newest(&self) -> u64 {
        self.previous.as_ref().map_or(0, |previous| previous.generation).max(self.current.generation)
    }

    /// Whether it is of a generation, or can go back to it.
    pub(crate) fn reaches(&self, generation: u64) -> bool {
        self.current.generation == generation || self.goes_back_to(generation)
    }

    pub(crate) fn goes_back_to(&self, generation: u64) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.generation == generation)
    }
}
