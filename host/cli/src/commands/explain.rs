use std::cell::OnceCell;

use serde_json::Value as Json;
use serde_json::json;
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
use skiff_kconfig::similar;
use skiff_plan::BuildPlan;

use crate::args::ExplainArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use crate::session::Session;

/// Tells why symbols have their values.
pub(crate) fn run(session: &Session, args: &ExplainArgs) -> Result<()> {
    let plan = session.plan()?;
    let engine = match session.settings.engine.value.kind().has_build_system {
        true => Some(session.engine(&plan, false)?),
        false => None,
    };
    let system = engine.as_ref().and_then(|engine| engine.build_system());
    let programs = ConfigKind::ALL.map(|kind| Program::new(kind, &plan, system, session));
    let (mut found, mut missing) = (Vec::new(), None);
    for symbol in &args.symbols {
        let before = found.len();
        let answers = programs.iter().map(|program| Answer { symbol, program });
        found.extend(answers.filter(Answer::is_there));
        if found.len() == before && missing.is_none() {
            missing = Some(unknown(symbol, &programs));
        }
    }
    if args.json {
        data!("{:#}", Json::Array(found.iter().map(Answer::json).collect()));
    } else {
        found.iter().for_each(Answer::print);
    }
    missing.map_or(Ok(()), Err)
}

fn unknown(symbol: &str, programs: &[Program<'_>]) -> CommandError {
    let kinds: Vec<&Program<'_>> =
        programs.iter().filter(|program| symbol.starts_with(program.kind.prefix())).collect();
    if kinds.is_empty() {
        return CommandError::new(Kind::Usage, format!("`{symbol}` is no symbol"))
            .hint("symbols of Buildroot start with BR2_, those of the kernel, U-Boot and Busybox with CONFIG_");
    }
    let set = kinds.iter().flat_map(|program| program.wanted().entries()).map(|(name, _)| name.as_str());
    let defined = kinds.iter().filter_map(|program| program.definitions()).flat_map(Definitions::names);
    let plain =
        CommandError::new(Kind::User, format!("No layer of the chain sets `{symbol}`, and it is in no configuration"));
    match similar(symbol, set.chain(defined)) {
        Some(name) => plain.hint(format!("did you mean {name}?")),
        None => plain.hint(
            "`skiff plan --json` lists all that are set; what the kernel makes of them is known once it is built",
        ),
    }
}

/// A program whose symbols are asked about.
struct Program<'a> {
    kind: ConfigKind,
    plan: &'a BuildPlan,
    /// What the real Kconfig has made, if it was run.
    finished: Option<Merged>,
    system: Option<&'a dyn BuildSystem>,
    session: &'a Session,
    definitions: OnceCell<Option<Definitions>>,
}

impl<'a> Program<'a> {
    fn new(kind: ConfigKind, plan: &'a BuildPlan, system: Option<&'a dyn BuildSystem>, session: &'a Session) -> Self {
        let finished = system.and_then(|system| system.finished(&session.workspace, kind));
        Self { kind, plan, finished, system, session, definitions: OnceCell::new() }
    }

    fn wanted(&self) -> &Merged {
        self.plan.config(self.kind)
    }

    /// Reads the program's Kconfig files, which takes a second: only when nothing else answers.
    fn definitions(&self) -> Option<&Definitions> {
        let (workspace, cancel) = (&self.session.workspace, &self.session.console.cancel);
        let read = || self.system?.definitions(workspace, self.kind, self.finished.as_ref()?, cancel);
        self.definitions.get_or_init(read).as_ref()
    }
}

/// What is known of a symbol of one program.
struct Answer<'a> {
    symbol: &'a str,
    program: &'a Program<'a>,
}

impl Answer<'_> {
    fn is_there(&self) -> bool {
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

    fn entry(&self) -> Option<&Entry> {
        self.program.wanted().entry(self.symbol)
    }

    fn present(&self) -> Option<&str> {
        self.program.finished.as_ref()?.value(self.symbol).map(|value| value.text())
    }

    fn place(&self, assignment: &Assignment) -> String {
        self.program.plan.place(&assignment.origin)
    }

    /// What Kconfig made of the winner, in words.
    fn verdict(&self) -> Option<String> {
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

    fn json(&self) -> Json {
        let row = |assignment: &Assignment| {
            json!({
                "value": assignment.value.text(),
                "layer": &*assignment.origin.layer,
                "path": self.place(assignment),
                "file": &*assignment.origin.file,
                "line": assignment.origin.line,
            })
        };
        let entry = self.entry();
        json!({
            "symbol": self.symbol,
            "kind": self.program.kind,
            "winner": entry.map(|entry| row(&entry.winner)),
            "shadowed": entry.map(|entry| entry.shadowed.iter().rev().map(row).collect::<Vec<_>>()).unwrap_or_default(),
            "kconfig": self.program.finished.as_ref().map(|_| json!({
                "value": self.present(),
                "met": entry.map(|entry| is_met(&entry.winner.value, self.program.finished.as_ref().and_then(|f| f.value(self.symbol)))),
                "verdict": self.verdict(),
            })),
        })
    }

    fn print(&self) {
        let entry = self.entry();
        let value = entry.map(|entry| entry.winner.value.text()).or(self.present()).unwrap_or("absent");
        data!("\x1b[1m{}\x1b[0m = {value}  ({})", self.symbol, self.program.kind);
        match entry {
            Some(entry) => {
                data!("  set by   {:24} {}", entry.winner.origin.layer, self.place(&entry.winner));
                for loser in entry.shadowed.iter().rev() {
                    data!("  over     {:24} {}  {}", loser.origin.layer, self.place(loser), loser.value.text());
                }
            }
            None => data!("  no layer sets it"),
        }
        match self.verdict() {
            Some(verdict) => data!("  Kconfig  {verdict}"),
            None if self.program.kind == ConfigKind::Buildroot => {
                data!("  Kconfig  has not been asked: `skiff -w another --engine buildroot configure` does");
            }
            None => data!("  Kconfig  is asked when the {} is built", self.program.kind),
        }
    }
}
