//! Scripts as U-Boot reads them: a text behind the header of its "legacy" images (include/image.h of U-Boot).

use skiff_layout::Script;

/// What such an image begins with.
const MAGIC: u32 = 0x2705_1956;

/// Bytes of a name.
const NAME: usize = 32;

/// Operating system Linux, type script, not compressed.
const LINUX: u8 = 5;
const SCRIPT: u8 = 6;
const NONE: u8 = 0;

/// Why a text cannot become a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown architecture `{0}` for a U-Boot script; expected arm, arm64, riscv or x86")]
pub struct UnknownArch(String);

/// Wraps a text; `epoch` is the time that it bears, in seconds since 1970.
pub(crate) fn wrap(text: &[u8], script: &Script, epoch: u32) -> Result<Vec<u8>, UnknownArch> {
    let arch = match script.arch.as_str() {
        "arm" => 2,
        "x86" => 3,
        "arm64" => 22,
        "riscv" => 26,
        other => return Err(UnknownArch(other.to_owned())),
    };
    // The list of its parts: one, and the end.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let data = [&length.to_be_bytes(), &[0; 4][..], text].concat();
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let header = |digest: u32| {
        let mut header = Vec::with_capacity(64);
        for number in [MAGIC, digest, epoch, size, 0, 0, crc32fast::hash(&data)] {
            header.extend(number.to_be_bytes());
        }
        header.extend([LINUX, arch, SCRIPT, NONE]);
        let mut name: Vec<u8> = script.name.bytes().take(NAME).collect();
        name.resize(NAME, 0);
        header.extend(name);
        header
    };
    let digest = crc32fast::hash(&header(0));
    Ok([header(digest), data.clone()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_mkimage_makes() {
        let folder = tempfile::tempdir().unwrap();
        let (source, made) = (folder.path().join("boot.txt"), folder.path().join("boot.scr"));
        std::fs::write(&source, "echo hello\nbootz\n").unwrap();
        let script = Script { name: "Skiff".into(), arch: "arm".into() };
        let words = ["-A", "arm", "-C", "none", "-T", "script", "-n", "Skiff", "-d"];
        let mut mkimage = std::process::Command::new("mkimage");
        let status = mkimage.args(words).args([&source, &made]).env("SOURCE_DATE_EPOCH", "1000000").output().unwrap();
        assert!(status.status.success());
        assert_eq!(wrap(b"echo hello\nbootz\n", &script, 1_000_000).unwrap(), std::fs::read(made).unwrap());
    }
}
