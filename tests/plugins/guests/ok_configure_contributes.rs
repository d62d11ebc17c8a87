//! Adds settings to the configuration, made from those that the layers have.

use skiff_sdk::{ConfigKind, Configure, Failure, FailureCode, Fragment, Result};

struct Guest;
skiff_sdk::export_configure!(Guest);

impl Configure for Guest {
    fn contribute() -> Result<Vec<Fragment>> {
        let [docker, name] = &skiff_sdk::symbols(
            ConfigKind::Buildroot,
            &["BR2_PACKAGE_DOCKER_ENGINE", "BR2_TARGET_GENERIC_HOSTNAME"],
        )[..] else {
            unreachable!("two names, two values")
        };
        // What is not the layers' must not get in.
        if std::fs::read_dir("/target").is_ok() || std::fs::write("/state/x", "x").is_ok() {
            return Err(Failure::new(FailureCode::Internal, "there is more than the layers"));
        }
        let about = std::fs::read_to_string("/layer/parts/data").unwrap_or_default();
        let text = format!(
            "# {about}\nBR2_PACKAGE_HELLO={}\nBR2_PACKAGE_OF={}\n",
            docker.as_deref().unwrap_or("n"),
            name.as_deref().unwrap_or("\"\"")
        );
        Ok(vec![
            Fragment { kind: ConfigKind::Buildroot, name: "hello".into(), text },
            Fragment { kind: ConfigKind::Kernel, name: "modules".into(), text: "CONFIG_OVERLAY_FS=y\n".into() },
        ])
    }
}
