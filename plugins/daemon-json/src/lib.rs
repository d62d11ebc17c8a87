//! The `pre` hook of layers with an engine of containers: writes its `daemon.json`.
//!
//! Merged, in this order, later values winning: the layer's own defaults (`resources/<engine>/daemon.json`), the file that
//! overlays have put into the target, and the fragments `resources/<engine>/daemon.json.d/*.json` of all layers. The
//! setting `engine` names the folders: `docker`, `balena-engine`.

use std::fs;

use serde::Deserialize;
use skiff_sdk::Failure;
use skiff_sdk::Hook;
use skiff_sdk::Level;
use skiff_sdk::Result;
use skiff_sdk::Stage;
use skiff_sdk::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    engine: String,
}

struct DaemonJson;

skiff_sdk::export_hook!(DaemonJson);

impl Hook for DaemonJson {
    fn run(_: Stage) -> Result<()> {
        let Settings { engine } = json::settings()?;
        let defaults = format!("/layer/resources/{engine}/daemon.json");
        let target = format!("/target/etc/{engine}/daemon.json");
        let fragments = format!("resources/{engine}/daemon.json.d");
        let (config, count) = json::merge_files(&[&defaults, &target], &fragments)?;
        skiff_sdk::log(Level::Info, format!("fragments of daemon.json merged: {count}"));
        fs::write(skiff_sdk::path(&target), format!("{config:#}\n")).map_err(|error| Failure::io(&target, &error))
    }
}

#[cfg(test)]
mod tests {
    use skiff_sdk::testing::Host;

    use super::*;

    #[test]
    fn later_layers_win_over_the_target_and_the_defaults() {
        let host = Host::new()
            .settings(r#"{"engine": "docker"}"#)
            .file("/layer/resources/docker/daemon.json", r#"{"a": 1, "b": {"x": 1}, "c": 1}"#)
            .file("/target/etc/docker/daemon.json", r#"{"b": {"y": 2}, "c": 2}"#)
            .layer("my/first")
            .layer("my/second")
            .file("/layers/00/resources/docker/daemon.json.d/10.json", r#"{"c": 3}"#)
            .file("/layers/01/resources/docker/daemon.json.d/05.json", r#"{"b": {"x": 4}}"#);
        DaemonJson::run(Stage::Pre).unwrap();
        let written = host.read("/target/etc/docker/daemon.json");
        let words: String = written.split_whitespace().collect();
        assert_eq!(words, r#"{"a":1,"b":{"x":4,"y":2},"c":3}"#);
        assert_eq!(host.messages(), ["fragments of daemon.json merged: 2"]);
    }

    #[test]
    fn settings_that_nobody_knows_are_named() {
        let _host = Host::new().settings(r#"{"engin": "docker"}"#);
        let failure = DaemonJson::run(Stage::Pre).unwrap_err();
        assert!(
            failure.to_string().contains("`settings` in metadata/plugins.yaml: unknown field `engin`"),
            "{failure}"
        );
    }
}
