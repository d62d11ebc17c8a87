//! What an answer of the host to a guest may hold.

use std::io;

use crate::state::State;

/// Bytes that the answer to one call of the host may hold.
const MAX_ANSWER: usize = 4 << 20;

/// Bytes that the directory listings of a guest, all that it has not closed, may hold.
const MAX_LISTINGS: usize = 16 << 20;

/// Bytes that each value of a list takes beside its text.
const VALUE: usize = 64;

/// An answer of the host would be larger than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it exceeded the limit of {} MiB for {what}", limit >> 20)]
pub struct AnswerTooLarge {
    /// What is too large.
    pub what: &'static str,
    /// Bytes that it may hold.
    pub limit: usize,
}

/// The room that is left in an answer. What goes into the answer is counted before it is copied: the host's memory is
/// not the guest's.
pub(crate) struct Room {
    left: usize,
    limit: usize,
    what: &'static str,
}

impl Room {
    fn new(what: &'static str, limit: usize) -> Self {
        Self { left: limit, limit, what }
    }

    fn too_large(&self) -> AnswerTooLarge {
        AnswerTooLarge { what: self.what, limit: self.limit }
    }

    /// Counts bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), AnswerTooLarge> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| self.too_large())?;
        Ok(())
    }

    /// Counts a text and copies it.
    pub(crate) fn text(&mut self, text: &str) -> Result<String, AnswerTooLarge> {
        self.take(text.len().saturating_add(VALUE))?;
        Ok(text.to_owned())
    }

    /// Counts a value without a text.
    pub(crate) fn none<T>(&mut self) -> Result<Option<T>, AnswerTooLarge> {
        self.take(VALUE).map(|()| None)
    }

    /// Counts a text that may be missing, and copies it.
    pub(crate) fn optional(&mut self, text: Option<&str>) -> Result<Option<String>, AnswerTooLarge> {
        match text {
            Some(text) => self.text(text).map(Some),
            None => self.none(),
        }
    }

    /// Counts bytes that are there already.
    pub(crate) fn bytes(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, AnswerTooLarge> {
        self.take(bytes.len().saturating_add(VALUE)).map(|()| bytes)
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<String, AnswerTooLarge> {
        let mut json = Json { room: self, bytes: Vec::new() };
        let written = serde_json::to_writer(&mut json, value);
        let bytes = json.bytes;
        // A value is always written as long as there is room, and as text.
        written.ok().and_then(|()| String::from_utf8(bytes).ok()).ok_or_else(|| self.too_large())
    }
}

struct Json<'r> {
    room: &'r mut Room,
    bytes: Vec<u8>,
}

impl io::Write for Json<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room.take(bytes.len()).map_err(io::Error::other)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    /// Returns the room of one answer. No answer needs more than the plugin's own memory.
    pub(crate) fn room(&self) -> Room {
        Room::new("one answer", MAX_ANSWER.min((self.plugin.decl().limits.memory_mib as usize) << 20))
    }

    /// Returns the room of one more directory listing.
    pub(crate) fn listing_room(&self, held: usize) -> Room {
        Room { left: MAX_LISTINGS.saturating_sub(held), ..Room::new("directory listings", MAX_LISTINGS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_counted_before_it_is_made() {
        let mut room = Room::new("one answer", 4 << 20);
        let text = "x".repeat(1 << 20);
        for _ in 0..3 {
            assert_eq!(room.optional(Some(&text)).unwrap().unwrap().len(), 1 << 20);
        }
        room.none::<String>().unwrap();
        let said = room.text(&text).unwrap_err().to_string();
        assert_eq!(said, "it exceeded the limit of 4 MiB for one answer");
    }

    #[test]
    fn many_empty_values_count_too() {
        let mut room = Room::new("one answer", 1 << 20);
        assert!((0..20_000).try_for_each(|_| room.none::<String>().map(drop)).is_err());
    }

    #[test]
    fn json_is_written_as_far_as_there_is_room() {
        let value = serde_json::json!({"a": [1, "\n"]});
        assert_eq!(Room::new("one answer", 100).json(&value).unwrap(), value.to_string());
        assert!(Room::new("one answer", 10).json(&value).is_err());
    }
}
