//! Configurations of genimage, as Buildroot's boards have them, read as layouts.

use crate::Bytes;
use crate::Content;
use crate::Format;
use crate::ImportError;
use crate::Kind;
use crate::Layout;
use crate::Partition;
use crate::Raw;
use crate::Table;

/// Blocks in blocks that are read.
const MAX_DEPTH: usize = 16;

/// Reads a configuration: its first image with partitions. The images that those hold become file systems with the same
/// files, or blocks that are copied. Returned with it is what a layout has no words for, each with its line.
///
/// # Errors
/// [`ImportError`] with the line that cannot be read.
pub fn from_genimage(file: &str, text: &str) -> Result<(Layout, Vec<String>), ImportError> {
    let mut tokens = Tokens { file, rest: text, line: 1, at: 1 };
    let top = tokens.block(0)?;
    let wrong = |problem: &str| ImportError::File { file: file.to_owned(), problem: problem.to_owned() };
    let images: Vec<&Block> = top.blocks("image").collect();
    let disk = images.iter().find(|image| image.blocks("partition").next().is_some());
    let disk = disk.ok_or_else(|| wrong("it has no image with partitions"))?;
    let settings = disk.blocks("hdimage").next();
    let setting = |name: &str| settings.and_then(|settings| settings.value(name));
    let table = match setting("partition-table-type") {
        Some("gpt") => Table::Gpt,
        Some("none") => Table::None,
        Some("hybrid") => return Err(wrong("a hybrid table has no counterpart in a layout")),
        _ if setting("gpt") == Some("true") => Table::Gpt,
        _ => Table::Mbr,
    };
    let mut layout = Layout { table, max_entries: None, partitions: Vec::new(), raw: Vec::new() };
    for block in disk.blocks("partition") {
        let bytes = |name: &str| {
            let value = block.value(name).map(|value| value.parse::<Bytes>());
            value.transpose().map(|bytes| bytes.map(|bytes| bytes.0)).map_err(|error| ImportError::Line {
                file: file.to_owned(),
                line: block.line,
                problem: error.to_string(),
            })
        };
        let image = block.value("image");
        if matches!(block.value("in-partition-table"), Some("no" | "false" | "0")) {
            layout.raw.push(Raw {
                name: block.name.clone(),
                source: vec![format!("images/{}", image.unwrap_or(&block.name))],
                offset: bytes("offset")?.unwrap_or_default(),
                skip: 0,
                length: bytes("size")?,
                optional: false,
            });
            continue;
        }
        let kind = block.value("partition-type-uuid").or(block.value("partition-type")).unwrap_or("0x83");
        let kind: Kind = named(kind).parse().map_err(|error: crate::LayoutError| ImportError::Line {
            file: file.to_owned(),
            line: block.line,
            problem: error.to_string(),
        })?;
        let mut partition = Partition::new(block.name.clone(), kind.on(table));
        partition.start = bytes("offset")?;
        partition.size = bytes("size")?.filter(|size| *size > 0);
        partition.bootable = block.value("bootable") == Some("true");
        let made = images.iter().find(|other| Some(other.name.as_str()) == image);
        match made.and_then(|made| fill(&mut partition, made)) {
            Some(size) => partition.size = partition.size.or(size),
            None => partition.copy_blocks = image.map(|image| format!("images/{image}")),
        }
        if matches!(block.value("autoresize"), Some("true" | "yes" | "1")) {
            partition.size_min = partition.size.take();
        }
        layout.partitions.push(partition);
    }
    let mut left_out = Vec::new();
    for image in images {
        image.left_out(file, &mut left_out);
    }
    Ok((layout, left_out))
}

/// The settings of a kind of block that mean something here.
fn understood(kind: &str) -> &'static [&'static str] {
    match kind {
        "image" => &["size", "mountpoint"],
        "hdimage" => &["partition-table-type", "gpt"],
        "partition" => &[
            "image",
            "in-partition-table",
            "offset",
            "size",
            "partition-type",
            "partition-type-uuid",
            "bootable",
            "autoresize",
        ],
        "vfat" | "ext4" => &["label", "files"],
        "file" => &["image"],
        _ => &[],
    }
}

/// genimage's short names of types.
fn named(kind: &str) -> &str {
    match kind {
        "U" | "uefi" | "esp" => "esp",
        "L" | "linux" => "linux-generic",
        "S" | "swap" => "swap",
        "F" | "fat32" => "basic-data",
        other => other,
    }
}

/// Makes a partition hold what an image is made of; none for images that are taken as they are. Returns the image's size.
fn fill(partition: &mut Partition, image: &Block) -> Option<Option<u64>> {
    let (format, block) = match (image.blocks("vfat").next(), image.blocks("ext4").next()) {
        (Some(block), _) => (Format::Vfat, block),
        (_, Some(block)) => (Format::Ext4 { features: Vec::new() }, block),
        _ => return None,
    };
    partition.format = format;
    if let Some(label) = block.value("label") {
        label.clone_into(&mut partition.label);
    }
    for file in block.list("files") {
        partition.copy_files.push(Content::new(format!("images/{file}"), "/"));
    }
    for file in block.blocks("file") {
        let source = file.value("image").unwrap_or(&file.name);
        partition.copy_files.push(Content::new(format!("images/{source}"), format!("/{}", file.name)));
    }
    if let Some(mountpoint) = image.value("mountpoint") {
        partition.copy_files.push(Content::new(format!("images/{}/", mountpoint.trim_matches('/')), "/"));
    }
    Some(image.value("size").and_then(|size| size.parse::<Bytes>().ok()).map(|bytes| bytes.0))
}

/// A block of settings: `kind name { … }`.
#[derive(Debug, Default)]
struct Block {
    kind: String,
    name: String,
    line: usize,
    values: Vec<Setting>,
    inner: Vec<Block>,
}

#[derive(Debug)]
struct Setting {
    key: String,
    values: Vec<String>,
    line: usize,
}

impl Block {
    fn blocks<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Block> {
        self.inner.iter().filter(move |block| block.kind == kind)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let setting = self.values.iter().rev().find(|setting| setting.key == name)?;
        setting.values.first().map(String::as_str)
    }

    fn list<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b String> {
        self.values.iter().filter(move |setting| setting.key == name).flat_map(|setting| &setting.values)
    }

    /// Adds what of it, and of its blocks, means nothing here.
    fn left_out(&self, file: &str, left_out: &mut Vec<String>) {
        for Setting { key, line, .. } in &self.values {
            if !understood(&self.kind).contains(&key.as_str()) {
                left_out.push(format!("{file}:{line}: `{key}` of `{}`", self.kind));
            }
        }
        for block in &self.inner {
            match block.kind.as_str() {
                "hdimage" | "partition" | "vfat" | "ext4" | "file" => block.left_out(file, left_out),
                kind => left_out.push(format!("{file}:{}: `{kind}`", block.line)),
            }
        }
    }
}

/// The words of a configuration of libconfuse.
struct Tokens<'t> {
    file: &'t str,
    rest: &'t str,
    line: usize,
    /// The line of the last word.
    at: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(char),
}

impl Tokens<'_> {
    fn wrong(&self, problem: String) -> ImportError {
        ImportError::Line { file: self.file.to_owned(), line: self.at, problem }
    }

    fn skip(&mut self, count: usize) {
        let (gone, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, ""));
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }

    fn next(&mut self) -> Result<Option<Token>, ImportError> {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.skip(blanks);
            let comment = if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.rest.find('\n').unwrap_or(self.rest.len())
            } else if self.rest.starts_with("/*") {
                self.rest.find("*/").map_or(self.rest.len(), |end| end + 2)
            } else {
                break;
            };
            self.skip(comment);
        }
        self.at = self.line;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if "{}=,+".contains(first) {
            self.skip(1);
            return Ok(Some(Token::Sign(first)));
        }
        if first == '"' || first == '\'' {
            let inner = self.rest.get(1..).unwrap_or_default();
            let end = inner.find(first).ok_or_else(|| self.wrong("a text does not end".into()))?;
            let word = inner.get(..end).unwrap_or_default().to_owned();
            self.skip(end + 2);
            return Ok(Some(Token::Word(word)));
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "{}=,+\"'#".contains(c)).unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default().to_owned();
        self.skip(end);
        Ok(Some(Token::Word(word)))
    }

    /// Reads settings up to the end of their block, or of the text.
    fn block(&mut self, depth: usize) -> Result<Block, ImportError> {
        let mut block = Block { line: self.at, ..Block::default() };
        if depth > MAX_DEPTH {
            return Err(self.wrong("its blocks are too deep".into()));
        }
        loop {
            let key = match self.next()? {
                None if depth == 0 => return Ok(block),
                Some(Token::Sign('}')) if depth > 0 => return Ok(block),
                Some(Token::Word(key)) => key,
                other => return Err(self.wrong(format!("{other:?} is not expected here"))),
            };
            match self.next()? {
                Some(Token::Sign('{')) => {
                    let inner = self.block(depth + 1)?;
                    block.inner.push(Block { kind: key, ..inner });
                }
                Some(Token::Sign(sign @ ('=' | '+'))) => {
                    if sign == '+' && self.next()? != Some(Token::Sign('=')) {
                        return Err(self.wrong("`+` stands before `=`".into()));
                    }
                    let line = self.at;
                    let values = self.values()?;
                    block.values.push(Setting { key, values, line });
                }
                Some(Token::Word(name)) => {
                    if self.next()? != Some(Token::Sign('{')) {
                        return Err(self.wrong(format!("`{key} {name}` is no block")));
                    }
                    let inner = self.block(depth + 1)?;
                    block.inner.push(Block { kind: key, name, ..inner });
                }
                other => return Err(self.wrong(format!("{other:?} is not expected after `{key}`"))),
            }
        }
    }

    fn values(&mut self) -> Result<Vec<String>, ImportError> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(vec![word]),
            Some(Token::Sign('{')) => {
                let mut words = Vec::new();
                loop {
                    match self.next()? {
                        Some(Token::Word(word)) => words.push(word),
                        Some(Token::Sign(',')) => {}
                        Some(Token::Sign('}')) => return Ok(words),
                        other => return Err(self.wrong(format!("{other:?} is not expected in a list"))),
                    }
                }
            }
            other => Err(self.wrong(format!("{other:?} is no value"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: &str = r#"
# A board.
image boot.vfat {
	vfat {
		label = "boot"
		files = { "zImage", "board.dtb" }
		file extlinux/extlinux.conf { image = extlinux.conf }
	}
	size = 64M
}
image sdcard.img {
	hdimage { align = 1M }
	partition u-boot { in-partition-table = "no" image = "u-boot.bin" offset = 8K size = 1016K }
	partition boot { partition-type = 0xC bootable = "true" image = "boot.vfat" }
	partition rootfs { partition-type = 0x83 image = "rootfs.ext4" size = 512M }
}
"#;

    #[test]
    fn a_board_of_buildroots_becomes_a_layout() {
        let (layout, left_out) = from_genimage("genimage.cfg", BOARD).unwrap();
        assert_eq!(left_out, ["genimage.cfg:12: `align` of `hdimage`"]);
        assert_eq!((layout.table, layout.partitions.len(), layout.raw.len()), (Table::Mbr, 2, 1));
        assert_eq!((layout.raw[0].offset, layout.raw[0].length), (8192, Some(1016 << 10)));
        let boot = &layout.partitions[0];
        assert_eq!((boot.size, boot.bootable, boot.format.clone()), (Some(64 << 20), true, Format::Vfat));
        assert_eq!(boot.copy_files[2].target, "/extlinux/extlinux.conf");
        assert_eq!(layout.partitions[1].copy_blocks.as_deref(), Some("images/rootfs.ext4"));
        let yaml = crate::to_yaml(&layout);
        assert!(yaml.contains("size: 64MiB") && yaml.contains("offset: 8KiB"), "{yaml}");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let error = |text: &str| from_genimage("x", text).unwrap_err().to_string();
        assert!(error("image a {\n  partition b {\n    size = \"x\n").starts_with("x:3:"));
        assert!(error("image a { partition b { offset = 9Q } }").contains("9Q"));
        assert!(error("").contains("no image"));
    }
}
