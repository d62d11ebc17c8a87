//! The arguments of a plugin's command, as its manifest declares them.

use crate::command_error::Result;
use clap::Arg;
use clap::ArgAction;
use clap::ArgMatches;
use skiff_layers::ArgumentDecl;
use skiff_layers::ArgumentKind;
use skiff_layers::CommandDecl;
use skiff_layers::LayerPlugin;
use skiff_project::PackageError;
use skiff_project::Session;
use skiff_project::package::read_value;
use skiff_runtime::Given;
use skiff_runtime::GivenValue;

/// Reads a command's own arguments: typed ones first, then the environment, then defaults.
pub(crate) fn parse(
    session: &Session,
    plugin: &LayerPlugin,
    command: &CommandDecl,
    arguments: &[String],
) -> Result<Result<Given>, clap::Error> {
    let name = format!("skiff cmd {} {}", plugin.layer.name, command.name);
    let parser = clap::Command::new(name.clone())
        .bin_name(name)
        .about(command.summary.to_string())
        .no_binary_name(true)
        .args(command.arguments.iter().map(argument));
    let matches = parser.try_get_matches_from(arguments)?;
    Ok(collect(session, command, &matches))
}

fn argument(decl: &ArgumentDecl) -> Arg {
    let mut help = decl.help.to_string();
    for (what, text) in [("env", decl.env.as_deref()), ("default", decl.default.as_deref())] {
        if let Some(text) = text {
            help += &format!(" [{what}: {text}]");
        }
    }
    let arg = Arg::new(decl.name.clone()).long(decl.name.clone()).help(help);
    match decl.kind {
        ArgumentKind::Flag => arg.action(ArgAction::SetTrue),
        ArgumentKind::Integer => arg.value_name("NUMBER").allow_negative_numbers(true),
        ArgumentKind::Text => arg.value_name("TEXT"),
        ArgumentKind::Words => arg.value_name("WORDS").allow_hyphen_values(true),
        ArgumentKind::Choice => {
            arg.value_parser(clap::builder::PossibleValuesParser::new(decl.choices.iter().map(ToString::to_string)))
        }
    }
}

fn collect(session: &Session, command: &CommandDecl, matches: &ArgMatches) -> Result<Given> {
    let mut given = Given::default();
    for decl in &command.arguments {
        let from_environment = || decl.env.as_deref().and_then(|name| session.console.environment.get(name));
        if decl.kind == ArgumentKind::Flag {
            let set = matches.get_flag(&decl.name)
                || from_environment().is_some_and(|value| !matches!(value, "0" | "no" | "false"));
            given.insert(&decl.name, GivenValue::Flag(set));
            continue;
        }
        let typed = matches.get_one::<String>(&decl.name).map(String::as_str);
        match (typed.or_else(from_environment), decl.default.as_deref()) {
            (Some(text), _) => given.insert(&decl.name, read_value(decl, text)?),
            (None, Some(text)) => given.insert_default(&decl.name, read_value(decl, text)?),
            (None, None) if decl.required => {
                return Err(PackageError::Missing(decl.name.to_string()).into());
            }
            (None, None) => {}
        }
    }
    Ok(given)
}
