//! Why an image is not written, and the commands that make one of it that is.

use skiff_flash::Container;
use skiff_flash::Layer;
use skiff_flash::SourceError;
use skiff_layout::BmapError;

use super::CommandError;
use super::Kind;
use super::quoted;

impl From<SourceError> for CommandError {
    fn from(error: SourceError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match &error {
            SourceError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                plain.hint("check its name")
            }
            SourceError::Io { .. } => plain.hint("check that you may read it, and that its disk is still there"),
            SourceError::Busy { .. } => plain.hint("wait until the program that uses the image ends"),
            SourceError::NotFile { .. } => plain.hint("copy it to a file first: dd if=DEVICE of=IMAGE bs=4M"),
            SourceError::Damaged { .. } => plain.hint("compare the file with its SHA256SUMS, and download it again"),
            SourceError::Unpack { path, packing, source } => {
                let path = quoted(path);
                plain.hint(match source {
                    skiff_flash::UnpackError::Window { needs, .. } => {
                        let long = needs.max(&1).ilog2() + u32::from(!needs.is_power_of_two());
                        format!("unpack it first, and flash what comes of it: zstd -d --long={long} {path}")
                    }
                    skiff_flash::UnpackError::Memory { .. } => {
                        format!("unpack it first, and flash what comes of it: {} -d {path}", packing.tool())
                    }
                    _ => format!("compare the file with its SHA256SUMS; {} does not unpack it, either", packing.tool()),
                })
            }
            SourceError::Container { path, layer, container } => hint(plain, path, *layer, *container),
            SourceError::TooLarge { .. } => Self::of(Kind::Refused, &error).hint("take a larger medium"),
            SourceError::Map { source: BmapError::Signed, .. } => plain.hint(
                "verify it and take the map out of it: gpg --output image.bmap --decrypt FILE, then --bmap image.bmap",
            ),
            SourceError::SignedMap { .. } => {
                plain.hint("verify it with `gpg --verify SIGNATURE MAP`, then name it: --bmap MAP")
            }
            SourceError::Map { .. } | SourceError::OtherMap { .. } | SourceError::StaleMap { .. } => {
                plain.hint("take the map that came with the image, or move this one away")
            }
            SourceError::Empty { .. } => plain.hint("compare the file with its SHA256SUMS, and download it again"),
            SourceError::Cancelled => Self::of(Kind::Cancelled, &error),
        }
    }
}

/// How to get to the image in a container.
fn hint(mut plain: CommandError, name: &str, layer: Option<Layer>, container: Container) -> CommandError {
    let path = quoted(name);
    let mut inner = path.clone();
    if let Some(layer) = layer.filter(|_| !matches!(container, Container::Tar | Container::Mender | Container::Ova)) {
        match layer {
            Layer::Packing(packing) => {
                plain = plain.hint(format!("unpack it first: {} -dk {path}", packing.tool()));
                inner = quoted(name.rsplit_once('.').map_or(name, |(stem, _)| stem));
            }
            Layer::Zip => {
                plain = plain.hint(format!("unpack it first: unzip {path}"));
                inner = "IMAGE".into();
            }
        }
    }
    let flash = "then flash the image that was in it";
    plain.hint(match container {
        Container::VirtualDisk(format) => {
            format!("qemu-img convert -f {format} -O raw {inner} disk.img, then flash disk.img")
        }
        Container::Tar => format!("tar -xf {path}, {flash}"),
        Container::Ova => format!("tar -xf {path}, then qemu-img convert -O raw DISK.vmdk disk.img"),
        Container::Mender => "install it on a running device: mender-update install".into(),
        Container::Cpio => format!("it is an initial file system, or: cpio -idv < {inner}, {flash}"),
        Container::SwUpdate => "install it on a running device: swupdate -i".into(),
        Container::Rauc => "install it on a running device: rauc install".into(),
        Container::Zip => format!("flash unpacks an archive with one file only: unzip {inner}, {flash}"),
        Container::SevenZip => format!("7z x {inner}, {flash}"),
        Container::Rar => format!("unrar x {inner}, {flash}"),
        Container::Packed(tool) => format!("{tool} -d {inner}, {flash}"),
        Container::PackedTwice(packing) => format!("{} -d {inner}, {flash}", packing.tool()),
        Container::Dmg => format!("dmg2img {inner} disk.img, then flash disk.img"),
        Container::AndroidSparse => format!("simg2img {inner} disk.img, then flash disk.img"),
        Container::AndroidBoot => format!("fastboot flash boot {inner}"),
        Container::Uf2 => "copy it to the drive that the board shows".into(),
        Container::Elf | Container::Exe => "it is a program; take the image that it is to run on, or with".into(),
        Container::UImage | Container::Fit | Container::DeviceTree => {
            "copy it to the boot partition of a medium: it is one file of a system".into()
        }
        Container::Ubi => "write it to raw flash memory: ubiformat, nandwrite".into(),
        Container::Ar => format!("install it: dpkg -i {inner}"),
        Container::Rpm => format!("install it: rpm -i {inner}"),
        Container::Hex => "write it with the programmer of the board, such as avrdude or openocd".into(),
        Container::LfsPointer => "fetch the file itself: git lfs pull".into(),
        Container::WebPage => "download the image again: the server sent a page in its place".into(),
        Container::Text => "check that it is the right file".into(),
    })
}
