//! FAT32 file systems: made by the library `fatfs`, and brought up to date so that a cut leaves the old or the new.
//!
//! An update writes a whole new tree into free clusters, root folder included, and then changes the one number in the boot
//! sector that says where the root folder is. The tree before it stays, in the folder `skiff.old`, and going back to it is the
//! same step the other way.

mod chains;
mod files;
mod folder;
mod geometry;
mod update;
mod view;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Write as _;

use fatfs::Date;
use fatfs::DateTime;
use fatfs::FatType;
use fatfs::FileSystem;
use fatfs::FormatVolumeOptions;
use fatfs::FsOptions;
use fatfs::Time;
use fatfs::TimeProvider;
use skiff_layout::Ranges;

use self::chains::Chains;
pub(crate) use self::files::FatFiles;
use self::geometry::Geometry;
pub(crate) use self::update::is_tidy;
pub(crate) use self::update::rollback;
pub(crate) use self::update::tidy;
pub(crate) use self::update::update;
use self::view::View;
use crate::Item;
use crate::ItemKind;
use crate::Watch;
use crate::item;

/// The first moment that FAT knows: equal inputs make equal bytes.
#[derive(Debug)]
struct Always;

impl TimeProvider for Always {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

/// How file systems are opened.
fn options() -> FsOptions {
    FsOptions::new().time_provider(&Always)
}

/// Bytes read from a source at a time.
const CHUNK: usize = 1 << 20;

/// Files have 4 GiB less one byte at most.
const MAX_FILE: u64 = u32::MAX as u64;

/// Why something cannot be done with a FAT file system.
#[derive(Debug, thiserror::Error)]
pub enum FatError {
    /// There is none.
    #[error("there is no FAT file system")]
    Missing,
    /// It is FAT12 or FAT16, whose root folder cannot move.
    #[error("its file system is not FAT32")]
    NotFat32,
    /// It contradicts itself.
    #[error("its file system is damaged: {0}")]
    Damaged(String),
    /// There is no room.
    #[error("its file system is full")]
    Full,
    /// Nothing to go back to.
    #[error("it holds no previous system")]
    NoPrevious,
    /// A file that FAT cannot hold.
    #[error("`{0}` is larger than the 4 GiB that a file on FAT may have")]
    TooLarge(String),
    /// A name that FAT cannot hold.
    #[error("`{0}` is no name for a file on FAT")]
    Name(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The user wants to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What a new file system is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming<'n> {
    pub(crate) label: &'n str,
    pub(crate) serial: u32,
    /// Bytes of a sector.
    pub(crate) sector: u32,
}

/// Makes a file system of `size` bytes in a file that is zero there, from `origin`; returns which of its bytes matter.
pub(crate) fn make(
    out: &File,
    origin: u64,
    size: u64,
    naming: Naming<'_>,
    items: &[Item],
    watch: &dyn Watch,
) -> Result<Ranges, FatError> {
    let mut label = [b' '; 11];
    for (place, byte) in label.iter_mut().zip(naming.label.bytes()) {
        *place = byte;
    }
    let sector = u16::try_from(naming.sector).unwrap_or(512);
    let options = FormatVolumeOptions::new()
        .fat_type(FatType::Fat32)
        .bytes_per_sector(sector)
        .bytes_per_cluster(cluster_size(size).max(naming.sector))
        .volume_id(naming.serial)
        .volume_label(label);
    let mut view = View::empty(out, origin, size);
    fatfs::format_volume(&mut view, options)?;
    let geometry = Geometry::read(&view.head, size)?;
    view.fix_head(geometry.data)?;
    fill(&mut view, items, watch)?;
    let mut chains = Chains { view: &mut view, geometry };
    chains.tidy(geometry.root, 0, 0)?;
    chains.count_free();
    view.settle()?;
    write_head(out, origin, &view.head)?;
    let mut matters = view.written.clone();
    matters.add(0..geometry.data);
    Ok(matters)
}

/// Writes the head, but for what is zero: the file is zero there, and a large FAT is mostly that.
fn write_head(out: &File, origin: u64, head: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    const STEP: usize = 64 << 10;
    for (number, chunk) in (0u64..).zip(head.chunks(STEP)) {
        if chunk.iter().any(|byte| *byte != 0) {
            out.write_all_at(chunk, origin + number * STEP as u64)?;
        }
    }
    Ok(())
}

/// Bytes of a cluster, as mkfs.fat chooses them for FAT32.
fn cluster_size(size: u64) -> u32 {
    match size >> 20 {
        0..=260 => 512,
        261..=8192 => 4 << 10,
        8193..=16384 => 8 << 10,
        16385..=32768 => 16 << 10,
        _ => 32 << 10,
    }
}

/// Puts items into the root folder of a file system.
fn fill(view: &mut View<'_>, items: &[Item], watch: &dyn Watch) -> Result<(), FatError> {
    let system = FileSystem::new(view.rewound(), options())?;
    let mut folders = BTreeSet::new();
    for item in items {
        let root = system.root_dir();
        check_name(&item.target)?;
        let own = matches!(item.kind, ItemKind::Folder).then_some(item.target.as_str());
        for folder in item.parents().chain(own) {
            if folders.insert(crate::keep::fold(folder)) {
                root.create_dir(folder).map_err(full)?;
            }
        }
        if item.size() > MAX_FILE {
            return Err(FatError::TooLarge(item.target.clone()));
        }
        match &item.kind {
            ItemKind::Folder => {}
            ItemKind::Link(_) => return Err(FatError::Name(item.target.clone())),
            ItemKind::Text { bytes, .. } => {
                let mut file = root.create_file(&item.target).map_err(full)?;
                file.truncate()?;
                file.write_all(bytes).map_err(full)?;
            }
            ItemKind::File { path, size, .. } => {
                let mut file = root.create_file(&item.target).map_err(full)?;
                file.truncate()?;
                let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                let mut source = item::open(path, *size).map_err(named)?;
                copy(&mut source, &mut file, *size, watch)?;
            }
        }
    }
    system.unmount()?;
    Ok(())
}

fn copy(source: &mut impl io::Read, target: &mut impl io::Write, size: u64, watch: &dyn Watch) -> Result<(), FatError> {
    let mut buffer = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK)).max(1)];
    let mut left = size;
    while left > 0 {
        if watch.is_cancelled() {
            return Err(FatError::Cancelled);
        }
        let count = source.take(left).read(&mut buffer)?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        target.write_all(buffer.get(..count).unwrap_or_default()).map_err(full)?;
        watch.advance(count as u64);
        left -= count as u64;
    }
    Ok(())
}

/// The library says of a full file system that there is no space, in words only.
fn full(error: io::Error) -> FatError {
    match error.kind() == io::ErrorKind::Other && error.to_string().contains("space") {
        true => FatError::Full,
        false => FatError::Io(error),
    }
}

/// FAT specification, section 7: long names have up to 255 units of UTF-16 and none of these characters.
fn check_name(target: &str) -> Result<(), FatError> {
    let bad = |part: &str| {
        part.is_empty()
            || part.encode_utf16().count() > 255
            || part.chars().any(|c| c.is_control() || "\"*:<>?|\\".contains(c))
            || part.ends_with(['.', ' '])
    };
    match target.split('/').any(bad) {
        true => Err(FatError::Name(target.to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;
    use std::process::Command;

    use super::*;
    use crate::Cut;
    use crate::FileDisk;
    use crate::Unwatched;
    use crate::held::Held;

    const START: u64 = 1 << 20;
    const SIZE: u64 = 64 << 20;

    fn text(target: &str, text: &str) -> Item {
        Item::text(target, text)
    }

    fn system(version: &str) -> Vec<Item> {
        let large = format!("{version} ").repeat(40_000);
        vec![text("kernel", version), text("overlays/a long name.dtbo", &large), text("config.txt", version)]
    }

    fn new_image(items: &[Item]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(START + SIZE).unwrap();
        let naming = Naming { label: "BOOT", serial: 0x1234_5678, sector: 512 };
        make(file.as_file(), START, SIZE, naming, items, &Unwatched).unwrap();
        file
    }

    fn run(program: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program).args(arguments).env("MTOOLS_SKIP_CHECK", "1").output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn read(path: &str, name: &str) -> String {
        run("mtype", &["-i", &format!("{path}@@{START}"), &format!("::{name}")]).1
    }

    fn check(file: &tempfile::NamedTempFile) -> (bool, String) {
        let mut bytes = vec![0; SIZE as usize];
        file.as_file().read_exact_at(&mut bytes, START).unwrap();
        let alone = tempfile::NamedTempFile::new().unwrap();
        alone.as_file().write_all_at(&bytes, 0).unwrap();
        run("fsck.fat", &["-n", alone.path().to_str().unwrap()])
    }

    #[test]
    fn what_is_made_passes_the_check_of_others_and_reads_back() {
        let image = new_image(&system("one"));
        let (good, said) = check(&image);
        assert!(good, "{said}");
        let path = image.path().to_str().unwrap();
        assert_eq!(read(path, "kernel"), "one");
        assert_eq!(read(path, "overlays/a long name.dtbo").len(), 160_000);
        assert!(run("minfo", &["-i", &format!("{path}@@{START}"), "::"]).1.contains("BOOT"));
    }

    #[test]
    fn an_update_keeps_what_is_not_its_own_and_the_way_back() {
        let own = [system("one"), vec![text("mine/notes.txt", "mine")]].concat();
        let image = new_image(&own);
        let path = image.path().to_str().unwrap().to_owned();
        let window = START..START + SIZE;
        let disk = FileDisk::new(image.reopen().unwrap(), START + SIZE);
        for version in ["two", "three"] {
            let scratch = tempfile::tempfile().unwrap();
            let plan = update(&disk, &window, &system(version), &Held::default(), &scratch, &Unwatched).unwrap();
            assert!(plan.stays_within(&window));
            plan.commit(&disk, &Unwatched).unwrap();
            let (good, said) = check(&image);
            assert!(good, "{version}: {said}");
            assert_eq!((read(&path, "kernel"), read(&path, "mine/notes.txt")), (version.into(), "mine".into()));
        }
        assert_eq!(read(&path, "skiff.old/kernel"), "two");
        for version in ["two", "three"] {
            let scratch = tempfile::tempfile().unwrap();
            rollback(&disk, &window, &scratch).unwrap().commit(&disk, &Unwatched).unwrap();
            let (good, said) = check(&image);
            assert!(good, "back to {version}: {said}");
            assert_eq!(read(&path, "kernel"), version);
            assert!(read(&path, "overlays/a long name.dtbo").starts_with(version));
        }
    }

    #[test]
    fn a_cut_anywhere_leaves_the_old_or_the_new() {
        let image = new_image(&system("one"));
        let window = START..START + SIZE;
        let mut seen = std::collections::BTreeSet::new();
        for cut in 0.. {
            let copy = tempfile::NamedTempFile::new().unwrap();
            std::fs::copy(image.path(), copy.path()).unwrap();
            let disk = FileDisk::new(copy.reopen().unwrap(), START + SIZE);
            let (scratch, rest) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
            let plan = update(&disk, &window, &system("two"), &Held::default(), &scratch, &Unwatched).unwrap();
            let cutting = Cut::after(&disk, cut);
            plan.commit(&cutting, &Unwatched).unwrap();
            let path = copy.path().to_str().unwrap();
            let kernel = read(path, "kernel");
            assert!(read(path, "overlays/a long name.dtbo").starts_with(&kernel), "cut {cut}");
            assert_eq!(read(path, "config.txt"), kernel, "cut {cut}");
            assert!(kernel == "one" || kernel == "two", "cut {cut}: {kernel}");
            seen.insert(kernel);
            // The next one heals what a cut has left.
            update(&disk, &window, &system("three"), &Held::default(), &rest, &Unwatched)
                .unwrap()
                .commit(&disk, &Unwatched)
                .unwrap();
            let (good, said) = check(&copy);
            assert!(good && read(path, "kernel") == "three", "after cut {cut}: {said}");
            if !cutting.was_cut() {
                break;
            }
        }
        assert_eq!(seen.len(), 2);
    }
}
