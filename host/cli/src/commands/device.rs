use std::path::Path;

use serde_json::json;
use skiff_flash::Device;
use skiff_flash::Inventory;
use skiff_flash::Removable;
use skiff_flash::clear;
use skiff_layout::Bytes;

use crate::args::DeviceCommand;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::media;
use crate::output::data;
use crate::session::Session;

pub(crate) fn run(session: &Session, command: &DeviceCommand) -> Result<()> {
    let DeviceCommand::List { all, json } = command;
    let inventory = Inventory::read(Path::new(media::MACHINE)).map_err(|error| {
        CommandError::new(Kind::User, format!("Cannot list the devices of this machine: {error}"))
            .hint("they are read from /sys/class/block")
    })?;
    let rules = media::rules(session, None);
    let rows: Vec<_> = inventory
        .disks()
        .map(|device| (device, clear(device, 0, &rules).map(drop).map_err(|refusal| refusal.to_string())))
        .filter(|(device, _)| *all || *json || device.removable != Removable::No)
        .collect();
    if *json {
        let row = |(device, refusal): &(&Device, std::result::Result<(), String>)| json!({"device": device, "refused": refusal.as_ref().err(), "confirm": device.word()});
        data!("{:#}", json!(rows.iter().map(row).collect::<Vec<_>>()));
        return Ok(());
    }
    if rows.is_empty() {
        data!("no removable media; `skiff device list --all` shows built-in disks, too");
    }
    for (device, refusal) in rows {
        let title =
            [device.vendor.as_deref(), device.model.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let serial = device.serial.as_deref().unwrap_or("-");
        let removable = match device.removable {
            Removable::Yes => "removable",
            Removable::No => "built in",
            Removable::Unknown => "unknown",
        };
        data!(
            "{:14} {:>9}  {removable:9}  serial {serial:18} {}",
            device.path.display(),
            Bytes(device.size).to_string(),
            if title.is_empty() { "-" } else { &title }
        );
        if let Some(name) = device.by_id.first() {
            data!("    /dev/disk/by-id/{name}");
        }
        for one in &device.uses {
            data!("    {one}");
        }
        if let Err(refusal) = refusal {
            data!("    not written to: {refusal}");
        }
    }
    Ok(())
}
