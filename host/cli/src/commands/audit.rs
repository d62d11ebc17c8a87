use skiff_runtime::AuditEvent;
use skiff_runtime::AuditRecord;
use skiff_text::harmless;

use crate::args::AuditArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Session;
use skiff_text::Shown as _;

/// Shows what plugins and scripts of the workspace did beyond their sandbox.
pub(crate) fn run(session: &Session, args: &AuditArgs) -> Result<()> {
    let log = session.audit();
    let records = log.read().map_err(|error| {
        CommandError::new(Kind::User, format!("cannot read `{}`: {error}", log.path().shown()))
            .hint("check that it is a file and can be read")
    })?;
    let of_plugin = |record: &&AuditRecord| {
        args.plugin.as_deref().is_none_or(|name| {
            record.plugin.as_str().strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let of_kind = |record: &&AuditRecord| !args.refused || matches!(record.event, AuditEvent::Refused { .. });
    if let Some(name) = &args.plugin
        && !records.iter().any(|record| of_plugin(&record))
    {
        session.console.say(&format!("Nothing of `{name}` is recorded in this workspace"));
    }
    for record in records.iter().filter(of_plugin).filter(of_kind) {
        match args.json {
            true => data!("{}", serde_json::json!(record)),
            false => data!("{} {} {}", time(record.time), record.plugin, one_line(&record.event)),
        }
    }
    Ok(())
}

fn one_line(event: &AuditEvent) -> String {
    harmless(&event.to_string()).replace('\n', " ")
}

/// Writes seconds since 1970 as a date and time of UTC.
fn time(seconds: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}
