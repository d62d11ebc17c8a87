use std::fmt;
use std::sync::Arc;

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

/// Asked now and then by what works for long without a [`Watch`]: whether the user wants it to stop.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Stop {
    /// Asks a function.
    pub fn when(is_set: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_set)))
    }

    /// Whether to stop.
    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|is_set| is_set())
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stop({})", self.is_set())
    }
}

/// Nobody who cares.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}
