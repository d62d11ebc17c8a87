//! Files that hold an image, or none at all: what must not be written to a medium byte by byte.

use std::fmt;

use skiff_tree::Packing;

use crate::bytes::Bytes as _;

/// A file whose bytes are not those of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A disk of a virtual machine, in a format of its own: the name that `qemu-img` knows it by.
    VirtualDisk(&'static str),
    /// A tar archive.
    Tar,
    /// An archive of a virtual machine: a tar archive with an OVF description.
    Ova,
    /// An update for Mender: a tar archive that starts with a version.
    Mender,
    /// A cpio archive.
    Cpio,
    /// An update for SWUpdate: a cpio archive that starts with `sw-description`.
    SwUpdate,
    /// An update for RAUC: a file system with a signature behind it.
    Rauc,
    /// A zip archive that does not hold exactly one file.
    Zip,
    /// A 7z archive.
    SevenZip,
    /// A RAR archive.
    Rar,
    /// Packed by a program whose format is not unpacked here: the program.
    Packed(&'static str),
    /// Packed once more.
    PackedTwice(Packing),
    /// An image of macOS (UDIF).
    Dmg,
    /// Android's format for images with holes.
    AndroidSparse,
    /// A kernel for Android's boot loader.
    AndroidBoot,
    /// Firmware for the boot loader of a microcontroller.
    Uf2,
    /// A program for Linux or a boot loader.
    Elf,
    /// A program for Windows or EFI.
    Exe,
    /// A kernel or file for U-Boot.
    UImage,
    /// Kernels and files for U-Boot, in a device tree.
    Fit,
    /// A device tree.
    DeviceTree,
    /// An image for raw flash memory.
    Ubi,
    /// A package of Debian, or another archive of `ar`.
    Ar,
    /// A package of RPM.
    Rpm,
    /// Bytes written as text, for a programmer.
    Hex,
    /// A stand-in that Git LFS leaves where the file was not fetched.
    LfsPointer,
    /// A web page, as servers send with an error.
    WebPage,
    /// A text.
    Text,
}

/// Where a magic stands, and what has it.
const MAGIC: [(usize, &[u8], Container); 39] = [
    (0, b"QFI\xfb", Container::VirtualDisk("qcow2")),
    (0, b"QED\0", Container::VirtualDisk("qed")),
    (0, b"KDMV", Container::VirtualDisk("vmdk")),
    (0, b"COWD", Container::VirtualDisk("vmdk")),
    (0, b"# Disk DescriptorFile", Container::VirtualDisk("vmdk")),
    (0, b"conectix", Container::VirtualDisk("vpc")),
    (0, b"vhdxfile", Container::VirtualDisk("vhdx")),
    (64, b"\x7f\x10\xda\xbe", Container::VirtualDisk("vdi")),
    (0, b"WithoutFreeSpace", Container::VirtualDisk("parallels")),
    (0, b"WithouFreSpacExt", Container::VirtualDisk("parallels")),
    (0, b"Bochs Virtual HD Image", Container::VirtualDisk("bochs")),
    (0, b"PK\x03\x04", Container::Zip),
    (0, b"PK\x05\x06", Container::Zip),
    (0, b"PK\x07\x08", Container::Zip),
    (0, b"7z\xbc\xaf\x27\x1c", Container::SevenZip),
    (0, b"Rar!\x1a\x07", Container::Rar),
    (0, b"LZIP", Container::Packed("lzip")),
    (0, b"\x89LZO\0\r\n\x1a\n", Container::Packed("lzop")),
    (0, b"LRZI", Container::Packed("lrzip")),
    (0, b"\x1f\x9d", Container::Packed("gzip")),
    (0, b"\x02\x21\x4c\x18", Container::Packed("lz4")),
    (0, b"\x3a\xff\x26\xed", Container::AndroidSparse),
    (0, b"ANDROID!", Container::AndroidBoot),
    (0, b"VNDRBOOT", Container::AndroidBoot),
    (0, b"UF2\n\x57\x51\x5d\x9e", Container::Uf2),
    (0, b"\x7fELF", Container::Elf),
    (0, b"\x27\x05\x19\x56", Container::UImage),
    (0, b"UBI#", Container::Ubi),
    (0, b"\x31\x18\x10\x06", Container::Ubi),
    (0, b"!<arch>\n", Container::Ar),
    (0, b"\xed\xab\xee\xdb", Container::Rpm),
    (0, b"version https://git-lfs.github.com/", Container::LfsPointer),
    (0, b"070701", Container::Cpio),
    (0, b"070702", Container::Cpio),
    (0, b"070707", Container::Cpio),
    (0, b"xar!", Container::Dmg),
    (0, b"encrcdsa", Container::Dmg),
    (0, b"cdsaencr", Container::Dmg),
    (0, b"MSWIM\0\0\0", Container::SevenZip),
];

/// Bytes of the end of a file that are looked at: a footer, or a signature and its length.
pub(crate) const TAIL: usize = 72 << 10;

impl Container {
    /// Returns what a file is that starts and ends so, going by what no medium starts or ends with.
    pub(crate) fn of(head: &[u8], tail: &[u8]) -> Option<Self> {
        if let Some((_, _, found)) = MAGIC.iter().find(|(at, magic, _)| head.has(*at, magic)) {
            return Some(match found {
                // newc: a header of 110 bytes, then the name.
                Self::Cpio if head.has(110, b"sw-description\0") => Self::SwUpdate,
                found => *found,
            });
        }
        if head.has(0, b"\xd0\x0d\xfe\xed") {
            let start = head.get(..head.len().min(64 << 10)).unwrap_or_default();
            let is_fit = start.windows(8).any(|bytes| bytes == b"images\0\0");
            return Some(if is_fit { Self::Fit } else { Self::DeviceTree });
        }
        if is_tar(head) {
            let name = head.split(|byte| *byte == 0).next().unwrap_or_default();
            return Some(match name {
                b"version" => Self::Mender,
                name if name.ends_with(b".ovf") => Self::Ova,
                _ => Self::Tar,
            });
        }
        let footer = |length: usize| tail.len().checked_sub(length).and_then(|at| tail.get(at..)).unwrap_or_default();
        if footer(512).starts_with(b"koly") {
            return Some(Self::Dmg);
        }
        // Old ones lack the last byte.
        if footer(512).starts_with(b"conectix") || footer(511).starts_with(b"conectix") {
            return Some(Self::VirtualDisk("vpc"));
        }
        (head.has(0, b"hsqs") && is_signed(tail)).then_some(Self::Rauc)
    }

    /// Returns what a file is that starts so, where it is known to be neither a file system nor a disk.
    pub(crate) fn of_unknown(head: &[u8]) -> Option<Self> {
        const SHOWN: usize = 512;
        if head.has(0, b"MZ") {
            return Some(Self::Exe);
        }
        if head.has(0, b"\xc7\x71") || head.has(0, b"\x71\xc7") {
            return Some(Self::Cpio);
        }
        let start = head.get(..head.len().min(SHOWN))?;
        let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x20..=0x7e | 0x80..);
        if start.is_empty()
            || !start.iter().all(is_text)
            || std::str::from_utf8(start).is_err_and(|e| e.error_len().is_some())
        {
            return None;
        }
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        let is_hex = |line: &[u8]| line.len() >= 8 && line.iter().all(u8::is_ascii_hexdigit);
        let lower = start.trim_ascii_start().to_ascii_lowercase();
        Some(match line {
            [b':', rest @ ..] if is_hex(rest) => Self::Hex,
            [b'S', b'0'..=b'9', rest @ ..] if is_hex(rest) => Self::Hex,
            _ if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") => Self::WebPage,
            _ => Self::Text,
        })
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VirtualDisk("vpc") => "a VHD disk of a virtual machine",
            Self::VirtualDisk(name) => return write!(f, "a {name} disk of a virtual machine"),
            Self::Tar => "a tar archive",
            Self::Ova => "an OVA archive of a virtual machine",
            Self::Mender => "a Mender artifact",
            Self::Cpio => "a cpio archive",
            Self::SwUpdate => "an update for SWUpdate",
            Self::Rauc => "a RAUC bundle",
            Self::Zip => "a zip archive",
            Self::SevenZip => "a 7z or WIM archive",
            Self::Rar => "a RAR archive",
            Self::Packed("gzip") => "data packed by compress",
            Self::Packed(tool) => return write!(f, "data packed by {tool}"),
            Self::PackedTwice(packing) => return write!(f, "{packing} data"),
            Self::Dmg => "a DMG image of macOS",
            Self::AndroidSparse => "an Android sparse image",
            Self::AndroidBoot => "an Android boot image",
            Self::Uf2 => "UF2 firmware of a microcontroller",
            Self::Elf => "an ELF program",
            Self::Exe => "a program of Windows or EFI",
            Self::UImage => "a uImage of U-Boot",
            Self::Fit => "a FIT image of U-Boot",
            Self::DeviceTree => "a device tree",
            Self::Ubi => "a UBI or UBIFS image for raw flash memory",
            Self::Ar => "a package of Debian or an ar archive",
            Self::Rpm => "an RPM package",
            Self::Hex => "firmware in a hexadecimal text format",
            Self::LfsPointer => "a pointer of Git LFS to a file that was not fetched",
            Self::WebPage => "a web page",
            Self::Text => "a text file",
        })
    }
}

/// Whether the header of a first member has the checksum that it says, which old archives without a magic have, too.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<512>() else { return false };
    let (before, after) = (header.get(..148).unwrap_or_default(), header.get(156..).unwrap_or_default());
    let said = header.get(148..156).unwrap_or_default();
    let digits = said.trim_ascii_start().split(|byte| matches!(byte, 0 | b' ')).next().unwrap_or_default();
    let said = std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 8).ok());
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    // A header of zeros is the end of an archive, not its start.
    header.first() != Some(&0) && said == Some(sum(before) + sum(after) + 8 * u32::from(b' '))
}

/// A bundle of RAUC ends with a CMS signature (DER) and its length, eight bytes, the highest first.
fn is_signed(tail: &[u8]) -> bool {
    let Some((rest, length)) = tail.split_last_chunk::<8>() else { return false };
    let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let signature = rest.len().checked_sub(length).and_then(|at| rest.get(at..));
    length > 100 && signature.is_some_and(|signature| signature.starts_with(&[0x30, 0x82]))
}
