//! What keeps a medium from being written, and what the user can do about it.

use skiff_flash::BuildError;
use skiff_flash::ContentError;
use skiff_flash::Ext4Error;
use skiff_flash::FatError;
use skiff_flash::InstallError;
use skiff_flash::OpenError;
use skiff_flash::PartitionError;
use skiff_flash::PlanError;
use skiff_flash::Refusal;
use skiff_flash::SelectError;
use skiff_flash::VolumeError;
use skiff_flash::WriteError;

use super::CommandError;
use super::Kind;

impl From<SelectError> for CommandError {
    fn from(error: SelectError) -> Self {
        Self::of(Kind::User, &error).hint("`skiff device list` shows the devices of this machine")
    }
}

impl From<Refusal> for CommandError {
    fn from(error: Refusal) -> Self {
        let plain = Self::of(Kind::Refused, &error);
        match error {
            Refusal::Partition { disk, .. } => plain.hint(format!("name the whole device: {disk}")),
            Refusal::Protected { .. } => plain.hint("take it out of `protect:` if that is no longer meant"),
            Refusal::System { .. } => plain.hint("no option allows that"),
            Refusal::InUse { name, .. } => plain.hint(format!("unmount it or take it out of use first: lsblk {name}")),
            Refusal::ReadOnly { .. } => plain.hint("slide the write-protect switch of the card to `unlocked`"),
            Refusal::Empty { .. } => plain.hint("put a card in"),
            Refusal::TooSmall { .. } => plain.hint("take a larger one"),
            Refusal::Source { .. } => plain.hint("copy the image to another disk first: nothing was written"),
            Refusal::Fixed { word, .. } | Refusal::Unknown { word, .. } => {
                plain.hint(format!("if you really mean it: --allow-fixed {word}"))
            }
        }
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused(refusal) => refusal.into(),
            OpenError::Changed(_) => {
                Self::of(Kind::Refused, &error).hint("nothing was written; look at it and run this again")
            }
            OpenError::Busy(_) => {
                Self::of(Kind::Refused, &error).hint("something has it open: unmount it, or ask lsof")
            }
            OpenError::NotAllowed(_) => {
                Self::of(Kind::User, &error).hint("devices are root's: sudo, or a rule of udev")
            }
            OpenError::Io { .. } => Self::of(Kind::User, &error).hint("reconnect the device and run the command again"),
        }
    }
}

impl From<WriteError> for CommandError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::Cancelled | WriteError::Unverified => Self::of(Kind::Cancelled, &error),
            WriteError::Read(_) | WriteError::Map { .. } => Self::of(Kind::User, &error).hint(
                "the medium is incomplete; if the image is newer than its block map, remove the map and write again",
            ),
            WriteError::Write { .. } => {
                Self::of(Kind::User, &error).hint("the medium is incomplete; try another port, reader or card")
            }
            WriteError::ReadBack { .. } => Self::of(Kind::User, &error)
                .hint("everything was written, and cannot be read; try another port, reader or card"),
            WriteError::Differs { .. } => {
                Self::of(Kind::User, &error).hint("replace the medium: it does not store data reliably")
            }
        }
    }
}

impl From<PlanError> for CommandError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Content(error) => error.into(),
            PlanError::Layout(_) | PlanError::Partition { .. } => Self::of(Kind::User, &error)
                .hint("metadata/layout.yaml of the layers says what goes where: skiff layout shows it"),
            PlanError::TooMuch { .. } => Self::of(Kind::User, &error).hint("take a larger medium, or a smaller system"),
        }
    }
}

impl From<ContentError> for CommandError {
    fn from(error: ContentError) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            ContentError::Missing(_) => plain.hint("is the system built? `skiff compile`; firmware, device trees and boot loaders come from `--engine buildroot`, some from vendors: see the README of the board's layer. Your own files go to overrides/resources"),
            ContentError::Cancelled => Self::of(Kind::Cancelled, &error),
            ContentError::Collision { .. } => plain.hint("rename one of them, or put it onto a partition with ext4"),
            _ => plain.hint("metadata/layout.yaml of the layers says what goes where: skiff layout shows it"),
        }
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Partition(error) => error.into(),
            BuildError::Cancelled => Self::of(Kind::Cancelled, &error),
            BuildError::Layout(_) | BuildError::Io { .. } => Self::of(Kind::User, &error),
        }
    }
}

impl From<InstallError> for CommandError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Content(error) => error.into(),
            InstallError::Partition(error) => error.into(),
            InstallError::Outside(_) => Self::of(Kind::Bug, &error),
            InstallError::NotFormatted { .. } | InstallError::Table(_) => Self::of(Kind::User, &error)
                .hint("check the device; to erase it and write the system: skiff cmd PACKAGE format"),
            InstallError::LastGeneration { .. } => Self::of(Kind::User, &error)
                .hint("skiff-system.json on the medium was changed; format the medium: skiff cmd PACKAGE format"),
            InstallError::NoPrevious => Self::of(Kind::User, &error).hint("there is one after the first `install`"),
            InstallError::NoCommon(_) => {
                Self::of(Kind::User, &error).hint("`install` makes it whole; the system that boots is left until then")
            }
            InstallError::Foreign(_) => Self::of(Kind::User, &error)
                .hint("give it another name: that one is for the system before the last install"),
            InstallError::Cancelled => Self::of(Kind::Cancelled, &error),
            InstallError::Ambiguous(..) => Self::of(Kind::User, &error)
                .hint("give the one that is not the board's another label: fatlabel, e2label"),
            InstallError::Changed(_) => Self::of(Kind::User, &error).hint("look at it, and try again"),
            InstallError::Nothing => Self::of(Kind::User, &error).hint(
                "in metadata/layout.yaml, installs renew `copy_files` without `once` of partitions without `keep`",
            ),
            InstallError::Io(_) => Self::of(Kind::User, &error).hint("reconnect the medium and run the command again"),
        }
    }
}

impl From<PartitionError> for CommandError {
    fn from(error: PartitionError) -> Self {
        let plain = Self::of(if error.source.is_cancelled() { Kind::Cancelled } else { Kind::User }, &error);
        match &error.source {
            VolumeError::Fat(source) => hint_fat(plain, source),
            VolumeError::Ext4(source) => hint_ext4(plain, source),
            VolumeError::Unreadable(_) => plain.hint("repair the file system (fsck.fat, e2fsck), or format the medium"),
        }
    }
}

fn hint_fat(plain: CommandError, error: &FatError) -> CommandError {
    match error {
        FatError::Full => plain.hint("it has to hold the new system beside the present one: take a larger medium"),
        FatError::Damaged(_) => plain.hint("nothing was written; fsck.fat may mend it, `format` makes it anew"),
        FatError::Missing => plain.hint("`format` makes it anew"),
        FatError::NotFat32(_) => {
            plain.hint("nothing was written; `format` makes everything anew. FAT32 needs a partition of 34 MiB")
        }
        FatError::Size(_) => plain.hint("give the partition another size in metadata/layout.yaml"),
        FatError::Name { .. } | FatError::Collision { .. } => plain.hint("rename it: nothing was written"),
        FatError::Folder(_) | FatError::RootFolder { .. } => {
            plain.hint("put some of them into a directory of their own")
        }
        FatError::TooLarge(_) => plain.hint("put it onto a partition with ext4"),
        FatError::Io(_) => plain.hint(
            "reconnect the medium, free space for scratch files in the workspace (df), and run the command again",
        ),
        FatError::NoPrevious | FatError::Cancelled => plain,
    }
}

fn hint_ext4(plain: CommandError, error: &Ext4Error) -> CommandError {
    match error {
        Ext4Error::NoTool { .. } => plain.hint("on Debian and Ubuntu: sudo apt-get install e2fsprogs"),
        Ext4Error::Full => plain.hint("it has to hold the new system beside the present one: take a larger medium"),
        Ext4Error::Damaged { .. } => plain.hint("nothing was written; e2fsck may mend it, `format` makes it anew"),
        Ext4Error::RootFolder => {
            plain.hint("nothing was written; move some of them into a directory, or `format` it anew")
        }
        Ext4Error::Name(_) => plain.hint("give it another name: nothing was written"),
        Ext4Error::Failed { .. } => plain.hint("nothing was written; e2fsck says what is wrong with it"),
        Ext4Error::Io(_) => plain.hint(
            "reconnect the medium, free space for scratch files in the workspace (df), and run the command again",
        ),
        Ext4Error::NoPrevious | Ext4Error::Cancelled => plain,
    }
}
