//! Why a symbol has its value.

use std::cell::OnceCell;

use skiff_build::BuildSystem;
use skiff_kconfig::Assignment;
use skiff_kconfig::Definitions;
use skiff_kconfig::DropReason;
use skiff_kconfig::Entry;
use skiff_kconfig::Kind as ConfigKind;
use skiff_kconfig::Merged;
use skiff_kconfig::SymbolType;
use skiff_kconfig::Value;
use skiff_kconfig::is_met;
use skiff_kconfig::obstacle;
use skiff_kconfig::selecting;
use skiff_plan::BuildPlan;

use crate::Session;

/// A program whose symbols are asked about.
pub struct Program<'a> {
    /// Which.
    pub kind: ConfigKind,
    plan: &'a BuildPlan,
    /// What the real Kconfig has made, if it was run.
    finished: Option<Merged>,
    system: Option<&'a dyn BuildSystem>,
    session: &'a Session,
    definitions: OnceCell<Option<Definitions>>,
}

impl<'a> Program<'a> {
    /// Reads what its Kconfig has made, if it was run.
    pub fn new(
        kind: ConfigKind,
        plan: &'a BuildPlan,
        system: Option<&'a dyn BuildSystem>,
        session: &'a Session,
    ) -> Self {
        let finished = system.and_then(|system| system.finished(&session.workspace, kind));
        Self { kind, plan, finished, system, session, definitions: OnceCell::new() }
    }

    /// Returns what the layers want.
    pub fn wanted(&self) -> &Merged {
        self.plan.config(self.kind)
    }

    /// Reads the program's Kconfig files, which takes a second: only when nothing else answers.
    pub fn definitions(&self) -> Option<&Definitions> {
        let (workspace, cancel) = (&self.session.workspace, &self.session.console.cancel);
        let read = || self.system?.definitions(workspace, self.kind, self.finished.as_ref()?, cancel);
        self.definitions.get_or_init(read).as_ref()
    }
}

/// What is known of a symbol of one program.
pub struct Answer<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// The program.
    pub program: &'a Program<'a>,
}

impl Answer<'_> {
    /// Returns whether anything is known of it.
    pub fn is_there(&self) -> bool {
        let program = self.program;
        // External trees of Buildroot name their symbols as they like.
        let may_define = match program.kind {
            ConfigKind::Buildroot => ConfigKind::ALL
                .iter()
                .all(|other| *other == ConfigKind::Buildroot || !self.symbol.starts_with(other.prefix())),
            kind => self.symbol.starts_with(kind.prefix()),
        };
        let finished = program.finished.as_ref().is_some_and(|config| config.entry(self.symbol).is_some());
        let defined =
            || may_define && program.definitions().is_some_and(|definitions| definitions.kind(self.symbol).is_some());
        finished || self.entry().is_some() || defined()
    }

    /// Returns the assignments of the layers.
    pub fn entry(&self) -> Option<&Entry> {
        self.program.wanted().entry(self.symbol)
    }

    /// Returns its value in the configuration that Kconfig has made.
    pub fn present(&self) -> Option<&str> {
        self.program.finished.as_ref()?.value(self.symbol).map(|value| value.text())
    }

    /// Returns the file and line of an assignment.
    pub fn place(&self, assignment: &Assignment) -> String {
        self.program.plan.place(&assignment.origin)
    }

    /// Returns whether Kconfig has run.
    pub fn is_asked(&self) -> bool {
        self.program.finished.is_some()
    }

    /// Returns whether Kconfig followed the layers.
    pub fn is_met(&self, entry: &Entry) -> bool {
        let finished = self.program.finished.as_ref();
        is_met(&entry.winner.value, finished.and_then(|finished| finished.value(self.symbol)))
    }

    /// What Kconfig made of the winner, in words.
    pub fn verdict(&self) -> Option<String> {
        let finished = self.program.finished.as_ref()?;
        let present = self.present().unwrap_or("absent");
        let Some(entry) = self.entry() else { return Some(self.unasked(finished, present)) };
        if is_met(&entry.winner.value, finished.value(self.symbol)) {
            return Some(format!("{present}, as asked for"));
        }
        let reason = self.program.definitions().map(|d| obstacle(self.symbol, &entry.winner.value, finished, d));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(format!("does not follow; it is {present}{reason}"))
    }

    /// Why a symbol that no layer sets has its value, and what a layer would have to know that wants to set it.
    fn unasked(&self, finished: &Merged, present: &str) -> String {
        let definitions = self.program.definitions();
        let off = matches!(present, "n" | "absent");
        if off {
            let switch =
                matches!(definitions.and_then(|d| d.kind(self.symbol)), Some(SymbolType::Bool | SymbolType::Tristate));
            let wish = Value::Text("y".into());
            let obstacle = definitions.filter(|_| switch).map(|d| obstacle(self.symbol, &wish, finished, d));
            return match obstacle.filter(|obstacle| *obstacle != DropReason::Other) {
                Some(obstacle) => format!("{present} (nobody asks for it, and {obstacle})"),
                None => format!("{present} (nobody asks for it)"),
            };
        }
        match definitions.and_then(|definitions| selecting(self.symbol, finished, definitions)) {
            Some(by) => format!("{present} ({by} selects it)"),
            None => format!("{present} (a default)"),
        }
    }
}
