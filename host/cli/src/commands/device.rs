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
use skiff_text::wrap;

pub(crate) fn run(project: &Project, command: &DeviceCommand) -> Result<()> {
    // `all` is an option of earlier scripts: all disks are always listed.
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
            for (number, line) in wrap(&note, 74).into_iter().enumerate() {
                data!("    {}{line}", if number == 0 { "" } else { "  " });
            }
        }
    }
    Ok(())
}
