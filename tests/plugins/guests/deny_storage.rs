//! Wants to change what it may only read, and to open what it may not. Says what happened to each function of the
//! interface: the test compares the names with those of the contract.

use skiff_sdk::{Archive, Arguments, Command, Compression, Failure, FailureCode, Level, Result, Tree};

struct Guest;
skiff_sdk::export_command!(Guest);

fn refused<T>(name: &str, result: Result<T>) -> Result<()> {
    let said = match result {
        Err(failure) if failure.code == FailureCode::Refused => "refused",
        Err(failure) => &format!("{failure:?}"),
        Ok(_) => "DONE",
    };
    skiff_sdk::log(Level::Info, format!("{name}: {said}"));
    Ok(())
}

impl Command for Guest {
    fn invoke(_: &str, _: &Arguments) -> Result<u8> {
        let (layer, state) = (Tree::open("/layer/parts")?, Tree::open("/state")?);
        for path in ["/", "/layer", "/target", "/images", "/layers", "/etc", "/proc/self", "/layer/parts/../.."] {
            refused("open", Tree::open(path))?;
        }
        let data = layer.blob("data")?;
        refused("copy", layer.copy(&state, "", "x"))?;
        refused("put", layer.put(&data, "x"))?;
        refused("unpack", layer.unpack(&data, "x", 0))?;
        refused("pack", layer.pack(&state, "", Archive::Tar, Compression::None, "x"))?;
        refused("link", layer.link("x", "/etc/passwd"))?;
        refused("set-mode", layer.set_mode("data", 0o777))?;
        refused("set-mode", state.set_mode("", 0o4755))?;
        for path in ["/etc/passwd", "..", "../x", "a/../..", "a//b", "./a", "a\0b"] {
            let mut kinds = Vec::new();
            kinds.push(layer.subtree(path).err());
            kinds.push(layer.blob(path).err());
            kinds.push(layer.digest(path).err());
            kinds.push(state.copy(&layer, path, "x").err());
            kinds.push(state.copy(&layer, "data", path).err());
            kinds.push(state.put(&data, path).err());
            kinds.push(state.unpack(&data, path, 0).err());
            kinds.push(state.pack(&state, path, Archive::Tar, Compression::None, "x").err());
            kinds.push(state.set_mode(path, 0o700).err());
            kinds.push(state.link(path, "x").err());
            if kinds.iter().any(|failure| failure.as_ref().is_none_or(|failure| failure.code != FailureCode::Invalid)) {
                return Err(Failure::new(FailureCode::Internal, format!("{path:?}: {kinds:?}")));
            }
        }
        // Links lead nowhere, and what is no file is not waited for.
        for (tree, path) in [(&layer, "link-out"), (&layer, "link-dir/passwd"), (&state, "pipe")] {
            if let Ok(blob) = tree.blob(path) {
                return Err(Failure::new(FailureCode::Internal, format!("{path} has {} bytes", blob.size())));
            }
            refused("blob", Err::<(), _>(Failure::new(FailureCode::Refused, "as expected")))?;
        }
        refused("copy", state.copy(&state, "pipe", "other"))?;
        // A link that is copied stays a link, and is not followed afterwards either.
        state.copy(&layer, "link-out", "link-out")?;
        if state.blob("link-out").is_ok() || std::fs::read("/state/link-out").is_ok() {
            return Err(Failure::new(FailureCode::Internal, "the link was followed"));
        }
        Ok(0)
    }
}
