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

    async fn own_layer(&mut self) -> wasmtime::Result<String> {
        let id = self.id().as_str();
        Ok(id.rsplit_once('/').map_or(id, |(layer, _)| layer).to_owned())
    }

    async fn arch(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.system.target.arch.map(|arch| arch.debian().to_owned()))
    }

    async fn hostname(&mut self) -> wasmtime::Result<String> {
        Ok(self.system.target.hostname.clone())
    }

    async fn command_line(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.system.command_line.clone())
    }

    async fn console(&mut self) -> wasmtime::Result<Option<String>> {
        let port = self.system.target.getty.as_ref().map(|getty| getty.port.clone());
        Ok(port.filter(|port| port != "console"))
    }

    async fn settings_json(&mut self) -> wasmtime::Result<String> {
        Ok(self.plugin.decl.settings.to_string())
    }

    async fn symbols(
        &mut self,
        kind: context::ConfigKind,
        names: Vec<String>,
    ) -> wasmtime::Result<Vec<Option<String>>> {
        let config = self.system.configs.get(&crate::invoke::kind(kind));
        let value = |name: &String| config.and_then(|config| config.value(name)).map(Value::written);
        Ok(names.iter().map(value).collect())
    }
}
