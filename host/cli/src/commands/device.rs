use serde_json::json;
use skiff_flash::Device;
use skiff_flash::Removable;
use skiff_flash::clear;
use skiff_layout::Bytes;

use crate::args::DeviceCommand;
use crate::command_error::Result;
use crate::output::data;
use skiff_project::Project;
use skiff_project::media::devices;
use skiff_project::media::rules;
use skiff_text::Shown as _;

pub(crate) fn run(project: &Project, command: &DeviceCommand) -> Result<()> {
    let DeviceCommand::List { all: _, json } = command;
    let inventory = devices()?;
    let rules = rules(project, None);
    let rows: Vec<_> = inventory
        .disks()
        .map(|device| (device, clear(device, 0, &rules).map(drop).map_err(|refusal| refusal.to_string())))
        .collect();
    if *json {
        let row = |(device, refusal): &(&Device, std::result::Result<(), String>)| json!({"device": device, "refused": refusal.as_ref().err(), "confirm": device.word()});
        data!("{:#}", json!(rows.iter().map(row).collect::<Vec<_>>()));
        return Ok(());
    }
    if rows.is_empty() {
        data!("no disks");
    }
    for (device, refusal) in rows {
        let removable = match device.removable {
            Removable::Yes => "removable",
            Removable::No => "built in",
            Removable::Unknown => "unknown",
        };
        let size = match device.size {
            0 => "no medium".into(),
            size => Bytes(size).to_string(),
        };
        let serial = device.serial.as_deref().map(|serial| format!("  serial {serial}")).unwrap_or_default();
        data!("{:14} {size:>9}  {removable:9}{serial}", device.path.shown());
        let title =
            [device.vendor.as_deref(), device.model.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let by_id = device.by_id.first().map(|name| format!("/dev/disk/by-id/{name}"));
        let uses = device.uses.iter().map(ToString::to_string);
        let refused = refusal.err().map(|refusal| format!("not written to: {refusal}"));
        let notes =
            [Some(title).filter(|title| !title.is_empty()), by_id].into_iter().flatten().chain(uses).chain(refused);
        for note in notes {
            for line in wrapped(&note) {
                data!("    {line}");
            }
        }
    }
    Ok(())
}

/// Breaks a text into lines that fit 80 columns behind an indent of four, at its spaces; continued lines are indented.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 76;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= WIDTH) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(if lines.is_empty() { word.to_owned() } else { format!("  {word}") }),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_are_broken_at_spaces() {
        let text = "a word ".repeat(30);
        let lines = wrapped(text.trim_end());
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= 76), "{lines:?}");
        assert!(lines.iter().skip(1).all(|line| line.starts_with("  ")));
        let path = "x".repeat(100);
        assert_eq!(wrapped(&path), [path]);
    }
}
