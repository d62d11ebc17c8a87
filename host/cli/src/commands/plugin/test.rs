use skiff_author::Case;
use skiff_author::Chosen;
use skiff_author::Suite;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_project::Session;

use crate::args::TestPluginArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::commands::cmd;
use crate::output::data;

/// Runs the tests of plugins, or records a case.
pub(super) fn run(session: &Session, args: &TestPluginArgs) -> Result<()> {
    let chosen = Chosen::working(session, &args.plugin.plugin)?;
    if args.record.is_some() && chosen.plugins.len() > 1 {
        let names: Vec<&str> = chosen.plugins.iter().map(|plugin| plugin.decl.name.as_str()).collect();
        return Err(CommandError::new(Kind::Usage, format!("{} has several plugins", chosen.layer.name))
            .hint(format!("a case is of one: name it, {}/<{}>", chosen.layer.name, names.join(" or "))));
    }
    let mut failed = Vec::new();
    for plugin in &chosen.plugins {
        let suite = Suite::find(session, plugin)?;
        match &args.record {
            Some(case) => {
                suite.record(case, new_case(session, plugin, &args.words)?)?;
                data!("{}: recorded {case}", suite.id());
            }
            None => failed.extend(run_suite(&suite, args.trust)?),
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(CommandError::new(Kind::User, format!("these have failed: {}", failed.join(", ")))
            .hint("if the new result is correct, record it: --record CASE")),
    }
}

/// Runs the tests of a plugin. Returns those that fail.
fn run_suite(suite: &Suite<'_>, trust: bool) -> Result<Vec<String>> {
    let (id, mut failed) = (suite.id(), Vec::new());
    suite.trust(trust)?;
    if suite.has_native() {
        data!("{id}: native tests");
        if !suite.native()? {
            failed.push(format!("{id}: the native tests"));
        }
    }
    for case in suite.cases()? {
        let shown = format!("{id}: {}", case.file_name().unwrap_or_default().to_string_lossy());
        let wrong = suite.replay(&case)?;
        data!("{shown} {}", if wrong.is_empty() { "ok" } else { "FAILED" });
        wrong.iter().for_each(|wrong| data!("  {wrong}"));
        if !wrong.is_empty() {
            failed.push(shown);
        }
    }
    Ok(failed)
}

/// Reads the call of a new case: a hook of the plugin, or a command with its arguments.
fn new_case(session: &Session, plugin: &LayerPlugin, words: &[String]) -> Result<Option<Case>> {
    let Some((call, rest)) = words.split_first() else { return Ok(None) };
    let stage = [Stage::Configure, Stage::Pre, Stage::Post].into_iter().find(|stage| stage.to_string() == *call);
    if let Some(stage) = stage.filter(|stage| plugin.decl.hooks.contains(stage)) {
        return Ok(Some(Case::of_hook(stage)));
    }
    let Some(command) = plugin.decl.command(call) else {
        return Err(CommandError::new(Kind::Usage, format!("the plugin has no command and no hook `{call}`"))
            .hint("its manifest names them"));
    };
    match cmd::parse(session, plugin, command, rest) {
        Ok(given) => Ok(Some(Case::of_command(call, &given?))),
        Err(error) => {
            let message = error.to_string().trim().trim_start_matches("error: ").to_owned();
            Err(CommandError::new(Kind::Usage, message))
        }
    }
}
