use super::*;
use crate::Kind;

fn fixed(label: &str, size_mib: u64, least_mib: u64, weight: u32) -> Partition {
    Partition {
        size: Some(size_mib << 20),
        size_min: Some(least_mib << 20),
        weight,
        ..Partition::new(label, Kind::linux())
    }
}

fn rest(label: &str) -> Partition {
    Partition { size_min: Some(64 << 20), weight: 6, ..Partition::new(label, Kind::linux()) }
}

fn layout(table: Table, partitions: Vec<Partition>) -> Layout {
    Layout { partitions, ..Layout::new(table) }
}

fn pi() -> Layout {
    layout(Table::Gpt, vec![fixed("BOOT", 7628, 256, 8), fixed("rootfs", 1908, 64, 2), rest("persist")])
}

fn sectors(layout: &Layout, size: u64) -> Vec<(u64, u64)> {
    let placed = layout.solve(Medium { size, sector: 512 }, &[], &[]).unwrap();
    placed.partitions().iter().map(|p| (p.range.start / 512, p.range.end / 512 - 1)).collect()
}

#[test]
fn a_large_medium_has_the_sectors_that_parted_measured() {
    assert_eq!(sectors(&pi(), 12 << 30), [(2048, 15_624_191), (15_624_192, 19_531_775), (19_531_776, 25_163_775)]);
    let last = sectors(&pi(), 32_000_000_000).last().copied();
    assert_eq!(last, Some((19_531_776, 62_498_815)));
    let exact = Partition { end_align: 512, ..rest("persist") };
    let mbr = layout(Table::Mbr, vec![Partition { start: Some(1 << 20), ..fixed("boot", 953, 256, 8) }, exact]);
    assert_eq!(sectors(&mbr, 1536 << 20), [(2048, 1_953_791), (1_953_792, 3_145_727)]);
    assert_eq!(sectors(&mbr, 32_000_000_000), [(2048, 1_953_791), (1_953_792, 62_499_999)]);
}

#[test]
fn a_small_medium_shrinks_what_may_give_way_and_says_so() {
    let placed = pi().solve(Medium { size: 4_000_000_000, sector: 512 }, &[], &[]).unwrap();
    assert!(placed.partitions().iter().take(2).all(|partition| partition.shrunk.is_some()));
    let sizes: Vec<u64> = placed.partitions().iter().map(|p| (p.range.end - p.range.start) >> 20).collect();
    assert!(sizes[0] > 1500 && sizes[1] > 400 && sizes[2] > 1200, "{sizes:?}");
    let error = pi().solve(Medium { size: 300 << 20, sector: 512 }, &[], &[]).unwrap_err();
    assert!(matches!(error, LayoutError::TooSmall { needs, .. } if needs > 380 << 20), "{error}");
}

#[test]
fn every_byte_has_one_owner() {
    let raw = |offset: u64, length: u64| {
        let raw = Raw::new("spl", offset);
        let layout = Layout { raw: vec![raw], ..pi() };
        layout
            .solve(Medium { size: 32_000_000_000, sector: 512 }, &[Some(length)], &[])
            .map(drop)
            .map_err(|e| e.to_string())
    };
    assert_eq!(raw(34 * 512, 1000), Ok(()));
    assert_eq!(raw(8192, 100).unwrap_err(), "the GPT and raw contents `spl` overlap at byte 8192");
    assert!(raw(1 << 20, 1).unwrap_err().contains("partition `BOOT`"));
    assert!(raw(u64::MAX - 1, 100).unwrap_err().contains("`spl`"));
    assert!(raw(32_000_000_000 - 512, 512).unwrap_err().contains("backup of the GPT"));
    assert_eq!(raw(0, 446), Ok(()));
    assert!(raw(0, 447).unwrap_err().contains("byte 446"));
}

#[test]
fn what_contradicts_itself_is_an_error() {
    let one = |partition: Partition| {
        layout(Table::Mbr, vec![partition]).solve(Medium { size: 8 << 30, sector: 512 }, &[], &[])
    };
    assert!(one(fixed("a", 10, 20, 1)).is_err());
    assert!(one(Partition { start: Some(100), ..rest("a") }).is_err());
    assert!(one(Partition { start: Some(u64::MAX / 512 * 512), ..rest("a") }).is_err());
    assert!(one(Partition { size: Some(0), ..rest("a") }).is_err());
    assert!(one(Partition { size: Some(u64::MAX), size_min: None, ..rest("a") }).is_err());
    assert!(one(Partition { format: Format::Vfat, ..rest("A LONG LABEL") }).is_err());
    assert!(one(Partition { format: Format::Vfat, size: Some(32 << 10), size_min: None, ..rest("a") }).is_err());
    assert!(one(Partition { format: Format::Vfat, size: Some(1 << 20), size_min: None, ..rest("a") }).is_ok());
    let odd = one(Partition { size: Some((10 << 20) + 256), size_min: None, ..rest("a") }).unwrap();
    assert_eq!(odd.partitions()[0].range, 1 << 20..(11 << 20) + 512);
    let five = (0..5).map(|n| fixed(&n.to_string(), 10, 10, 1)).collect();
    let five = layout(Table::Mbr, five).solve(Medium { size: 8 << 30, sector: 512 }, &[], &[]);
    assert!(matches!(five, Err(LayoutError::TooMany { limit: 4, .. })));
}
#[test]
fn a_partition_of_a_file_has_the_size_of_the_file_unless_it_takes_what_is_left() {
    let block = |align: Option<u64>| Partition {
        copy_blocks: Some("images/x".into()),
        align,
        ..Partition::new("a", Kind::linux())
    };
    let ranges = |partitions: Vec<Partition>, blocks: &[Option<u64>]| {
        let medium = Medium { size: 8 << 30, sector: 512 };
        let placed = layout(Table::Mbr, partitions).solve(medium, &[], blocks).unwrap();
        placed.partitions().iter().map(|p| p.range.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ranges(vec![block(None)], &[Some(16_000)]), vec![1 << 20..(1 << 20) + 16_384]);
    let two = vec![block(Some(512)), Partition { label: "b".into(), ..block(Some(512)) }];
    assert_eq!(ranges(two, &[Some(1000), Some(512)]), [512..1536, 1536..2048]);
    let rest = Partition { size_min: Some(512), ..block(None) };
    assert_eq!(ranges(vec![rest], &[Some(16_000)]), vec![1 << 20..8 << 30]);
    let wide = Partition { align: Some(4 << 20), ..fixed("b", 1, 1, 1) };
    assert_eq!(ranges(vec![block(Some(512)), wide], &[Some(5 << 20)]), [512..(5 << 20) + 512, 8 << 20..9 << 20]);
}

#[test]
fn room_of_raw_contents_is_kept_and_a_partition_may_start_behind_it() {
    let medium = Medium { size: 1 << 30, sector: 512 };
    let raw = Raw { source: vec!["images/x".into()], size: Some(4 << 20), ..Raw::new("u-boot", 8 << 20) };
    let behind = Partition { after: Some("u-boot".into()), ..rest("b") };
    let boot = Partition { size_min: Some(1 << 20), ..rest("a") };
    let mut layout = Layout { raw: vec![raw], ..layout(Table::Mbr, vec![boot, behind]) };
    let placed = layout.solve(medium, &[Some(100_000)], &[]).unwrap();
    assert_eq!(placed.raw()[0].range, 8 << 20..(8 << 20) + 100_000);
    let ranges: Vec<_> = placed.partitions().iter().map(|p| p.range.clone()).collect();
    assert_eq!(ranges, [1 << 20..8 << 20, 12 << 20..1 << 30]);
    let error = layout.solve(medium, &[Some(5 << 20)], &[]).unwrap_err();
    assert!(matches!(error, LayoutError::Raw { .. }), "{error}");
    // Without a file, the room stays empty.
    layout.raw[0].source.clear();
    assert_eq!(layout.solve(medium, &[None], &[]).unwrap().raw(), []);
    layout.partitions[1].after = None;
    layout.partitions[1].start = Some(9 << 20);
    assert!(matches!(layout.solve(medium, &[None], &[]), Err(LayoutError::Overlap { .. })));
}
