//! Whatever a plugin does to its folder, nothing outside of it changes and nothing of outside gets in.
#![no_main]

use std::fs;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use skiff_tree::TreePath;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let root = tempfile::tempdir_in("/dev/shm").expect("a folder");
    let inside = root.path().join("inside");
    fs::create_dir_all(inside.join("a")).expect("a folder");
    fs::write(inside.join("a/file"), "inside").expect("a file");
    fs::create_dir(root.path().join("outside")).expect("a folder");
    fs::write(root.path().join("outside/secret"), "SECRET").expect("a file");
    let dir = Dir::open_ambient_dir(&inside, ambient_authority()).expect("a folder");
    let watch = || Ok(());
    for line in text.lines().take(20) {
        let mut words = line.split(' ');
        let (action, from, to) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (from_path, to_path) = (TreePath::new(from), TreePath::new(to));
        match (action, from_path, to_path) {
            // A link may lead anywhere; it must not be followed out.
            (Some("l"), _, Ok(to)) => drop(skiff_tree::link(&dir, &to, from)),
            (Some("c"), Ok(from), Ok(to)) => drop(skiff_tree::copy(&dir, &from, &dir, &to, &watch)),
            (Some("p"), Ok(from), Ok(to)) => {
                if let Ok(file) = dir.open(from.as_str()) {
                    let _ = skiff_tree::put(&file.into_std(), &dir, &to, &watch);
                }
            }
            (Some("m"), Ok(from), _) => drop(skiff_tree::set_mode(&dir, &from, 0o777)),
            (Some("d"), Ok(from), _) => drop(skiff_tree::digest(&dir, &from, &watch)),
            _ => {}
        }
    }
    assert_eq!(fs::read_to_string(root.path().join("outside/secret")).expect("it is there"), "SECRET");
    assert_eq!(fs::read_dir(root.path().join("outside")).expect("a folder").count(), 1);
    assert_eq!(fs::read_dir(root.path()).expect("a folder").count(), 2);
    assert!(!has_secret(&inside));
});

/// Whether a file inside, links not followed, holds what is outside.
fn has_secret(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let kind = entry.file_type().expect("a kind");
        kind.is_dir() && has_secret(&entry.path())
            || kind.is_file() && fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("SECRET"))
    })
}
