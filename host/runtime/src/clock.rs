use std::fs;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use rustix::time::ClockId;

/// How many times its limit a call may take in all, while it waits for something.
pub(crate) const WAITS: u32 = 10;

/// Which of its limits somebody's work has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It has computed as long as it may.
    Computed,
    /// It has waited ten times as long as it may compute: it sleeps, or waits for a file system.
    Waited,
}

/// Counts the time that a plugin itself takes: what its thread computes, also in the host, and what it waits.
///
/// Whatever else the machine does counts as neither, so that its load decides nothing. The clock stands still while a
/// host tool runs or something is downloaded: that has a limit of its own, and a tool at the user's terminal has none.
///
/// All of it is asked on the thread that runs the plugin.
#[derive(Debug)]
pub(crate) struct WorkClock {
    allowed: Duration,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    /// Until the last pause.
    computed: Duration,
    /// Until the last pause, by the clock on the wall.
    passed: Duration,
    since: Option<Moment>,
    /// How long the thread had been kept from a processor when that was first looked at.
    queued: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    computed: Duration,
    wall: Instant,
}

impl Moment {
    fn now() -> Self {
        let time = rustix::time::clock_gettime(ClockId::ThreadCPUTime);
        Self { computed: Duration::try_from(time).unwrap_or_default(), wall: Instant::now() }
    }
}

impl Running {
    /// Returns the time computed, and the time passed.
    fn total(&self) -> (Duration, Duration) {
        let Some(since) = self.since else { return (self.computed, self.passed) };
        let now = Moment::now();
        let computed = self.computed + now.computed.saturating_sub(since.computed);
        (computed, self.passed + now.wall.saturating_duration_since(since.wall))
    }
}

/// While this lives, the clock stands still.
pub(crate) struct Pause<'c>(&'c WorkClock);

impl WorkClock {
    /// Starts the clock of a call that may compute so long.
    pub(crate) fn start(allowed: Duration) -> Self {
        let since = Some(Moment::now());
        let running = Running { computed: Duration::ZERO, passed: Duration::ZERO, since, queued: None };
        Self { allowed, running: Mutex::new(running) }
    }

    /// Returns the limit that the call has reached, if any.
    pub(crate) fn late(&self) -> Option<Late> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (computed, passed) = running.total();
        late(self.allowed, computed, passed, || {
            let queued = queued();
            queued.saturating_sub(*running.queued.get_or_insert(queued))
        })
    }

    /// Returns whether the clock stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).since.is_none()
    }

    pub(crate) fn pause(&self) -> Pause<'_> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        (running.computed, running.passed) = running.total();
        running.since = None;
        drop(running);
        Pause(self)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).since = Some(Moment::now());
    }
}

/// Compares times with a limit. `queued` is asked only where it may matter: most calls take a millisecond.
fn late(allowed: Duration, computed: Duration, passed: Duration, queued: impl FnOnce() -> Duration) -> Option<Late> {
    if computed > allowed {
        return Some(Late::Computed);
    }
    if passed < allowed / 2 {
        return None;
    }
    (passed.saturating_sub(computed).saturating_sub(queued()) > allowed * WAITS).then_some(Late::Waited)
}

/// Returns how long this thread has been ready to run without a processor, where the kernel counts that.
fn queued() -> Duration {
    let said = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = said.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn compute(for_time: Duration) {
        let start = Moment::now().computed;
        let mut number = 0_u64;
        while Moment::now().computed - start < for_time {
            number = std::hint::black_box(number.wrapping_add(1));
        }
    }

    #[test]
    fn what_is_computed_counts_and_what_others_compute_does_not() {
        let clock = WorkClock::start(Duration::from_millis(20));
        let others = Duration::from_millis(60);
        // Another thread works while this one waits for it.
        thread::scope(|scope| {
            scope.spawn(|| compute(others));
        });
        let (computed, passed) = clock.running.lock().unwrap().total();
        assert!(computed < others && passed >= others, "{computed:?} of {passed:?}");
        compute(Duration::from_millis(21));
        assert_eq!(clock.late(), Some(Late::Computed));
    }

    #[test]
    fn nothing_counts_during_a_pause() {
        let clock = WorkClock::start(Duration::from_millis(10));
        let pause = clock.pause();
        assert!(clock.is_paused());
        compute(Duration::from_millis(30));
        assert_eq!(clock.late(), None);
        drop(pause);
        assert_eq!(clock.late(), None);
    }

    #[test]
    fn waiting_is_ended_far_later_than_work_and_the_machines_load_never_counts() {
        let s = Duration::from_secs;
        assert_eq!(late(s(1), s(2), s(2), || s(0)), Some(Late::Computed));
        assert_eq!(late(s(1), s(1), s(9), || s(0)), None);
        assert_eq!(late(s(1), s(0), s(11), || s(0)), Some(Late::Waited));
        assert_eq!(late(s(1), s(1), s(500), || s(495)), None, "it waited for 4 s");
        assert_eq!(late(s(1), s(0), s(500), || s(400)), Some(Late::Waited));
    }
}
