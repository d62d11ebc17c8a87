//! Configurations of genimage, as Buildroot's boards have them, read as layouts.
//!
//! What a layout can say is taken over, so that the table is that of genimage. Words that change the table and have no counterpart
//! are refused with their line; what concerns contents only is returned as a list of notes.

mod content;
mod disk;
mod holes;
mod lexer;
mod parser;
mod types;

use crate::ImportError;
use crate::Layout;
use crate::LayoutError;
use crate::Table;
use crate::shown;

use disk::Disk;
use parser::Block;

/// What a configuration takes from outside of its text.
#[derive(Clone, Copy)]
pub struct Surroundings<'s> {
    /// The value of a variable; none if it is not set.
    pub variable: &'s dyn Fn(&str) -> Option<String>,
    /// The text of a file below the directory of the configuration, or why it cannot be read.
    pub include: &'s dyn Fn(&str) -> Result<String, String>,
}

impl Surroundings<'_> {
    /// Nothing: variables are not set, and no file is there.
    pub const NONE: Surroundings<'static> =
        Surroundings { variable: &|_| None, include: &|_| Err("no file can be included here".to_owned()) };
}

/// Reads a configuration: its first disk image. Returned with it is what a layout has no words for, each with its line.
///
/// # Errors
/// [`ImportError`] with the line that cannot be read, or that has no counterpart.
pub fn from_genimage(file: &str, text: &str, around: &Surroundings<'_>) -> Result<(Layout, Vec<String>), ImportError> {
    let file = &shown(file);
    let top = parser::parse(file, text, around)?;
    let mut notes = Vec::new();
    content::known(&top, &[], &["image", "flash", "config"])?;
    let images: Vec<&Block> = top.blocks("image").collect();
    for (number, image) in images.iter().enumerate() {
        if images.iter().take(number).any(|other| other.name == image.name) {
            return Err(image.place.wrong(format!("image `{}` is declared twice", shown(&image.name))));
        }
    }
    let Some(image) = images.iter().find(|image| image.blocks("hdimage").next().is_some()) else {
        let mut other = images.iter().flat_map(|image| &image.inner).chain(top.blocks("flash"));
        let flash = ["flash", "ubi", "ubifs", "jffs2", "nand"];
        return Err(match other.find(|block| flash.contains(&block.kind.as_str())) {
            Some(block) => block.place.wrong(format!("`{}` is flash memory, and a layout is of a disk", block.kind)),
            None => match images.first() {
                Some(first) => {
                    let kind = content::kind(first)?;
                    let problem = format!("`{}` is not a disk, and no image is of the kind `hdimage`", kind.kind);
                    kind.place.wrong(problem)
                }
                None => ImportError::File { file: file.to_owned(), problem: "it has no image".into() },
            },
        });
    };
    let disk = Disk::new(image, &images, &mut notes)?;
    let used = disk.used();
    let layout = disk.layout()?;
    for other in images.iter().filter(|other| other.name != image.name && !used.contains(&other.name.as_str())) {
        let kind = content::kind(other).map_or("image", |kind| kind.kind.as_str());
        notes.push(other.place.note(&format!(
            "image `{}` (`{kind}`), which is not part of `{}`",
            shown(&other.name),
            shown(&image.name)
        )));
    }
    notes.extend(top.blocks("flash").map(|flash| flash.place.note(&format!("`flash {}`", shown(&flash.name)))));
    notes.extend(top.blocks("config").map(|config| config.place.note("`config`")));
    Ok((layout, notes))
}

/// What is wrong with the layout as a whole, at the line of the partition that it is about.
fn checked(layout: Layout, image: &Block) -> Result<Layout, ImportError> {
    let Err(error) = layout.check() else { return Ok(layout) };
    let name = match &error {
        LayoutError::Label { label, .. } | LayoutError::Partition { label, .. } => label.clone(),
        LayoutError::Raw { name, .. } => name.clone(),
        _ => String::new(),
    };
    let block = image.blocks("partition").find(|block| shown(&block.name) == name).unwrap_or(image);
    Err(block.place.wrong(error.to_string()))
}

/// The table that a disk image has.
fn table(block: &Block) -> Result<Table, ImportError> {
    let mut table = match block.text("partition-table-type")?.unwrap_or("mbr") {
        "gpt" => Table::Gpt,
        "mbr" | "dos" => Table::Mbr,
        "none" => Table::None,
        other => {
            let problem = format!("partition-table-type `{}` has no counterpart in a layout", shown(other));
            return Err(block.place_of("partition-table-type").wrong(problem));
        }
    };
    match block.flag("partition-table")? {
        Some(true) => table = Table::Mbr,
        Some(false) => table = Table::None,
        None => {}
    }
    match block.flag("gpt")? {
        Some(true) => table = Table::Gpt,
        Some(false) => table = Table::Mbr,
        None => {}
    }
    Ok(table)
}

#[cfg(test)]
mod tests;
