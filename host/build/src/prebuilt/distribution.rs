use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use skiff_kconfig::Kind;
use skiff_plan::Arch;
use skiff_plan::BuildPlan;

use super::PrebuiltError;
use super::wished::Request;
use crate::FileError;

/// The host's distribution, whose packages are used.
#[derive(Debug, Default, PartialEq, Eq)]
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

    /// Returns its name, as `provides` of layers has it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the packages that the layers want: the kernel first, and last what gives the symbols of Buildroot that are set.
    pub(crate) fn requests(&self, plan: &BuildPlan, arch: Arch) -> Result<Vec<Request>, PrebuiltError> {
        let wanted = &plan.prebuilt;
        if wanted.kernel.is_empty() {
            return Err(PrebuiltError::Unprepared { what: "a kernel package" });
        }
        let Some(kernels) = wanted.kernel.get(&self.id) else {
            return Err(PrebuiltError::Distribution { id: self.id.clone() });
        };
        let Some(kernel) = kernels.get(arch.debian()) else {
            return Err(PrebuiltError::NoKernel { distribution: self.id.clone(), arch });
        };
        let set = plan.config(Kind::Buildroot).entries().filter(|(_, entry)| !entry.winner.value.is_off());
        let provided = set.filter_map(|(symbol, entry)| {
            let packages = wanted.provided(&self.id, symbol.as_str())?;
            Some(packages.iter().map(|package| (package, &*entry.winner.origin.layer)))
        });
        let named = [kernel].into_iter().chain(&wanted.packages);
        let named = named.map(|package| (package, wanted.named_by.get(package).map_or("", String::as_str)));
        let mut known = BTreeSet::new();
        let all = named.chain(provided.flatten()).filter(|(package, _)| known.insert(package.as_str()));
        Ok(all.map(|(package, layer)| Request { package: package.clone(), layer: layer.to_owned() }).collect())
    }
}
