//! The check of a plan finds, without an effect, the errors that making the image would find.

#![allow(clippy::disallowed_methods, reason = "tests name their own files")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::fs::File;
use std::path::Path;

use skiff_flash::Image;
use skiff_flash::Plan;
use skiff_flash::Sources;
use skiff_flash::Stop;
use skiff_flash::Toolbox;
use skiff_flash::Unwatched;
use skiff_layout::Content;
use skiff_layout::Format;
use skiff_layout::Ids;
use skiff_layout::Kind;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_layout::Partition;
use skiff_layout::Table;

const MEDIUM: Medium = Medium { size: 64 << 20, sector: 512 };

/// Checks a plan for one partition with some files, and makes its image. Both have to say the same.
fn check(format: Format, files: &[String]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("images/root");
    fs::create_dir_all(&root).unwrap();
    for name in files {
        fs::write(root.join(name), name).unwrap();
    }
    let partition = Partition {
        format,
        size: Some(16 << 20),
        copy_files: vec![Content::new("images/root/", "/")],
        ..Partition::new("part", Kind::linux())
    };
    let layout = Layout { partitions: vec![partition], ..Layout::new(Table::Gpt) };
    let sources =
        Sources { images: Some(folder.path().join("images")), layers: Vec::new(), epoch: 1, stop: Stop::default() };
    let plan = Plan::new(&layout, MEDIUM, Ids::new(b"x"), &sources).unwrap();
    let programs = skiff_file::SearchPath::parse(&std::env::var_os("PATH").unwrap());
    let checked = plan.check(&programs).map_err(|error| error.to_string());
    let path = folder.path().join("image");
    let toolbox = Toolbox { programs: &programs, scratch: Path::new("/tmp") };
    let made = Image::build(&plan, File::create_new(&path).unwrap(), &path, toolbox, &Unwatched);
    assert_eq!(made.map(drop).map_err(|error| error.to_string()), checked);
    checked
}

#[test]
fn what_a_check_finds_is_what_making_the_image_finds() {
    let ext4 = |feature: &str| Format::Ext4 { features: vec![feature.to_owned()] };
    let plain = ["a file".to_owned()];
    check(Format::Vfat, &plain).unwrap();
    check(ext4("^64bit"), &plain).unwrap();
    let error = |format, files: &[String]| check(format, files).unwrap_err();
    assert!(error(ext4("quota"), &plain).starts_with("partition `part`: mke2fs: the feature `quota` of ext4"));
    let odd = ["odd\nname".to_owned()];
    assert!(error(ext4("^64bit"), &odd).starts_with("partition `part`: `/odd"));
    assert!(error(Format::Vfat, &odd).contains("cannot be a name on FAT"));
    let many: Vec<String> = (0..300).map(|number| format!("a long name {number}")).collect();
    assert!(error(Format::Vfat, &many).contains("the root directory has "));
}
