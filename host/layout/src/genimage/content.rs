//! What partitions hold: file systems that genimage would make, and files.

use crate::Content;
use crate::Format;
use crate::ImportError;
use crate::Partition;
use crate::check::is_fat_label;
use crate::check_path;
use crate::shown;

use super::parser::Block;

/// The kinds of images that genimage makes.
pub(super) const KINDS: &[&str] = &[
    "android-sparse",
    "btrfs",
    "cpio",
    "cramfs",
    "custom",
    "erofs",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "file",
    "fip",
    "fit",
    "flash",
    "hdimage",
    "iso",
    "jffs2",
    "mdraid",
    "qemu",
    "rauc",
    "squashfs",
    "tar",
    "ubi",
    "ubifs",
    "verity",
    "verity-sig",
    "vfat",
];

/// The block that says of what kind an image is.
pub(super) fn kind(image: &Block) -> Result<&Block, ImportError> {
    let mut kinds = image.inner.iter().filter(|block| KINDS.contains(&block.kind.as_str()));
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => Ok(kind),
        (Some(_), Some(other)) => Err(other.place.wrong(format!("image `{}` has a second kind", shown(&image.name)))),
        (None, _) => Err(image.place.wrong(format!("image `{}` has no kind that is known", shown(&image.name)))),
    }
}

/// Where skiff looks for a file that genimage looks for in its input path.
pub(super) fn source(name: &str, block: &Block) -> Result<String, ImportError> {
    let is_below = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    match is_below && check_path(name).is_ok() {
        true => Ok(format!("images/{name}")),
        false => Err(block.place.wrong(format!("`{}` is not a path below the images", shown(name)))),
    }
}

/// What an image of the configuration is for a partition or raw contents.
pub(super) enum Child {
    /// The size of the file system that genimage would make, in bytes.
    FileSystem(u64),
    /// A file.
    File(String),
}

/// Makes a partition hold what an image is made of.
pub(super) fn fill(partition: &mut Partition, image: &Block, notes: &mut Vec<String>) -> Result<Child, ImportError> {
    let block = kind(image)?;
    let format = match block.kind.as_str() {
        "vfat" => Format::Vfat,
        "ext4" => Format::Ext4 { features: features(block)? },
        "file" => {
            known(block, &["name", "copy"], &[])?;
            return source(block.text("name")?.unwrap_or(&image.name), block).map(Child::File);
        }
        other => {
            let problem = format!("`{other}`: skiff makes file systems of the kinds `vfat` and `ext4`");
            return Err(block.place.wrong(problem));
        }
    };
    for setting in &image.settings {
        match setting.key.as_str() {
            "size" | "empty" | "temporary" | "name" => {}
            "exec-pre" | "exec-post" | "flashtype" | "mountpoint" | "srcpath" => {
                notes.push(setting.place.note(&format!("`{}` of image `{}`", setting.key, shown(&image.name))));
            }
            other => return Err(unknown(&setting.place, other, "image")),
        }
    }
    label(partition, block, &format, notes)?;
    files(partition, image, block, notes)?;
    partition.format = format;
    let is_percent = image.text("size")?.is_some_and(|size| size.ends_with('%'));
    match (is_percent, image.size("size")) {
        (true, _) => Err(image.place_of("size").wrong("`size` in percent: a layout has sizes in bytes")),
        (false, size) => match size? {
            Some(size) => Ok(Child::FileSystem(size)),
            None => Err(image.place.wrong(format!("image `{}` has no `size`", shown(&image.name)))),
        },
    }
}

fn unknown(place: &super::lexer::Place, word: &str, kind: &str) -> ImportError {
    let of = if kind.is_empty() { String::new() } else { format!(" of `{kind}`") };
    place.wrong(format!("`{}`{of} is not known", shown(word)))
}

/// Refuses settings and blocks that are not known.
pub(super) fn known(block: &Block, settings: &[&str], blocks: &[&str]) -> Result<(), ImportError> {
    for setting in &block.settings {
        if !settings.contains(&setting.key.as_str()) {
            return Err(unknown(&setting.place, &setting.key, &block.kind));
        }
    }
    match block.inner.iter().find(|inner| !blocks.contains(&inner.kind.as_str())) {
        Some(inner) => Err(unknown(&inner.place, &inner.kind, &block.kind)),
        None => Ok(()),
    }
}

fn features(block: &Block) -> Result<Vec<String>, ImportError> {
    let text = block.text("features")?.unwrap_or_default();
    let features: Vec<String> =
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let is_plain = |word: &String| {
        word.trim_start_matches('^').bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match features.iter().find(|word| !is_plain(word)) {
        Some(word) => Err(block.place_of("features").wrong(format!("`{}` is not a feature of ext4", shown(word)))),
        None => Ok(features),
    }
}

fn label(
    partition: &mut Partition,
    block: &Block,
    format: &Format,
    notes: &mut Vec<String>,
) -> Result<(), ImportError> {
    let fits = |label: &str| match format {
        Format::Vfat => is_fat_label(label),
        _ => label.len() <= 16,
    };
    if let Some(label) = block.text("label")? {
        if !fits(label) {
            let problem = format!(
                "label `{}`: FAT has up to 11 letters, digits, `_`, `-` and spaces, ext4 16 bytes",
                shown(label)
            );
            return Err(block.place_of("label").wrong(problem));
        }
        partition.volume = Some(label.to_owned()).filter(|label| *label != partition.label);
    } else if !fits(&partition.label) {
        let letters = partition.label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_');
        let short: String =
            Some(letters.take(11).collect()).filter(|short: &String| !short.is_empty()).unwrap_or("DATA".into());
        notes.push(
            block.place.note(&format!("no `label`, and the partition's name does not fit: the label is `{short}`")),
        );
        partition.volume = Some(short);
    }
    Ok(())
}

fn files(partition: &mut Partition, image: &Block, block: &Block, notes: &mut Vec<String>) -> Result<(), ImportError> {
    let (settings, blocks): (&[&str], &[&str]) = match block.kind.as_str() {
        "vfat" => (&["extraargs", "label", "files"], &["file"]),
        _ => (
            &[
                "extraargs",
                "label",
                "features",
                "root-owner",
                "fs-timestamp",
                "use-mke2fs",
                "usage-type",
                "mke2fs-conf",
                "mke2fs_conf",
            ],
            &[],
        ),
    };
    known(block, settings, blocks)?;
    for setting in
        block.settings.iter().filter(|setting| !matches!(setting.key.as_str(), "label" | "files" | "features"))
    {
        notes.push(setting.place.note(&format!("`{}` of `{}`", setting.key, block.kind)));
    }
    for file in block.blocks("file") {
        known(file, &["image"], &[])?;
        let target = file.name.trim_start_matches('/');
        let name = file.text("image")?.unwrap_or(target);
        source(target, file)?;
        partition.copy_files.push(Content::new(source(name, file)?, format!("/{target}")));
    }
    for name in block.list("files") {
        partition.copy_files.push(Content::new(source(name, block)?, "/"));
    }
    let is_empty = image.flag("empty")?.unwrap_or(false);
    if partition.copy_files.is_empty()
        && !is_empty
        && image.setting("srcpath").or(image.setting("mountpoint")).is_none()
    {
        notes.push(block.place.note(&format!(
            "files of image `{}`: it names none, so genimage takes those of its root directory",
            shown(&image.name)
        )));
    }
    Ok(())
}
