use serde_json::Value as Json;
use serde_json::json;
use skiff_kconfig::Assignment;
use skiff_kconfig::Definitions;
use skiff_kconfig::Kind as ConfigKind;
use skiff_kconfig::similar;
use skiff_project::Session;
use skiff_project::explanation::Answer;
use skiff_project::explanation::Program;

use crate::args::ExplainArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;

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
        data!("{:#}", Json::Array(found.iter().map(json).collect()));
    } else {
        found.iter().for_each(print);
    }
    missing.map_or(Ok(()), Err)
}

fn unknown(symbol: &str, programs: &[Program<'_>]) -> CommandError {
    let kinds: Vec<&Program<'_>> =
        programs.iter().filter(|program| symbol.starts_with(program.kind.prefix())).collect();
    if kinds.is_empty() {
        return CommandError::new(Kind::Usage, format!("`{symbol}` is not a symbol"))
            .hint("symbols of Buildroot start with BR2_, those of the kernel, U-Boot and Busybox with CONFIG_");
    }
    let set = kinds.iter().flat_map(|program| program.wanted().entries()).map(|(name, _)| name.as_str());
    let defined = kinds.iter().filter_map(|program| program.definitions()).flat_map(Definitions::names);
    let plain =
        CommandError::new(Kind::User, format!("no layer of the chain sets `{symbol}`, and it is in no configuration"));
    match similar(symbol, set.chain(defined)) {
        Some(name) => plain.hint(format!("similar: {name}")),
        None => plain.hint(
            "`skiff plan --json` lists all that are set; what the kernel makes of them is known once it is built",
        ),
    }
}

fn json(answer: &Answer<'_>) -> Json {
    let row = |assignment: &Assignment| {
        json!({
            "value": assignment.value.text(),
            "layer": &*assignment.origin.layer,
            "path": answer.place(assignment),
            "file": &*assignment.origin.file,
            "line": assignment.origin.line,
        })
    };
    let entry = answer.entry();
    json!({
        "symbol": answer.symbol,
        "kind": answer.program.kind,
        "winner": entry.map(|entry| row(&entry.winner)),
        "shadowed": entry.map(|entry| entry.shadowed.iter().rev().map(row).collect::<Vec<_>>()).unwrap_or_default(),
        "kconfig": answer.is_asked().then(|| json!({
            "value": answer.present(),
            "met": entry.map(|entry| answer.is_met(entry)),
            "verdict": answer.verdict(),
        })),
    })
}

fn print(answer: &Answer<'_>) {
    let entry = answer.entry();
    let value = entry.map(|entry| entry.winner.value.text()).or(answer.present()).unwrap_or("absent");
    data!("\x1b[1m{}\x1b[0m = {value}  ({})", answer.symbol, answer.program.kind);
    match entry {
        Some(entry) => {
            data!("  set by   {:24} {}", entry.winner.origin.layer, answer.place(&entry.winner));
            for loser in entry.shadowed.iter().rev() {
                data!("  over     {:24} {}  {}", loser.origin.layer, answer.place(loser), loser.value.text());
            }
        }
        None => data!("  no layer sets it"),
    }
    match answer.verdict() {
        Some(verdict) => data!("  Kconfig  {verdict}"),
        None if answer.program.kind == ConfigKind::Buildroot => {
            data!("  Kconfig  has not been asked: `skiff -w another --engine buildroot configure` does");
        }
        None => data!("  Kconfig  is asked when the {} is built", answer.program.kind),
    }
}
