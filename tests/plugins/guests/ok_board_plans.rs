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
        let partition = |label: &str, keep: bool| Partition {
            label: label.into(),
            type_: "linux-generic".into(),
            format: Format::Ext4,
            start: None,
            size_min: Some(medium.size / 4),
            size_max: None,
            weight: 1000,
            bootable: !keep,
            keep: keep && intent == Intent::Install,
            copy_files: vec![Content { source: "/images/bzImage".into(), target: "/boot/bzImage".into() }],
            copy_blocks: None,
        };
        let loader = Raw { source: "/images/u-boot.bin".into(), offset: 8192, skip: 0, length: None };
        Ok(Layout {
            table: Table::Mbr,
            partitions: vec![partition("boot", false), partition("persist", true)],
            raw: vec![loader],
        })
    }
}
