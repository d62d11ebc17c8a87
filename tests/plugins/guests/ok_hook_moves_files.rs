//! Has the host copy, pack, unpack, digest and fetch.

use skiff_sdk::{Archive, Compression, Failure, FailureCode, Hook, Level, Result, Stage, Tree};

struct Guest;
skiff_sdk::export_hook!(Guest);

impl Hook for Guest {
    fn run(_: Stage) -> Result<()> {
        let (layer, etc) = (Tree::open("/layer/parts")?, Tree::open("/target/etc")?);
        let copied = etc.copy(&layer, "", "copied")?;
        let archive = layer.blob("archive.tar.gz")?;
        let unpacked = etc.unpack(&archive, "unpacked", 1)?;
        let packed = etc.pack(&etc, "copied", Archive::Tar, Compression::Zstd, "packed.tar.zst")?;
        let again = etc.unpack(&etc.blob("packed.tar.zst")?, "again", 0)?;
        etc.put(&layer.blob("data")?, "deep/er/put")?;
        etc.set_mode("deep/er/put", 0o755)?;
        let equal = etc.digest("copied")? == etc.subtree("again")?.digest("")?;
        let magic = archive.read_at(0, 2)?;
        let (size, digest) = (archive.size(), archive.digest()?);
        if digest.len() != 64 || size == 0 {
            return Err(Failure::new(FailureCode::Internal, "the archive has no digest"));
        }
        let said = format!(
            "copied {} {}, unpacked {} {}, packed {}, again {}, equal {equal}, magic {magic:02x?}",
            copied.entries, copied.bytes, unpacked.entries, unpacked.bytes, packed.entries, again.entries
        );
        skiff_sdk::log(Level::Info, said);
        Ok(())
    }
}
