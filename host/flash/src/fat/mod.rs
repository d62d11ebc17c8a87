//! FAT file systems: made by skiff itself, FAT32 or, where that does not fit, FAT12 or FAT16. Those with FAT32 are brought up to
//! date so that a cut leaves the old or the new.
//!
//! An update writes a whole new tree into free clusters, root directory included, and then changes the one number in the boot
//! sector that says where the root directory is. The tree before it stays, in the directory `skiff.old`, and going back to it is the
//! same step the other way. FAT12 and FAT16 have their root directory at a fixed place, so that nothing can be exchanged in one step:
//! updates of those are refused.

mod chains;
mod draft;
mod files;
mod folder;
mod format;
mod geometry;
mod names;
mod tree;
mod update;
mod view;
mod volume;

use std::io;

pub(crate) use self::draft::Draft;
pub(crate) use self::files::FatFiles;
pub(crate) use self::volume::Fat;

/// Why something cannot be done with a FAT file system.
#[derive(Debug, thiserror::Error)]
pub enum FatError {
    /// There is none.
    #[error("there is no FAT file system")]
    Missing,
    /// It is FAT12 or FAT16, whose root directory cannot move.
    #[error("the file system is {0}; `install` supports FAT32 only")]
    NotFat32(&'static str),
    /// No FAT has so many bytes.
    #[error("a FAT file system cannot have {0} bytes")]
    Size(u64),
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
    #[error("`{name}` cannot be a name on FAT: it {why}")]
    Name {
        /// The file.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two names that FAT takes for one.
    #[error("`{one}` and `{other}` are the same name on FAT, which does not tell capitals from small letters")]
    Collision {
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// A directory with too many files.
    #[error("the directory of `{0}` has more entries than FAT allows")]
    Folder(String),
    /// The root directory of FAT12 or FAT16 is full.
    #[error("the root directory has {needs} entries, long names included, and {kind} has room for {has}")]
    RootFolder {
        /// The kind of FAT.
        kind: &'static str,
        /// Entries that it needs.
        needs: u64,
        /// Entries that it has.
        has: u64,
    },
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

impl Naming<'_> {
    /// The label, padded with blanks.
    fn padded(&self) -> [u8; 11] {
        let mut label = [b' '; 11];
        label.iter_mut().zip(self.label.bytes()).for_each(|(place, byte)| *place = byte);
        label
    }
}

impl FatError {
    /// The same of a name with the directories above it.
    fn at(self, path: &str) -> Self {
        match self {
            Self::Name { why, .. } => Self::Name { name: path.to_owned(), why },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;
    use std::process::Command;

    use super::update::rollback;
    use super::update::update;
    use super::*;
    use crate::Cut;
    use crate::FileDisk;
    use crate::Item;
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
        Draft::of(SIZE, naming, items).unwrap().write(file.as_file(), START, &Unwatched).unwrap();
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
