//! The files of systemd-repart (repart.d(5)): read as layouts, and written so that a medium grows when it first boots.
//!
//! What changes the table or the contents of a partition and has no counterpart is refused with its line; the rest is returned as
//! a list of notes.

mod export;
mod lines;
mod value;

use crate::Content;
use crate::Flag;
use crate::Format;
use crate::ImportError;
use crate::Kind;
use crate::Layout;
use crate::LayoutError;
use crate::Partition;
use crate::Table;
use crate::check::is_fat_label;
use crate::check_name;
use crate::shown;

use lines::Setting;

pub use export::to_repart;

/// What systemd-repart counts sizes in.
const GRAIN: u64 = 4096;

/// The least size of a partition where none is said.
const LEAST: u64 = 10 << 20;

/// The weight of a partition where none is said.
const WEIGHT: u32 = 1000;

/// The flag of a GPT for firmware that boots as a BIOS does.
const LEGACY_BOOTABLE: u64 = 1 << 2;

/// Reads definitions of partitions, each with the name of its file, in the order of their names. Returned with the layout is what
/// a layout has no words for, each with its line.
///
/// # Errors
/// [`ImportError`] with the line that means something that a layout cannot say.
pub fn from_repart(files: &[(String, String)]) -> Result<(Layout, Vec<String>), ImportError> {
    let mut layout = Layout::new(Table::Gpt);
    let mut notes = Vec::new();
    if files.is_empty() {
        return Err(ImportError::File {
            file: "*.conf".into(),
            problem: "no definition of a partition is there".into(),
        });
    }
    for (file, text) in files {
        let shown_file = shown(file);
        let mut definition = Definition::new(&shown_file, &mut notes);
        for setting in lines::read(&shown_file, text, definition.notes)? {
            definition.read(&setting)?;
        }
        let partition = definition.partition(&layout)?;
        layout.partitions.push(partition);
        if let Err(error) = layout.check() {
            return Err(ImportError::File { file: shown_file, problem: error.to_string() });
        }
    }
    let shares: Vec<&Partition> =
        layout.partitions.iter().filter(|partition| partition.size != partition.size_min).collect();
    if shares.len() > 1 {
        notes.push(format!(
            "how {} partitions share a medium: skiff gives each its least size first, and shares the rest by weight",
            shares.len()
        ));
    }
    Ok((layout, notes))
}

/// A file, while it is read.
struct Definition<'f> {
    file: &'f str,
    partition: Partition,
    kind: Option<Kind>,
    label: Option<String>,
    label_line: usize,
    weight: u32,
    grow: Option<bool>,
    read_only: Option<bool>,
    no_auto: Option<bool>,
    least: Option<u64>,
    most: Option<u64>,
    notes: &'f mut Vec<String>,
}

impl<'f> Definition<'f> {
    fn new(file: &'f str, notes: &'f mut Vec<String>) -> Self {
        let partition = Partition { end_align: GRAIN, ..Partition::new("", Kind::linux()) };
        Self {
            file,
            partition,
            kind: None,
            label: None,
            label_line: 1,
            weight: WEIGHT,
            grow: None,
            read_only: None,
            no_auto: None,
            least: None,
            most: None,
            notes,
        }
    }

    fn read(&mut self, setting: &Setting) -> Result<(), ImportError> {
        let Setting { line, key, value } = setting;
        let file = self.file;
        let wrong = |problem: String| ImportError::Line { file: file.to_owned(), line: *line, problem };
        let odd = |what: &str| wrong(format!("{key}= is `{}`, which is not {what}", shown(value)));
        let size = || value::size(value).ok_or_else(|| odd("a size"));
        let boolean = || value::boolean(value).ok_or_else(|| odd("yes or no"));
        let plain = |value: &str| {
            value::plain(value).map_err(|specifier| {
                wrong(format!(
                    "specifier `{}` of {key}= depends on the running system; specifiers are not supported",
                    shown(&specifier)
                ))
            })
        };
        let note = |text: &str| format!("{file}:{line}: {text}");
        match key.as_str() {
            "Type" => {
                let native = Kind::of_machine(value);
                if let Some(kind) = &native {
                    self.notes.push(note(&format!("`Type={value}` is the type of this machine, {kind}")));
                }
                let kind =
                    native.map_or_else(|| value.parse(), Ok).map_err(|error: LayoutError| wrong(error.to_string()))?;
                kind.uuid().map_err(|error| wrong(error.to_string()))?;
                self.kind = Some(kind);
            }
            "Label" => {
                self.label = Some(plain(value)?).filter(|label| !label.is_empty());
                self.label_line = *line;
            }
            "UUID" => {
                let uuid = Some(value).filter(|text| text.len() == 36).and_then(|text| text.parse().ok());
                self.partition.uuid = Some(uuid.ok_or_else(|| odd("a UUID that a layout can have"))?);
            }
            "Format" => {
                self.partition.format = match value.as_str() {
                    "vfat" => Format::Vfat,
                    "ext4" => Format::Ext4 { features: Vec::new() },
                    "empty" => Format::Empty,
                    "swap" => {
                        self.notes.push(note("`Format=swap`: the partition stays empty until mkswap is run on it"));
                        Format::Empty
                    }
                    _ => return Err(odd("a file system that skiff makes: vfat or ext4")),
                }
            }
            "SizeMinBytes" => self.least = Some(size()?.checked_next_multiple_of(GRAIN).ok_or_else(|| odd("a size"))?),
            "SizeMaxBytes" => self.most = Some(size()? / GRAIN * GRAIN),
            "Weight" => {
                self.weight =
                    value.parse::<u32>().ok().filter(|weight| *weight <= 1_000_000).ok_or_else(|| odd("a weight"))?
            }
            "PaddingWeight" | "PaddingMinBytes" | "PaddingMaxBytes" => {
                if !matches!(value.as_str(), "" | "0") {
                    return Err(wrong(format!(
                        "{key}= has no counterpart in a layout: it has no room between partitions"
                    )));
                }
            }
            "CopyBlocks" => self.partition.copy_blocks = Some(self.copied(setting, &plain(value)?, wrong)?),
            "CopyFiles" if value.is_empty() => self.partition.copy_files.clear(),
            "CopyFiles" => {
                let value = plain(value)?;
                let mut parts = value.split(':');
                let source = parts.next().unwrap_or_default();
                let target = parts.next().filter(|target| !target.is_empty()).unwrap_or(source);
                if source.trim_matches('/').is_empty() {
                    self.notes.push(note("`CopyFiles=/`: the files of the running system"));
                } else {
                    let source = self.copied(setting, source, wrong)?;
                    self.partition.copy_files.push(Content::new(format!("{source}/"), target));
                }
            }
            "ReadOnly" => self.read_only = Some(boolean()?),
            "NoAuto" => self.no_auto = Some(boolean()?),
            "GrowFileSystem" => self.grow = Some(boolean()?),
            "Flags" => self.flags(value).ok_or_else(|| odd("a number of flags that a layout has"))?,
            "Minimize" if value::boolean(value) == Some(false) => {}
            "Encrypt" | "Integrity" | "Verity"
                if matches!(value.as_str(), "" | "off") || value::boolean(value) == Some(false) => {}
            "FactoryReset" | "SplitName" | "Priority" | "MountPoint" | "ExcludeFiles" | "ExcludeFilesTarget"
            | "MakeDirectories" | "MakeSymlinks" | "Subvolumes" | "DefaultSubvolume" => {
                self.notes.push(note(&format!("`{key}={}`", shown(value))))
            }
            key if key.starts_with("X-") => {}
            key => return Err(wrong(format!("`{}` has no counterpart in a layout", shown(key)))),
        }
        Ok(())
    }

    /// Where skiff looks for what comes from the system that systemd-repart runs on: among the images.
    fn copied(
        &mut self,
        setting: &Setting,
        path: &str,
        wrong: impl Fn(String) -> ImportError,
    ) -> Result<String, ImportError> {
        let inner = path.strip_prefix('/').unwrap_or_default().trim_end_matches('/');
        if inner.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong(format!(
                "{}= is `{}`, which is not an absolute path of a file",
                setting.key,
                shown(path)
            )));
        }
        let text = format!(
            "{}:{}: `{}={}`: skiff looks for it at images/{}",
            self.file,
            setting.line,
            setting.key,
            shown(&setting.value),
            shown(inner)
        );
        self.notes.push(text);
        Ok(format!("images/{inner}"))
    }

    fn flags(&mut self, value: &str) -> Option<()> {
        let mut bits = value::number(value)?;
        self.partition.bootable = bits & LEGACY_BOOTABLE != 0;
        bits &= !LEGACY_BOOTABLE;
        for (flag, said) in
            [(Flag::Grow, &mut self.grow), (Flag::ReadOnly, &mut self.read_only), (Flag::NoAuto, &mut self.no_auto)]
        {
            if bits & flag.bit() != 0 {
                said.get_or_insert(true);
            }
            bits &= !flag.bit();
        }
        if bits & Flag::Hidden.bit() != 0 {
            self.partition.flags.push(Flag::Hidden);
        }
        (bits & !Flag::Hidden.bit() == 0).then_some(())
    }

    fn partition(self, layout: &Layout) -> Result<Partition, ImportError> {
        let Self { file, mut partition, kind, label, weight, notes, .. } = self;
        let at = |line: usize, problem: String| ImportError::Line { file: file.to_owned(), line, problem };
        let Some(kind) = kind else {
            return Err(ImportError::File { file: file.to_owned(), problem: "it has no Type=".into() });
        };
        let stem = file.strip_suffix(".conf").unwrap_or(file);
        let key = stem.split_once('-').map_or(stem, |(_, key)| key).trim();
        let others = |is: &dyn Fn(&Partition) -> bool| layout.partitions.iter().any(is);
        partition.label = unique(key, |key| others(&|other| other.label.eq_ignore_ascii_case(key)));
        // systemd-repart calls a partition as its type, and makes that unique.
        let name = match &label {
            Some(label) => label.clone(),
            None => unique(&kind.to_string(), |name| others(&|other| other.gpt_name() == name)),
        };
        check_name(&name).map_err(|error| at(self.label_line, format!("label `{}`: {error}", shown(&name))))?;
        if name.encode_utf16().count() > 36 {
            return Err(at(
                self.label_line,
                format!("label `{}` is longer than the 36 characters of a GPT", shown(&name)),
            ));
        }
        let fits = |label: &str| match partition.format {
            Format::Vfat => is_fat_label(label),
            Format::Ext4 { .. } => label.len() <= 16,
            Format::Empty => true,
        };
        partition.volume = if partition.format == Format::Empty || (fits(&name) && name == partition.label) {
            None
        } else if fits(&name) {
            Some(name.clone())
        } else {
            let letters = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_');
            let short: String = letters.take(11).collect();
            let short = if short.is_empty() { "DATA".to_owned() } else { short };
            notes.push(format!(
                "{file}:{}: label `{}` is too long for the file system: `{short}`",
                self.label_line,
                shown(&name)
            ));
            Some(short)
        };
        partition.name = Some(name).filter(|name| *name != partition.label);
        let read_only = self.read_only.unwrap_or(kind.to_string().ends_with("-verity"));
        let grow = self.grow.unwrap_or(knows_grow(&kind) && !read_only);
        for (flag, is_set) in
            [(Flag::Grow, grow), (Flag::ReadOnly, read_only), (Flag::NoAuto, self.no_auto.unwrap_or(false))]
        {
            if is_set {
                partition.flags.push(flag);
            }
        }
        partition.flags.sort_unstable();
        partition.r#type = kind;
        let floor = match partition.format {
            Format::Ext4 { .. } | Format::Empty => LEAST,
            Format::Vfat => LEAST.max(34 << 20),
        };
        let least = self.least.unwrap_or_else(|| floor.min(self.most.unwrap_or(u64::MAX)));
        if self.most.is_some_and(|most| most < least) {
            return Err(ImportError::File {
                file: file.to_owned(),
                problem: "SizeMaxBytes= is less than SizeMinBytes=".into(),
            });
        }
        partition.size_min = Some(least);
        // With a weight of 0 it has its least size, and no more.
        partition.size = if weight == 0 { Some(least) } else { self.most };
        partition.weight = weight.max(1);
        Ok(partition)
    }
}

fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut unique = name.to_owned();
    let mut number = 2;
    while is_taken(&unique) {
        unique = format!("{name}-{number}");
        number += 1;
    }
    unique
}

/// Whether systemd makes file systems of such partitions larger when it mounts them.
fn knows_grow(kind: &Kind) -> bool {
    let name = kind.to_string();
    let is_tree = (name.starts_with("root-") || name.starts_with("usr-")) && !knows_verity(kind);
    is_tree || matches!(name.as_str(), "home" | "srv" | "var" | "tmp" | "xbootldr")
}

/// Whether such partitions hold hashes or signatures and not a file system.
fn knows_verity(kind: &Kind) -> bool {
    let name = kind.to_string();
    name.ends_with("-verity") || name.ends_with("-verity-sig")
}

#[cfg(test)]
mod tests;
