/// Numbers and marks among bytes that may end before them.
pub(crate) trait Bytes {
    /// Whether `mark` stands at a place.
    fn has(&self, at: usize, mark: &[u8]) -> bool;

    /// Two bytes, the lowest first.
    fn u16(&self, at: usize) -> Option<u16>;

    /// Four bytes, the lowest first.
    fn u32(&self, at: usize) -> Option<u32>;

    /// Eight bytes, the lowest first.
    fn u64(&self, at: usize) -> Option<u64>;
}

impl Bytes for [u8] {
    fn has(&self, at: usize, mark: &[u8]) -> bool {
        self.get(at..).is_some_and(|rest| rest.starts_with(mark))
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }
}
