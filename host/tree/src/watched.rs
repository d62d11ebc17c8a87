use std::io;
use std::io::Read;

use crate::Stopped;
use crate::TreeError;
use crate::Watch;

/// A reader that asks again and again whether to go on: a file can be made that has no end in sight.
pub struct Watched<'w, R> {
    reader: R,
    watch: Watch<'w>,
}

impl<'w, R> Watched<'w, R> {
    /// Reads from `reader`.
    pub fn new(reader: R, watch: Watch<'w>) -> Self {
        Self { reader, watch }
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.watch)().map_err(io::Error::other)?;
        self.reader.read(buffer)
    }
}

impl TreeError {
    /// As [`TreeError::at`], for what was read through a [`Watched`].
    pub(crate) fn watched(path: &str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| match error.get_ref().and_then(|inner| inner.downcast_ref::<Stopped>()) {
            Some(stopped) => Self::Stopped(*stopped),
            None => Self::at(path)(error),
        }
    }
}
