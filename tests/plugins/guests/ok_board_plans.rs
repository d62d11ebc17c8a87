//! Proposes a layout that depends on the size of the medium.

use skiff_sdk::board::{Content, Format, Intent, Layout, Medium, Partition, Raw, Table};
use skiff_sdk::{Board, Failure, FailureCode, Result};

struct Guest;
skiff_sdk::export_board!(Guest);

impl Board for Guest {
    fn plan(intent: Intent, medium: &Medium) -> Result<Layout> {
        if medium.size < 1 << 20 {
            return Err(Failure::new(FailureCode::Unsupported, "the medium is too small").hint("take a larger one"));
        }
        let content = |source: &str, target: &str| Content {
            sources: vec![source.into()],
            target: target.into(),
            optional: false,
            once: false,
            edits: Vec::new(),
            script: None,
        };
        let partition = |label: &str, keep: bool| Partition {
            label: label.into(),
            name: None,
            volume: None,
            uuid: None,
            type_: "linux-generic".into(),
            format: Format::Ext4,
            features: vec!["^64bit".into()],
            start: None,
            after: None,
            align: None,
            size: None,
            size_min: Some(medium.size / 4),
            weight: 1000,
            end_align: None,
            bootable: !keep,
            attributes: Vec::new(),
            keep: keep && intent == Intent::Install,
            copy_files: if keep { Vec::new() } else { vec![content("images/bzImage", "/boot/bzImage")] },
            copy_blocks: None,
        };
        let loader = Raw {
            name: "u-boot".into(),
            sources: vec!["images/u-boot.bin".into()],
            offset: 8192,
            skip: 0,
            length: None,
            size: None,
            optional: true,
        };
        Ok(Layout {
            table: Table::Mbr,
            id: None,
            max_entries: None,
            partitions: vec![partition("boot", false), partition("persist", true)],
            raw: vec![loader],
        })
    }
}
