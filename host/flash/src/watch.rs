/// Told how long work goes on, and asked whether it should.
pub trait Watch: Sync {
    /// Something begins that handles `total` bytes.
    fn begin(&self, what: &str, total: u64) {
        let _ = (what, total);
    }

    /// So many more bytes have been handled.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Whether to stop.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody who cares.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}
