//! The arguments of what has to do with media.

use std::path::PathBuf;

use skiff_project::media::GivenPersonal;

#[derive(Debug, clap::Args)]
pub(crate) struct LayoutArgs {
    /// The package of the board: `namespace/name`
    #[arg(required_unless_present = "import")]
    pub(crate) package: Option<String>,
    /// Prints the layout as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The size of the medium: 4GiB, 8GB
    #[arg(long, default_value = "8GiB", value_parser = medium_size)]
    pub(crate) size: skiff_layout::Bytes,
    /// Converts a genimage configuration, or a directory of systemd-repart definitions, to metadata/layout.yaml
    #[arg(long, value_name = "PATH", conflicts_with = "package")]
    pub(crate) import: Option<PathBuf>,
    /// Writes systemd-repart definitions to a directory, which grow the last partition at the first boot
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) repart: Option<PathBuf>,
    /// The purpose of the layout
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
    /// Format the medium
    Format,
    /// Install onto the medium
    Install,
    /// Make an image file
    Image,
}

/// Devices.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeviceCommand {
    /// Lists disks with size, serial number and users, and why skiff refuses to write to some
    List {
        /// Has no effect: all disks are always listed
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
    /// Shows the plan, and writes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Answers the confirmation in advance: the last four characters of the serial number, or the device's name if it has none
    #[arg(long, value_name = "WORD")]
    pub(crate) confirm: Option<String>,
    /// Allows a device that is built in, named as for --confirm
    #[arg(long, value_name = "WORD")]
    pub(crate) allow_fixed: Option<String>,
}

/// How everything on a device is written.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct WriteArgs {
    /// Skips verification
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Does not discard (TRIM) the device before writing
    #[arg(long)]
    pub(crate) no_discard: bool,
}

impl WriteArgs {
    pub(crate) fn options(&self) -> skiff_flash::WriteOptions {
        skiff_flash::WriteOptions { verify: !self.no_verify, discard: !self.no_discard }
    }
}

/// Personal settings of a medium; `personalize:` of the project file has the same.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PersonalArgs {
    /// The host name
    #[arg(long)]
    pub(crate) hostname: Option<String>,
    /// A file with public ssh keys that may log in
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Vec<PathBuf>,
    /// A Wi-Fi network; its password is read from a file or from SKIFF_WIFI_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub(crate) wifi: Option<String>,
    /// The file with the Wi-Fi password
    #[arg(long, value_name = "FILE", requires = "wifi")]
    pub(crate) wifi_password_file: Option<PathBuf>,
}

impl From<&PersonalArgs> for GivenPersonal {
    fn from(args: &PersonalArgs) -> Self {
        let PersonalArgs { hostname, ssh_key, wifi, wifi_password_file } = args.clone();
        Self { hostname, ssh_key, wifi, wifi_password_file }
    }
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
    /// Prints the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Draws the plan as an SVG file, also with --dry-run
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// Renewing the system on a medium, or going back.
#[derive(Debug, clap::Args)]
pub(crate) struct InstallArgs {
    #[command(flatten)]
    pub(crate) target: DeviceArgs,
    /// Prints the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Making an image file.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildImageArgs {
    /// The image file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The size of the medium: 4GiB, 8GB
    #[arg(long, value_parser = medium_size)]
    pub(crate) size: Option<skiff_layout::Bytes>,
    /// Overwrites an existing file without asking
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Writes release files, too: a compressed image, SHA256SUMS, an entry for Raspberry Pi Imager
    #[arg(long)]
    pub(crate) publish: bool,
    /// Shows the plan, and writes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FlashArgs {
    /// The image: raw, compressed with gzip, xz, zstd, bzip2, lz4 or lzma, or the only file of a zip archive
    pub(crate) image: PathBuf,
    /// The device, best by its name below /dev/disk/by-id
    #[arg(conflicts_with = "device")]
    pub(crate) target: Option<String>,
    /// The block map of the image [default: IMAGE.bmap, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) bmap: Option<PathBuf>,
    /// Writes unrecognized images, and images whose partition table does not fit, without asking
    #[arg(long)]
    pub(crate) allow_unknown: bool,
    #[command(flatten)]
    pub(crate) media: DeviceArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}
