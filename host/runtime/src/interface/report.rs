//! `skiff:host/report`: messages and progress.

use std::sync::Arc;

use skiff_report::Level;
use skiff_report::Task;
use skiff_report::Unit;
use skiff_text::harmless;
use wasmtime::component::Resource;

use crate::bindings::imports::skiff::host::report;
use crate::state::State;

/// The longest title or note that is shown, in bytes.
const MAX_TITLE: usize = 200;

/// A task that a guest has started.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct GuestTask(Option<Task>);

fn title(text: &str) -> String {
    let text = harmless(text).replace('\n', " ");
    text.get(..text.floor_char_boundary(MAX_TITLE)).unwrap_or_default().to_owned()
}

impl report::Host for State {
    async fn log(&mut self, level: report::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            report::Level::Debug => Level::Debug,
            report::Level::Info => Level::Info,
            report::Level::Warning => Level::Warning,
            report::Level::Error => Level::Error,
        };
        State::log(self, level, &message);
        Ok(())
    }

    async fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.cancel.is_cancelled())
    }
}

impl report::HostTask for State {
    async fn new(&mut self, name: String, total: Option<u64>) -> wasmtime::Result<Resource<GuestTask>> {
        let reporter = Arc::clone(&self.reporter);
        let title = format!("{}: {}", self.id(), title(&name));
        let task = self.charge(&title).then(|| Task::start(&reporter, &title, Unit::Items, total));
        Ok(self.table.push(GuestTask(task))?)
    }

    async fn advance(&mut self, task: Resource<GuestTask>, by: u64) -> wasmtime::Result<()> {
        if let Some(task) = &self.table.get(&task)?.0 {
            task.advance(by);
        }
        Ok(())
    }

    async fn note(&mut self, task: Resource<GuestTask>, text: String) -> wasmtime::Result<()> {
        let text = title(&text);
        if self.charge(&text)
            && let Some(task) = &self.table.get(&task)?.0
        {
            task.note(&text);
        }
        Ok(())
    }

    async fn drop(&mut self, task: Resource<GuestTask>) -> wasmtime::Result<()> {
        self.table.delete(task)?;
        Ok(())
    }
}
