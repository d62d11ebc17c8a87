use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cap_std::ambient_authority;

use super::*;

fn dir(path: &Path) -> Dir {
    fs::create_dir_all(path).unwrap();
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn copied(source: &Dir, from: &str, into: &Dir, to: &str) -> Result<Amount, TreeError> {
    copy(source, &path(from), into, &path(to), &|| Ok(()))
}

#[test]
fn a_tree_is_copied_as_it_is_and_over_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let (source, into) = (dir(&at("source")), dir(&at("into")));
    fs::create_dir_all(at("source/a/b")).unwrap();
    fs::write(at("source/a/b/file"), "new").unwrap();
    fs::write(at("source/tool"), "x").unwrap();
    fs::set_permissions(at("source/tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", at("source/a/link")).unwrap();
    fs::create_dir_all(at("into/a/b")).unwrap();
    fs::write(at("into/a/b/file"), "something old").unwrap();
    fs::write(at("into/a/kept"), "kept").unwrap();
    assert_eq!(copied(&source, "", &into, "").unwrap(), Amount { entries: 5, bytes: 4 });
    assert_eq!(fs::read_to_string(at("into/a/b/file")).unwrap(), "new");
    assert_eq!(fs::read_to_string(at("into/a/kept")).unwrap(), "kept");
    assert_eq!(fs::read_link(at("into/a/link")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(fs::metadata(at("into/tool")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(copied(&source, "tool", &into, "bin/renamed").unwrap(), Amount { entries: 1, bytes: 1 });
    assert_eq!(copied(&source, "tool", &into, "").unwrap(), Amount { entries: 1, bytes: 1 });
    assert_eq!(fs::read_to_string(at("into/bin/renamed")).unwrap(), "x");
}

#[test]
fn what_has_several_names_has_them_in_a_duplicate() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let (source, into) = (dir(&at("source")), dir(&at("into")));
    fs::create_dir_all(at("source/a/b")).unwrap();
    fs::write(at("source/a/git"), "git").unwrap();
    fs::hard_link(at("source/a/git"), at("source/a/b/git-add")).unwrap();
    fs::hard_link(at("source/a/git"), at("elsewhere")).unwrap();
    fs::write(at("source/alone"), "x").unwrap();
    assert_eq!(duplicate(&source, &into, &|| Ok(())).unwrap(), Amount { entries: 5, bytes: 4 });
    let inode = |name: &str| fs::metadata(at(name)).unwrap().ino();
    assert_eq!(inode("into/a/git"), inode("into/a/b/git-add"));
    assert_ne!(inode("into/a/git"), inode("source/a/git"));
    assert_eq!(fs::metadata(at("into/a/git")).unwrap().nlink(), 2);
    copied(&source, "", &dir(&at("copy")), "").unwrap();
    assert_ne!(inode("copy/a/git"), inode("copy/a/b/git-add"), "an ordinary copy has files of their own");
}

#[test]
fn links_in_the_place_of_what_is_copied_are_replaced_and_never_followed() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let (source, into) = (dir(&at("source")), dir(&at("into")));
    fs::create_dir_all(at("source/folder")).unwrap();
    fs::write(at("source/folder/file"), "mine").unwrap();
    fs::write(at("source/file"), "mine").unwrap();
    fs::create_dir_all(at("victim")).unwrap();
    fs::write(at("victim/file"), "precious").unwrap();
    std::os::unix::fs::symlink(at("victim/file"), at("into/file")).unwrap();
    std::os::unix::fs::symlink(at("victim"), at("into/folder")).unwrap();
    copied(&source, "", &into, "").unwrap();
    assert_eq!(fs::read_to_string(at("victim/file")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(at("into/folder/file")).unwrap(), "mine");
    // On the way to the destination links are followed, but not out of the tree.
    std::os::unix::fs::symlink(at("victim"), at("into/way")).unwrap();
    std::os::unix::fs::symlink("..", at("into/up")).unwrap();
    for to in ["way/file", "up/victim/file"] {
        assert!(copied(&source, "file", &into, to).is_err(), "{to}");
    }
    assert_eq!(fs::read_to_string(at("victim/file")).unwrap(), "precious");
}

#[test]
fn pipes_and_folders_into_themselves_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let tree = dir(&root.path().join("tree"));
    fs::create_dir_all(root.path().join("tree/a/x")).unwrap();
    assert!(matches!(copied(&tree, "", &tree, "a/x"), Err(TreeError::IntoItself { .. })));
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, root.path().join("tree/pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let said = copied(&tree, "pipe", &tree, "b").unwrap_err().to_string();
    assert_eq!(said, "pipe: this is a pipe, and only files, directories and symbolic links are copied");
}

#[test]
fn holes_stay_holes_and_the_rest_is_there() {
    let root = tempfile::tempdir().unwrap();
    let tree = dir(root.path());
    let file = File::create(root.path().join("disk")).unwrap();
    file.set_len(1 << 40).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"in the middle", 1 << 39).unwrap();
    let amount = copied(&tree, "disk", &tree, "copy").unwrap();
    assert!(amount.bytes < 1 << 20, "{amount:?}");
    let copy = File::open(root.path().join("copy")).unwrap();
    assert_eq!(copy.metadata().unwrap().len(), 1 << 40);
    let mut buffer = [0; 13];
    std::os::unix::fs::FileExt::read_at(&copy, &mut buffer, 1 << 39).unwrap();
    assert_eq!(&buffer, b"in the middle");
}

/// While a directory is swapped for a link and back, copies get what is inside or fail.
#[test]
fn links_that_are_swapped_in_during_a_copy_lead_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("source/x/folder")).unwrap();
    fs::write(at("source/x/folder/file"), "inside").unwrap();
    fs::create_dir_all(at("outside/folder")).unwrap();
    fs::write(at("outside/folder/file"), "SECRET").unwrap();
    std::os::unix::fs::symlink(at("outside"), at("link")).unwrap();
    let (source, into) = (dir(&at("source")), dir(&at("into")));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut secrets = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let cwd = rustix::fs::CWD;
                rustix::fs::renameat_with(cwd, at("link"), cwd, at("source/x"), flags).unwrap();
            }
        });
        for number in 0..1000 {
            let from = if number % 2 == 0 { "" } else { "x/folder" };
            // Whether it fails depends on the moment.
            let _ = copied(&source, from, &into, "copy");
            for path in ["copy/x/folder/file", "copy/folder/file", "copy/file"] {
                // A link that was copied is there as a link, and leads nowhere from here.
                secrets += usize::from(into.read_to_string(path).is_ok_and(|text| text == "SECRET"));
            }
            if number % 50 == 0 {
                let _ = fs::remove_dir_all(at("into/copy"));
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(secrets, 0);
}

#[test]
fn a_file_that_is_put_is_complete_or_not_there() {
    let root = tempfile::tempdir().unwrap();
    let tree = dir(root.path());
    fs::write(root.path().join("from"), "contents").unwrap();
    fs::write(root.path().join("to"), "before").unwrap();
    let file = File::open(root.path().join("from")).unwrap();
    assert!(put(&file, &tree, &path("to"), &|| Err(crate::Stopped::Late)).is_err());
    assert_eq!(fs::read_to_string(root.path().join("to")).unwrap(), "before");
    assert_eq!(put(&file, &tree, &path("to"), &|| Ok(())).unwrap(), 8);
    assert_eq!(fs::read_to_string(root.path().join("to")).unwrap(), "contents");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}
