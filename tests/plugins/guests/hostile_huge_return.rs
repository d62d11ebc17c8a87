//! Contributes ten million fragments.

use skiff_sdk::{ConfigKind, Configure, Fragment, Result};

struct Guest;
skiff_sdk::export_configure!(Guest);

impl Configure for Guest {
    fn contribute() -> Result<Vec<Fragment>> {
        let one = || Fragment { kind: ConfigKind::Buildroot, name: String::new(), text: String::new() };
        Ok(std::iter::repeat_with(one).take(1_000_000).collect())
    }
}
