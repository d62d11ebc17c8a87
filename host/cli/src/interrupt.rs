use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::thread;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use skiff_report::Cancel;

/// What Ctrl-C means at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Work is to stop where it can; asked a second time, at once.
    Stop,
    /// A question is being asked, and nothing else is going on: that is an answer.
    Answer,
    /// A program at the terminal gets it, too, and decides.
    Passed,
}

/// Ctrl-C, and what is done about it. Made once in a process.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    pub(crate) cancel: Cancel,
    meaning: Arc<AtomicU8>,
}

impl Interrupt {
    /// Makes one that hears no signal, for commands that end at once.
    pub(crate) fn deaf() -> Self {
        Self { cancel: Cancel::default(), meaning: Arc::new(AtomicU8::new(Meaning::Stop as u8)) }
    }

    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::deaf();
        let heard = interrupt.clone();
        // If it cannot listen, a signal ends skiff at once, as it would have anyway.
        if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
            thread::spawn(move || signals.forever().for_each(|signal| heard.hear(signal)));
        }
        interrupt
    }

    fn hear(&self, signal: i32) {
        let meaning = self.meaning.load(Ordering::Relaxed);
        if meaning == Meaning::Passed as u8 {
            // The terminal has told the program as well. Other signals are for skiff, with which the program ends.
            if signal != SIGINT {
                std::process::exit(128 + signal);
            }
            return;
        }
        // A second signal, or one during a question, ends skiff at once.
        if self.cancel.is_cancelled() || meaning == Meaning::Answer as u8 {
            std::process::exit(128 + signal);
        }
        self.cancel.cancel();
    }

    /// Asks the user something.
    pub(crate) fn asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.meaning.store(Meaning::Answer as u8, Ordering::Relaxed);
        let result = ask();
        self.listen_again();
        result
    }

    /// Leaves Ctrl-C to a program that has the terminal, until [`Self::listen_again`].
    pub(crate) fn pass(&self) {
        self.meaning.store(Meaning::Passed as u8, Ordering::Relaxed);
    }

    /// Takes Ctrl-C as the wish to stop again.
    pub(crate) fn listen_again(&self) {
        self.meaning.store(Meaning::Stop as u8, Ordering::Relaxed);
    }
}
