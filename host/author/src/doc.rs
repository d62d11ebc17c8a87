use skiff_layers::ArgumentDecl;
use skiff_layers::ArgumentKind;
use skiff_layers::PluginDecl;

use crate::markdown::code;
use crate::markdown::text;

/// Describes a plugin by its manifest, in Markdown.
pub fn document(layer: &str, plugin: &PluginDecl) -> String {
    let mut lines = vec![format!("# {layer}/{} {}", plugin.name, plugin.version)];
    let mut line = |line: String| lines.push(line);
    if !plugin.hooks.is_empty() {
        let stages: Vec<String> = plugin.hooks.iter().map(|stage| format!("`{stage}`")).collect();
        line(format!("\nIs called by builds, at the stages {}.", stages.join(", ")));
    }
    if plugin.board.is_some() {
        line("\nKnows what is where on the medium of the board.".into());
    }
    for command in &plugin.commands {
        let summary = text(command.summary.trim_end_matches('.'));
        line(format!("\n## skiff cmd {layer} {}\n\n{summary}.", command.name));
        if !command.arguments.is_empty() {
            line("\n| argument | value | default | |\n| --- | --- | --- | --- |".into());
        }
        for argument in &command.arguments {
            line(row(argument));
        }
    }
    line("\n## What it may do\n".into());
    if plugin.capabilities.is_empty() {
        line("Nothing but to run.".into());
    } else {
        line("| capability | what for |\n| --- | --- |".into());
    }
    for capability in &plugin.capabilities {
        let with = |terms: Vec<&str>| format!(", with {}", terms.into_iter().map(code).collect::<Vec<_>>().join(" "));
        let patterns = capability.terms().map(with).unwrap_or_default();
        line(format!("| {} | {}{patterns} |", code(&capability.to_string()), text(capability.why())));
    }
    let limits = plugin.limits;
    line(format!("\nA call takes at most {} MiB and {} s.", limits.memory_mib, limits.time_s));
    lines.join("\n")
}

fn row(argument: &ArgumentDecl) -> String {
    let value = match argument.kind {
        ArgumentKind::Flag => String::new(),
        ArgumentKind::Integer => "number".into(),
        ArgumentKind::Text => "text".into(),
        ArgumentKind::Words => "words".into(),
        ArgumentKind::Choice => argument.choices.iter().map(|choice| &**choice).collect::<Vec<_>>().join(", "),
    };
    let variable = argument.env.as_ref().map(|name| format!(" ({})", code(name))).unwrap_or_default();
    let default = argument.default.as_ref().map(|word| code(word)).unwrap_or_default();
    format!("| `--{}`{variable} | {} | {default} | {} |", argument.name, text(&value), text(&argument.help))
}
