//! Looking at the devices of a machine, through sysfs and procfs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::Device;
use crate::Removable;
use crate::Use;
use crate::backing::Backing;
use crate::backing::FileId;
use skiff_text::Shown as _;

/// Names of devices that nobody puts a system on: memory, compressed memory, optical and floppy drives, parts of others.
const LEFT_OUT: [&str; 8] = ["ram", "zram", "sr", "fd", "dm-", "md", "nbd", "mtdblock"];

/// The devices of a machine.
#[derive(Debug, Clone)]
pub struct Inventory {
    devices: Vec<Device>,
}

/// Why a name means no device.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The name leads nowhere.
    #[error("there is no device {0}")]
    Missing(String),
    /// It is something else.
    #[error("{0} is not a block device")]
    NoDevice(String),
    /// Looking failed.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl Inventory {
    /// Looks at the machine whose `sys`, `proc` and `dev` are below `root`: `/` for this one.
    ///
    /// # Errors
    /// When sysfs cannot be listed, or a table of what is mounted or swapped to cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mounts = mounts(root)?;
        let swaps = swaps(root)?;
        let links = links(root);
        let class = root.join("sys/class/block");
        let mut devices = Vec::new();
        let mut backings = BTreeMap::new();
        for entry in std::fs::read_dir(&class)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // A device that is unplugged just now is none.
            let Ok(folder) = std::fs::canonicalize(class.join(&name)) else { continue };
            if let Some(backing) = Backing::of(root, &folder, &name) {
                backings.insert(name.clone(), backing);
            }
            devices.push(device(&folder, &name, &links));
        }
        devices.sort_by(|one, other| one.name.cmp(&other.name));
        let parents: BTreeMap<String, String> =
            devices.iter().filter_map(|device| Some((device.name.clone(), device.partition_of.clone()?))).collect();
        let mut all: Vec<(String, Use)> = Vec::new();
        for device in &devices {
            let part = device.name.clone();
            for (number, source, place) in &mounts {
                if *number == device.number || source.as_deref() == Some(part.as_str()) {
                    all.push((part.clone(), Use::Mounted { part: part.clone(), place: place.clone() }));
                }
            }
            let is_swap = |swap: &Swap| {
                swap.name == part
                    || swap.backing == Some(Backing::Device(device.number))
                    || swap.backing.is_some() && swap.backing.as_ref() == backings.get(&part)
            };
            if swaps.iter().any(is_swap) {
                all.push((part.clone(), Use::Swap { part: part.clone() }));
            }
            for by in names(&class.join(&part).join("holders")) {
                all.push((part.clone(), Use::Held { part: part.clone(), by }));
            }
        }
        // What a loop device is made of is somebody's if it is a device itself, or if another loop device is made of it, too.
        let loops: Vec<(&str, Option<&Backing>, Option<&str>)> = devices
            .iter()
            .filter(|device| device.name.starts_with("loop"))
            .map(|device| (device.name.as_str(), backings.get(&device.name), device.model.as_deref()))
            .collect();
        for (name, backing, title) in &loops {
            let below = devices.iter().find(|device| match backing {
                Some(Backing::Device(number)) => device.number == *number,
                _ => title.is_some_and(|title| device.path == Path::new(title)),
            });
            if let Some(below) = below {
                let held =
                    |part: &str, by: &str| (part.to_owned(), Use::Held { part: part.to_owned(), by: by.to_owned() });
                all.push(held(name, &below.path.shown().to_string()));
                all.push(held(&below.name, name));
            }
            let is_same = |other: &&(&str, Option<&Backing>, Option<&str>)| {
                other.0 != *name && (backing.is_some() && other.1 == *backing || title.is_some() && other.2 == *title)
            };
            for (other, _, _) in loops.iter().filter(is_same) {
                all.push(((*name).to_owned(), Use::Held { part: (*name).to_owned(), by: (*other).to_owned() }));
            }
        }
        let mediums: Vec<_> = devices.iter().map(|device| medium(device, &devices, &backings)).collect();
        for (device, (files, numbers)) in devices.iter_mut().zip(mediums) {
            device.files = files;
            device.numbers = numbers;
        }
        for device in &mut devices {
            let own = |part: &String| *part == device.name || parents.get(part) == Some(&device.name);
            device.uses = all.iter().filter(|(part, _)| own(part)).map(|(_, one)| one.clone()).collect();
            device.partitions =
                parents.iter().filter(|(_, disk)| **disk == device.name).map(|(name, _)| name.clone()).collect();
        }
        let of_parts: BTreeMap<String, Vec<String>> =
            devices.iter().map(|device| (device.name.clone(), device.links.clone())).collect();
        for device in &mut devices {
            let parts = device.partitions.iter().filter_map(|part| of_parts.get(part)).flatten();
            device.links.extend(parts.cloned());
        }
        Ok(Self { devices })
    }

    /// Whole devices, in the order of their names; also those without a medium in them.
    pub fn disks(&self) -> impl Iterator<Item = &Device> {
        let left_out = |name: &str| {
            LEFT_OUT.iter().any(|prefix| {
                name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        self.devices
            .iter()
            // A loop device without a file is nothing.
            .filter(|device| device.size > 0 || !device.name.starts_with("loop"))
            .filter(move |device| device.partition_of.is_none() && !left_out(&device.name))
    }

    /// The device with a number.
    pub fn by_number(&self, number: (u32, u32)) -> Option<&Device> {
        self.devices.iter().find(|device| device.number == number)
    }

    /// The device of a name below `dev`, or a link to one.
    ///
    /// # Errors
    /// [`SelectError`] if it is none.
    pub fn select(&self, path: &Path) -> Result<&Device, SelectError> {
        use std::os::unix::fs::FileTypeExt as _;
        use std::os::unix::fs::MetadataExt as _;
        let shown = path.shown().to_string();
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SelectError::Missing(shown.clone()),
            _ => SelectError::Io { path: shown.clone(), source },
        })?;
        if !metadata.file_type().is_block_device() {
            return Err(SelectError::NoDevice(shown));
        }
        self.by_number(split(metadata.rdev())).ok_or(SelectError::Missing(shown))
    }
}

/// Splits the number of a device into major and minor.
pub(crate) fn split(number: u64) -> (u32, u32) {
    (rustix::fs::major(number), rustix::fs::minor(number))
}

fn device(folder: &Path, name: &str, links: &BTreeMap<String, Vec<String>>) -> Device {
    let text = |path: &str| text(&folder.join(path));
    let number = |path: &str| text(path).and_then(|text| text.parse::<u64>().ok());
    let partition_of = folder.join("partition").exists().then(|| {
        let parent = folder.parent().and_then(Path::file_name).unwrap_or_default();
        parent.to_string_lossy().into_owned()
    });
    let numbers = text("dev").and_then(|text| {
        let (major, minor) = text.split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    let links = links.get(name).cloned().unwrap_or_default();
    let names: Vec<String> = links.iter().filter_map(|link| link.strip_prefix("by-id/")).map(str::to_owned).collect();
    let is_loop = name.starts_with("loop");
    let sector = number("queue/logical_block_size").and_then(|size| u32::try_from(size).ok()).unwrap_or(512);
    Device {
        name: name.to_owned(),
        path: Path::new("/dev").join(name.replace('!', "/")),
        number: numbers.unwrap_or_default(),
        partition_of,
        // sysfs counts in 512 bytes, whatever the sectors are.
        size: number("size").unwrap_or_default().saturating_mul(512),
        sector,
        read_only: number("ro") != Some(0),
        removable: removable(folder, name),
        vendor: text("device/vendor").filter(|vendor| !vendor.starts_with("0x")),
        model: match is_loop {
            true => text("loop/backing_file"),
            false => text("device/model").or_else(|| text("device/name")),
        },
        serial: serial(folder).or_else(|| names.iter().find_map(|name| serial_of_name(name))),
        by_id: names,
        links: links.into_iter().map(|link| format!("/dev/disk/{link}")).collect(),
        sequence: number("diskseq"),
        uses: Vec::new(),
        partitions: Vec::new(),
        files: Vec::new(),
        numbers: Vec::new(),
    }
}

/// Cards and what hangs on USB can be taken out, whatever the bit says, which many card readers set and many disks in USB
/// cases do not.
fn removable(folder: &Path, name: &str) -> Removable {
    let is_usb = folder.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
    let is_card = text(&folder.join("device/type")).as_deref() == Some("SD");
    match text(&folder.join("removable")).as_deref() {
        _ if is_usb || is_card || name.starts_with("loop") => Removable::Yes,
        Some("1") => Removable::Yes,
        Some("0") => Removable::No,
        _ => Removable::Unknown,
    }
}

/// The serial number: the device's own, or that of the USB device that it is in.
fn serial(folder: &Path) -> Option<String> {
    let own = ["serial", "device/serial"].iter().find_map(|path| text(&folder.join(path)));
    let usb = || {
        let above = folder.ancestors().find(|above| above.join("idVendor").exists())?;
        text(&above.join("serial"))
    };
    own.or_else(usb)
}

/// Names below `/dev/disk/by-id` end with the serial number: `ata-MODEL_SERIAL`.
fn serial_of_name(name: &str) -> Option<String> {
    let (bus, rest) = name.split_once('-')?;
    let (_, serial) = rest.rsplit_once('_').filter(|_| matches!(bus, "ata" | "scsi" | "nvme" | "usb"))?;
    Some(serial.split(['-', ':']).next().unwrap_or(serial).to_owned())
}

fn text(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    // What a stick says of itself goes to a terminal.
    let text = skiff_text::harmless(text.trim()).replace(['\n', '\t'], " ");
    (!text.is_empty()).then_some(text)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A mounted file system: number of the device, its name where one is told, and the place.
type Mounted = ((u32, u32), Option<String>, String);

/// Mounted file systems of all processes in this name space.
fn mounts(root: &Path) -> io::Result<Vec<Mounted>> {
    let table = read(&root.join("proc/self/mountinfo"))?;
    let mounted = |mount: skiff_tree::Mount| {
        let source = root.join(mount.source.strip_prefix("/").unwrap_or(&mount.source));
        // Some file systems have numbers of their own: their device is known by its name.
        let real = std::fs::canonicalize(&source).unwrap_or_else(|_| mount.source.clone());
        let name = real.file_name().filter(|_| mount.source.starts_with("/dev"));
        let number = match Backing::named(&source) {
            Some(Backing::Device(number)) if mount.source.is_absolute() => number,
            _ => mount.number,
        };
        (number, name.map(|name| name.to_string_lossy().into_owned()), mount.place.shown().to_string())
    };
    Ok(skiff_tree::mounts(&table).map(mounted).collect())
}

/// What the system swaps to.
struct Swap {
    name: String,
    backing: Option<Backing>,
}

fn swaps(root: &Path) -> io::Result<Vec<Swap>> {
    let table = match read(&root.join("proc/swaps")) {
        // A kernel without swapping has no table.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        table => table?,
    };
    let lines = table.split(|byte| *byte == b'\n').skip(1);
    let paths = lines.filter_map(|line| line.split(u8::is_ascii_whitespace).next()).filter(|path| !path.is_empty());
    let swap = |path: &[u8]| {
        let path = skiff_tree::unescaped(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Swap { name, backing: Backing::named(&root.join(path.strip_prefix("/").unwrap_or(&path))) }
    };
    Ok(paths.map(swap).collect())
}

/// Reads a table of the kernel. Without it nobody knows what is in use, and nothing may be written to.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.shown())))
}

/// The files that a device is made of, and the numbers of the devices that are the same medium.
fn medium(device: &Device, devices: &[Device], backings: &BTreeMap<String, Backing>) -> (Vec<FileId>, Vec<(u32, u32)>) {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![device];
    while let Some(next) = open.pop() {
        if !seen.insert(next.number) {
            continue;
        }
        open.extend(devices.iter().filter(|other| other.partition_of.as_ref() == Some(&next.name)));
        match backings.get(&next.name) {
            Some(Backing::File(file)) => files.push(*file),
            // A part of a disk is enough to spoil it.
            Some(Backing::Device(number)) => open.extend(devices.iter().filter(|other| other.number == *number)),
            None => {}
        }
    }
    (files, seen.into_iter().collect())
}

/// The names of devices below `dev/disk`, as `by-id/NAME`, by device.
fn links(root: &Path) -> BTreeMap<String, Vec<String>> {
    let disk = root.join("dev/disk");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in names(&disk) {
        for name in names(&disk.join(&folder)) {
            let Ok(target) = std::fs::read_link(disk.join(&folder).join(&name)) else { continue };
            if let Some(device) = target.file_name() {
                found.entry(device.to_string_lossy().into_owned()).or_default().push(format!("{folder}/{name}"));
            }
        }
    }
    found
}
