//! The arguments of what has to do with media.

use std::path::PathBuf;

use clap_complete::ArgValueCompleter;

use crate::completions;

#[derive(Debug, clap::Args)]
pub(crate) struct LayoutArgs {
    /// The package of the board: `namespace/name`
    #[arg(required_unless_present = "import", add = ArgValueCompleter::new(completions::packages))]
    pub(crate) package: Option<String>,
    /// Writes the layout as JSON instead of drawing it
    #[arg(long)]
    pub(crate) json: bool,
    /// The size of the medium: 4GiB, 8GB
    #[arg(long, default_value = "8GiB", value_parser = medium_size)]
    pub(crate) size: skiff_layout::Bytes,
    /// Reads a configuration of genimage, or a folder of systemd-repart's definitions, and writes it as metadata/layout.yaml
    #[arg(long, value_name = "PATH", conflicts_with = "package")]
    pub(crate) import: Option<PathBuf>,
    /// Writes definitions for systemd-repart into a folder, with which the last partition grows when the medium first boots
    #[arg(long, value_name = "FOLDER")]
    pub(crate) repart: Option<PathBuf>,
    /// What it is for
    #[arg(long, default_value = "image")]
    pub(crate) intent: Intent,
}

/// Reads the size of a medium.
fn medium_size(text: &str) -> Result<skiff_layout::Bytes, String> {
    match text.parse::<skiff_layout::Bytes>() {
        Ok(skiff_layout::Bytes(0)) => Err("a medium has more than 0 bytes".to_owned()),
        Ok(size) => Ok(size),
        Err(error) => Err(error.to_string()),
    }
}

/// What a layout is for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Intent {
    /// Everything is made anew
    Format,
    /// Boot and root files are renewed
    Install,
    /// A file that is written to a medium later
    Image,
}

/// Devices.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeviceCommand {
    /// Lists devices with size, serial number and what uses them, and says which are not written to and why
    List {
        /// Has no effect: all disks are listed
        #[arg(long, hide = true)]
        all: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which device is written.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct DeviceArgs {
    /// The device, best by its name below /dev/disk/by-id; for install and rollback, an image file, too
    #[arg(long, value_name = "PATH")]
    pub(crate) device: Option<String>,
    /// Shows what would be done, and does nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Says beforehand what would be typed: the end of the device's serial number, or its name where it has none
    #[arg(long, value_name = "WORD")]
    pub(crate) confirm: Option<String>,
    /// Allows a built-in device, named as for --confirm
    #[arg(long, value_name = "WORD")]
    pub(crate) allow_fixed: Option<String>,
}

/// How everything on a device is written.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct WriteArgs {
    /// Does not read back what was written
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Does not tell the device first that nothing on it is needed
    #[arg(long)]
    pub(crate) no_discard: bool,
}

impl WriteArgs {
    pub(crate) fn options(&self) -> skiff_flash::WriteOptions {
        skiff_flash::WriteOptions { verify: !self.no_verify, discard: !self.no_discard }
    }
}

/// What makes a medium somebody's own; `personalize:` of the project file says the same.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct PersonalArgs {
    /// The name of the machine
    #[arg(long)]
    pub(crate) hostname: Option<String>,
    /// A file with public keys that may log in
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Vec<PathBuf>,
    /// A wireless network to join; its password is in a file or in SKIFF_WIFI_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub(crate) wifi: Option<String>,
    /// The file with the network's password
    #[arg(long, value_name = "FILE", requires = "wifi")]
    pub(crate) wifi_password_file: Option<PathBuf>,
}

/// Making a device anew.
#[derive(Debug, clap::Args)]
pub(crate) struct FormatArgs {
    #[command(flatten)]
    pub(crate) target: DeviceArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) personal: PersonalArgs,
}

/// How a plan is shown.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ViewArgs {
    /// Shows the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Draws the plan into a file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// Renewing the system on a medium, or going back.
#[derive(Debug, clap::Args)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) target: DeviceArgs,
    /// Shows the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Making an image file.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildImageArgs {
    /// The file to make
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The size of the medium: 4GiB, 8GB
    #[arg(long, value_parser = medium_size)]
    pub(crate) size: Option<skiff_layout::Bytes>,
    /// Overwrites the file if it exists, without a question
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Makes what others need to write it, too: a packed image, SHA256SUMS, an entry for Raspberry Pi Imager
    #[arg(long)]
    pub(crate) publish: bool,
    /// Shows what would be done, and does nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FlashArgs {
    /// The image: plain, packed with gzip, xz, zstd, bzip2, lz4 or lzma, or alone in a zip archive
    pub(crate) image: PathBuf,
    /// The device, best by its name below /dev/disk/by-id
    #[arg(conflicts_with = "device")]
    pub(crate) target: Option<String>,
    /// The map of what matters of the image; IMAGE.bmap if it is there
    #[arg(long, value_name = "FILE")]
    pub(crate) bmap: Option<PathBuf>,
    /// Writes an image that is not recognized, or whose partition table does not fit it or the device, without asking
    #[arg(long)]
    pub(crate) allow_unknown: bool,
    #[command(flatten)]
    pub(crate) media: DeviceArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
