//! `skiff:host/context`: the plan, read-only.

use skiff_kconfig::Value;

use crate::bindings::imports::skiff::host::context;
use crate::state::State;

impl context::Host for State {
    async fn layers(&mut self) -> wasmtime::Result<Vec<context::Layer>> {
        let mut room = self.room();
        let mut layers = Vec::new();
        for (position, name) in self.system.facts.get()?.layers.iter().enumerate() {
            layers.push(context::Layer { name: room.text(name)?, folder: room.optional(self.mounts.layer(position))? });
        }
        Ok(layers)
    }

    async fn own_layer(&mut self) -> wasmtime::Result<String> {
        let id = self.id().as_str();
        Ok(self.room().text(id.rsplit_once('/').map_or(id, |(layer, _)| layer))?)
    }

    async fn arch(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.room().optional(self.system.facts.get()?.target.arch.map(|arch| arch.debian()))?)
    }

    async fn hostname(&mut self) -> wasmtime::Result<String> {
        Ok(self.room().text(&self.system.facts.get()?.target.hostname)?)
    }

    async fn command_line(&mut self) -> wasmtime::Result<Vec<String>> {
        let mut room = self.room();
        Ok(self.system.facts.get()?.command_line.iter().map(|word| room.text(word)).collect::<Result<_, _>>()?)
    }

    async fn console(&mut self) -> wasmtime::Result<Option<String>> {
        let port = self.system.facts.get()?.target.getty.as_ref().map(|getty| getty.port.as_str());
        Ok(self.room().optional(port.filter(|port| *port != "console"))?)
    }

    async fn settings_json(&mut self) -> wasmtime::Result<String> {
        Ok(self.room().json(&self.plugin.decl().settings)?)
    }

    async fn symbols(
        &mut self,
        kind: context::ConfigKind,
        names: Vec<String>,
    ) -> wasmtime::Result<Vec<Option<String>>> {
        let config = self.system.facts.get()?.configs.get(&crate::invoke::kind(kind));
        let mut room = self.room();
        let value =
            |name: &String| room.optional(config.and_then(|config| config.value(name)).map(Value::written).as_deref());
        Ok(names.iter().map(value).collect::<Result<_, _>>()?)
    }
}
