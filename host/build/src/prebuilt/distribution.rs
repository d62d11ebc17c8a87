use std::fs;
use std::path::Path;

use skiff_layers::Prebuilt;
use skiff_plan::Arch;

use super::PrebuiltError;
use crate::FileError;

/// The host's distribution, whose packages are used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Distribution {
    /// `ID` of os-release: `debian`, `ubuntu`.
    id: String,
}

impl Distribution {
    pub(crate) fn read(os_release: &Path) -> Result<Self, PrebuiltError> {
        let text = fs::read_to_string(os_release).map_err(FileError::at("read", os_release))?;
        let id = text.lines().find_map(|line| line.strip_prefix("ID=")).unwrap_or_default();
        Ok(Self { id: id.trim_matches(['"', '\'']).to_owned() })
    }

    /// Returns the names of the packages that the layers want: the kernel first.
    pub(crate) fn requests(&self, wanted: &Prebuilt, arch: Arch) -> Result<Vec<String>, PrebuiltError> {
        if wanted.kernel.is_empty() {
            return Err(PrebuiltError::Unprepared { what: "a kernel package" });
        }
        let Some(kernels) = wanted.kernel.get(&self.id) else {
            return Err(PrebuiltError::Distribution { id: self.id.clone() });
        };
        let Some(kernel) = kernels.get(arch.debian()) else {
            return Err(PrebuiltError::NoKernel { distribution: self.id.clone(), arch });
        };
        Ok([kernel].into_iter().chain(&wanted.packages).cloned().collect())
    }
}
