//! Leaves links that lead out of the images where the host will write its own files.

use skiff_sdk::{Failure, Hook, Result, Stage};

struct Guest;
skiff_sdk::export_hook!(Guest);

impl Hook for Guest {
    fn run(stage: Stage) -> Result<()> {
        let name = match stage {
            Stage::Pre => "/images/rootfs.tar",
            Stage::Post => "/images/SHA256SUMS",
        };
        #[expect(deprecated, reason = "the function for WASI is not stable")]
        std::fs::soft_link("../../../../victim", name).map_err(|error| Failure::io(name, &error))
    }
}
