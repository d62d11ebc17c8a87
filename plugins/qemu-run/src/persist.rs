//! The disk that survives: an ext4 file system labelled `persist`, made when it is first needed.

use std::fs;
use std::fs::File;
use std::path::Path;

use skiff_sdk::Failure;
use skiff_sdk::FailureCode;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Tool;

use crate::memory;

const DISK: &str = "/state/persist.img";
const UNFINISHED: &str = "/state/persist.img.new";

/// Makes sure that there is a disk and returns its path; none, with a warning, where no ext4 can be made.
pub(crate) fn prepare(size: &str) -> Result<Option<&'static str>> {
    if Path::new(DISK).exists() {
        return Ok(Some(DISK));
    }
    let bytes =
        memory::parse(size).map_err(|message| Failure::new(FailureCode::Invalid, message).about("disk-size"))?;
    if bytes < 16 << 20 {
        return Err(Failure::new(FailureCode::Invalid, "a disk has at least 16M").about("disk-size"));
    }
    let mkfs = Tool::new("mkfs.ext4");
    if !mkfs.available() {
        skiff_sdk::log(Level::Warning, "mkfs.ext4 is not installed (package e2fsprogs): nothing will persist");
        return Ok(None);
    }
    let failed = |error: &std::io::Error| Failure::io(UNFINISHED, error);
    // Sparse: it takes room as it fills.
    File::create(UNFINISHED).and_then(|file| file.set_len(bytes)).map_err(|error| failed(&error))?;
    let made = mkfs.args(["-q", "-F", "-L", "persist"]).path(UNFINISHED).run(None)?;
    if made.status != 0 {
        let text = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        return Err(Failure::new(FailureCode::Tool, format!("mkfs.ext4 ended with status {}: {text}", made.status)));
    }
    fs::rename(UNFINISHED, DISK).map_err(|error| failed(&error))?;
    Ok(Some(DISK))
}
