//! No manifest makes its reader panic, and whatever is accepted keeps inside its layer and is plain to read.
#![no_main]

use std::path::Path;

use skiff_layers::Capability;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(manifest) = skiff_layers::parse_manifest(Path::new("/layer"), text) else { return };
    for plugin in manifest.plugins {
        let inside = plugin.component.strip_prefix("/layer").expect("the component is in the layer");
        assert!(inside.components().all(|part| !matches!(part, std::path::Component::ParentDir)));
        assert!((1..=1024).contains(&plugin.limits.memory_mib) && (1..=3600).contains(&plugin.limits.time_s));
        for capability in &plugin.capabilities {
            assert!(!capability.why().trim_end_matches('\n').chars().any(char::is_control));
            if let Capability::Files(access) = capability {
                assert!(!access.path.split('/').any(|part| part == ".."));
            }
        }
    }
});
