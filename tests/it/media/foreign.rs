//! An image or device as other people's tools see it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// A medium.
pub(super) struct Medium {
    path: PathBuf,
}

/// A partition as sfdisk tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// In sectors of 512 bytes, the last included.
    pub(super) sectors: (u64, u64),
    /// In small letters, without `0x`.
    pub(super) kind: String,
    pub(super) bootable: bool,
    pub(super) name: String,
    pub(super) uuid: String,
}

impl Medium {
    pub(super) fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned() }
    }

    /// The kind of the table, and the partitions.
    pub(super) fn table(&self) -> (String, Vec<Partition>) {
        let (text, said) = run(Command::new("sfdisk").arg("--json").arg(&self.path));
        assert!(!said.contains("orrupt") && !said.contains("does not"), "{said}");
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
        let table = &json["partitiontable"];
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let partitions = table["partitions"].as_array().cloned().unwrap_or_default();
        let partition = |one: &Value| {
            let (start, size) = (one["start"].as_u64().unwrap(), one["size"].as_u64().unwrap());
            Partition {
                sectors: (start, start + size - 1),
                kind: text(one, "type").to_lowercase(),
                bootable: one["bootable"] == true,
                name: text(one, "name"),
                uuid: text(one, "uuid").to_lowercase(),
            }
        };
        (text(table, "label"), partitions.iter().map(partition).collect())
    }

    /// The identity of the table, as `PARTUUID`s begin in an MBR.
    pub(super) fn signature(&self) -> String {
        let bytes = self.bytes(440, 4);
        format!("{:08x}", u32::from_le_bytes(bytes.try_into().unwrap()))
    }

    pub(super) fn bytes(&self, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        File::open(&self.path).unwrap().read_exact_at(&mut bytes, at).unwrap();
        bytes
    }

    /// A FAT file system from a sector on.
    pub(super) fn fat(&self, sector: u64) -> Fat<'_> {
        Fat { medium: self, at: sector * 512 }
    }

    /// An ext4 file system from a sector on.
    pub(super) fn ext4(&self, sector: u64) -> Ext4<'_> {
        Ext4 { medium: self, at: sector * 512 }
    }
}

pub(super) struct Fat<'m> {
    medium: &'m Medium,
    at: u64,
}

impl Fat<'_> {
    fn mtools(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let place = format!("{}@@{}", self.medium.path.display(), self.at);
        let output = Command::new(program).args(["-i", &place]).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        output.stdout
    }

    pub(super) fn read(&self, path: &str) -> Vec<u8> {
        self.mtools("mtype", &[&format!("::/{path}")])
    }

    pub(super) fn has(&self, path: &str) -> bool {
        let place = format!("{}@@{}", self.medium.path.display(), self.at);
        Command::new("mdir").args(["-b", "-i", &place, &format!("::/{path}")]).output().unwrap().status.success()
    }

    /// Puts a file there, as somebody with a card reader would.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, bytes).unwrap();
        self.mtools("mcopy", &[file.path().to_str().unwrap(), &format!("::/{path}")]);
    }

    /// The label in the root directory and that in the boot sector.
    pub(super) fn labels(&self) -> (String, String) {
        let text = String::from_utf8(self.mtools("mlabel", &["-s", "::"])).unwrap();
        let root = text.trim().trim_start_matches("Volume label is").trim();
        let boot = self.medium.bytes(self.at + 71, 11);
        let root = root.split(" (").next().unwrap_or_default().trim().to_owned();
        (root, String::from_utf8(boot).unwrap().trim_end().to_owned())
    }

    /// What fsck.fat says of it; it can look at whole files only.
    pub(super) fn check(&self, sectors: u64) {
        let alone = tempfile::NamedTempFile::new().unwrap();
        let (skip, count) = (format!("skip={}", self.at), format!("count={}", sectors * 512));
        let (from, to) = (format!("if={}", self.medium.path.display()), format!("of={}", alone.path().display()));
        let words = ["bs=1M", "conv=sparse", "iflag=skip_bytes,count_bytes", "status=none"];
        run(Command::new("dd").args([&from, &to, &skip, &count]).args(words));
        alone.as_file().set_len(sectors * 512).unwrap();
        run(Command::new("fsck.fat").arg("-n").arg(alone.path()));
    }
}

pub(super) struct Ext4<'m> {
    medium: &'m Medium,
    at: u64,
}

impl Ext4<'_> {
    fn place(&self) -> String {
        format!("{}?offset={}", self.medium.path.display(), self.at)
    }

    pub(super) fn read(&self, path: &str) -> Vec<u8> {
        let question = format!("cat \"/{path}\"");
        let output = Command::new("debugfs").args(["-R", &question]).arg(self.place()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("not found"), "{path}: {said}");
        output.stdout
    }

    pub(super) fn has(&self, path: &str) -> bool {
        let question = format!("stat \"/{path}\"");
        let output = Command::new("debugfs").args(["-R", &question]).arg(self.place()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_missing = said.contains("not found");
        assert!(is_missing || said.lines().all(|line| line.starts_with("debugfs 1.")), "{path}: {said}");
        !is_missing
    }

    /// Sets fields of an inode.
    pub(super) fn set(&self, path: &str, fields: &[(&str, &str)]) {
        for (field, value) in fields {
            self.change(&format!("set_inode_field \"/{path}\" {field} {value}"));
        }
    }

    /// Puts a file there, and the directory above it.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, bytes).unwrap();
        if let Some((folder, _)) = path.split_once('/').filter(|(folder, _)| !self.has(folder)) {
            self.change(&format!("mkdir \"/{folder}\""));
        }
        self.change(&format!("write {} \"/{path}\"", file.path().display()));
    }

    /// Changes something. debugfs ends with 0 whatever happens: what it says decides.
    pub(super) fn change(&self, command: &str) {
        let output = Command::new("debugfs").args(["-w", "-R", command]).arg(self.place()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.lines().all(|line| line.starts_with("debugfs 1.")), "{command}: {said}");
    }

    pub(super) fn label(&self) -> String {
        let (text, _) = run(Command::new("dumpe2fs").arg("-h").arg(self.place()));
        let line = text.lines().find(|line| line.starts_with("Filesystem volume name:")).unwrap();
        line.split(':').nth(1).unwrap().trim().to_owned()
    }

    pub(super) fn features(&self) -> String {
        let (text, _) = run(Command::new("dumpe2fs").arg("-h").arg(self.place()));
        text.lines().find(|line| line.starts_with("Filesystem features:")).unwrap().to_owned()
    }

    pub(super) fn check(&self) {
        run(Command::new("e2fsck").arg("-fn").arg(self.place()));
    }
}

/// Runs a tool that must succeed; returns what it wrote.
pub(super) fn run(command: &mut Command) -> (String, String) {
    // These are the system's, and not always in a user's PATH.
    let path = std::env::var("PATH").unwrap_or_default();
    let output = command.env("PATH", format!("{path}:/usr/sbin:/sbin")).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}
