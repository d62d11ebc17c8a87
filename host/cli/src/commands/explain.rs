use serde_json::Value as Json;
use serde_json::json;
use skiff_build::buildroot::read_package_config;
use skiff_kconfig::Assignment;
use skiff_kconfig::Kind as ConfigKind;
use skiff_kconfig::Merged;
use skiff_kconfig::is_met;
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
    let (mut found, mut missing) = (Vec::new(), None);
    for symbol in &args.symbols {
        let kinds = ConfigKind::ALL.into_iter().filter(|kind| symbol.starts_with(kind.prefix()));
        let before = found.len();
        for kind in kinds {
            let finished = read_package_config(&session.workspace, kind);
            let answer = Answer { symbol, kind, plan: &plan, finished, session };
            if answer.is_there() {
                found.push(answer);
            }
        }
        if found.len() == before && missing.is_none() {
            missing = Some(unknown(symbol, &plan));
        }
    }
    if args.json {
        data!("{:#}", Json::Array(found.iter().map(Answer::json).collect()));
    } else {
        found.iter().for_each(Answer::print);
    }
    missing.map_or(Ok(()), Err)
}

fn unknown(symbol: &str, plan: &BuildPlan) -> CommandError {
    let kinds: Vec<&str> = ConfigKind::ALL.iter().map(|kind| kind.prefix()).collect();
    if !kinds.iter().any(|prefix| symbol.starts_with(prefix)) {
        return CommandError::new(Kind::Usage, format!("`{symbol}` is no symbol"))
            .hint("symbols of Buildroot start with BR2_, those of the kernel, U-Boot and Busybox with CONFIG_");
    }
    let names = ConfigKind::ALL.iter().flat_map(|kind| plan.config(*kind).entries()).map(|(name, _)| name.as_str());
    let plain =
        CommandError::new(Kind::User, format!("No layer of the chain sets `{symbol}`, and it is in no configuration"));
    match similar(symbol, names) {
        Some(name) => plain.hint(format!("did you mean {name}?")),
        None => plain.hint(
            "`skiff plan --json` lists all that are set; what the kernel makes of them is known once it is built",
        ),
    }
}

/// What is known of a symbol of one program.
struct Answer<'a> {
    symbol: &'a str,
    kind: ConfigKind,
    plan: &'a BuildPlan,
    /// What the real Kconfig has made, if it was run.
    finished: Option<Merged>,
    session: &'a Session,
}

impl Answer<'_> {
    fn is_there(&self) -> bool {
        let finished = self.finished.as_ref().is_some_and(|config| config.entry(self.symbol).is_some());
        finished || self.plan.config(self.kind).entry(self.symbol).is_some()
    }

    fn present(&self) -> Option<&str> {
        self.finished.as_ref()?.value(self.symbol).map(|value| value.text())
    }

    fn place(&self, assignment: &Assignment) -> String {
        self.plan.place(&assignment.origin)
    }

    /// What Kconfig made of the winner, in words.
    fn verdict(&self) -> Option<String> {
        let finished = self.finished.as_ref()?;
        let present = self.present().unwrap_or("absent");
        let Some(entry) = self.plan.config(self.kind).entry(self.symbol) else {
            let why = if present == "n" { "nobody asks for it" } else { "a default, or selected by another symbol" };
            return Some(format!("{present} ({why})"));
        };
        if is_met(&entry.winner.value, finished.value(self.symbol)) {
            return Some(format!("{present}, as asked for"));
        }
        let dropped = match self.kind {
            ConfigKind::Buildroot => skiff_build::read_dropped(&self.session.workspace),
            _ => Vec::new(),
        };
        let reason = dropped.iter().find(|dropped| dropped.assignment.symbol.as_str() == self.symbol);
        let reason = reason.map(|dropped| format!(": {}", dropped.reason)).unwrap_or_default();
        Some(format!("does not follow; it is {present}{reason}"))
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
        let entry = self.plan.config(self.kind).entry(self.symbol);
        json!({
            "symbol": self.symbol,
            "kind": self.kind,
            "winner": entry.map(|entry| row(&entry.winner)),
            "shadowed": entry.map(|entry| entry.shadowed.iter().rev().map(row).collect::<Vec<_>>()).unwrap_or_default(),
            "kconfig": self.finished.as_ref().map(|_| json!({
                "value": self.present(),
                "met": entry.map(|entry| is_met(&entry.winner.value, self.finished.as_ref().and_then(|f| f.value(self.symbol)))),
                "verdict": self.verdict(),
            })),
        })
    }

    fn print(&self) {
        let entry = self.plan.config(self.kind).entry(self.symbol);
        let value = entry.map(|entry| entry.winner.value.text()).or(self.present()).unwrap_or_default();
        data!("\x1b[1m{}\x1b[0m = {value}  ({})", self.symbol, self.kind);
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
            None if self.kind == ConfigKind::Buildroot => {
                data!("  Kconfig  has not been asked: `skiff --engine buildroot configure`");
            }
            None => data!("  Kconfig  is asked when the {} is built", self.kind),
        }
    }
}
