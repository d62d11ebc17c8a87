use std::path::Path;

use skiff_kconfig::Kind;
use skiff_plan::Arch;
use skiff_plan::BuildPlan;
use skiff_plan::Target;

use super::PrebuiltError;
use super::distribution::Distribution;
use super::system;

/// What the layers of a plan want of the engine.
#[derive(Debug)]
pub(crate) struct Wished {
    /// Whose packages are used.
    pub(crate) distribution: Distribution,
    pub(crate) arch: Arch,
    pub(crate) target: Target,
    /// The packages.
    pub(crate) requests: Vec<Request>,
}

/// A package that is wanted.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) package: String,
    /// The layer that names the package, or sets the symbol that asks for it.
    pub(crate) layer: String,
}

impl Wished {
    /// Reads it off a plan and the host's `os-release`.
    pub(crate) fn read(plan: &BuildPlan, os_release: &Path) -> Result<Self, PrebuiltError> {
        let mut target = Target::of(plan.config(Kind::Buildroot))?;
        if let (Some(getty), Some(options)) = (&mut target.getty, &plan.prebuilt.getty_options) {
            getty.options.clone_from(options);
        }
        let arch = target.arch.ok_or(PrebuiltError::NoArchitecture)?;
        system::check_hostname(&target.hostname)?;
        let distribution = Distribution::read(os_release)?;
        let requests = distribution.requests(plan, arch)?;
        Ok(Self { distribution, arch, target, requests })
    }
}
