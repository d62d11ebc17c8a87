//! No lock and no file with grants makes its reader panic.
#![no_main]

use skiff_build::LockFile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(lock) = LockFile::parse(bytes)
        && let Some(system) = &lock.system
    {
        assert!(system.drift(system).is_empty() || has_twins(system));
    }
});

/// Somebody may have written a name twice, and then nothing is like itself.
fn has_twins(system: &skiff_build::LockedSystem) -> bool {
    let mut layers: Vec<_> = system.layers.iter().map(|layer| &layer.layer).collect();
    let mut plugins: Vec<_> = system.plugins.iter().map(|plugin| &plugin.plugin).collect();
    let (all_layers, all_plugins) = (layers.len(), plugins.len());
    layers.sort();
    layers.dedup();
    plugins.sort();
    plugins.dedup();
    layers.len() != all_layers || plugins.len() != all_plugins
}
