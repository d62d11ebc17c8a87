//! Being told an environment variable. The command line reads it and hands it over as an argument.

use skiff_layers::CapabilityKind;

use super::HostCapability;

pub(super) const CAPABILITY: HostCapability =
    HostCapability { kind: CapabilityKind::Variable, interfaces: &[], lacks: "no `env` of an argument", idle: None };
