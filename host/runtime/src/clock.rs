use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

/// Counts the time that a plugin itself works. It stands still while a host tool runs: that has a limit of
/// its own, and a tool at the user's terminal has none.
#[derive(Debug)]
pub(crate) struct WorkClock(Mutex<Running>);

#[derive(Debug)]
struct Running {
    worked: Duration,
    since: Option<Instant>,
}

/// While this lives, the clock stands still.
pub(crate) struct Pause<'c>(&'c WorkClock);

impl WorkClock {
    pub(crate) fn start() -> Self {
        Self(Mutex::new(Running { worked: Duration::ZERO, since: Some(Instant::now()) }))
    }

    /// Returns the time worked so far.
    pub(crate) fn worked(&self) -> Duration {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.worked + running.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Returns whether the clock stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).since.is_none()
    }

    pub(crate) fn pause(&self) -> Pause<'_> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = running.since.take() {
            running.worked += since.elapsed();
        }
        Pause(self)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).since = Some(Instant::now());
    }
}
