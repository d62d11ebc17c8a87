//! `skiff:host/context`: the plan, read-only.

use skiff_kconfig::Value;

use crate::bindings::imports::skiff::host::context;
use crate::state::State;

impl context::Host for State {
    async fn layers(&mut self) -> wasmtime::Result<Vec<context::Layer>> {
        let layer = |(position, name): (usize, &String)| context::Layer {
            name: name.clone(),
            folder: self.mounts.layer(position).map(str::to_owned),
        };
        Ok(self.system.layers.iter().enumerate().map(layer).collect())
    }

    async fn target(&mut self) -> wasmtime::Result<context::TargetInfo> {
        let target = &self.system.target;
        Ok(context::TargetInfo {
            arch: target.arch.map(|arch| arch.debian().to_owned()).unwrap_or_default(),
            hostname: target.hostname.clone(),
            command_line: self.system.command_line.clone(),
            console: target.getty.as_ref().map(|getty| getty.port.clone()).filter(|port| port != "console"),
        })
    }

    async fn settings(&mut self) -> wasmtime::Result<String> {
        Ok(self.plugin.decl.settings.to_string())
    }

    async fn symbols(&mut self, kind: context::Kind, names: Vec<String>) -> wasmtime::Result<Vec<Option<String>>> {
        let config = self.system.configs.get(&crate::invoke::kind(kind));
        let value = |name: &String| config.and_then(|config| config.value(name)).map(Value::text).map(str::to_owned);
        Ok(names.iter().map(value).collect())
    }
}
