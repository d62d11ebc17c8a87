//! The calls themselves: what goes in, what comes out.

use skiff_kconfig::Kind;
use skiff_layers::LayerPlugin;
use skiff_layers::Stage;
use skiff_plan::Contribution;
use skiff_plan::HookCall;
use skiff_plan::Zones;
use skiff_report::Level;
use skiff_text::harmless;

use crate::CallError;
use crate::Given;
use crate::GivenValue;
use crate::PluginFailure;
use crate::PluginId;
use crate::Runner;
use crate::bindings::board::BoardPluginPre;
use crate::bindings::command::CommandPluginPre;
use crate::bindings::command::exports::skiff::plugin::commands;
use crate::bindings::configuration::ConfigurationPluginPre;
use crate::bindings::configuration::exports::skiff::plugin::configuration;
use crate::bindings::hook::HookPluginPre;
use crate::bindings::imports::skiff::host::context;
use crate::bindings::imports::skiff::host::fault;
use crate::board;

/// Fragments that one plugin may contribute, and bytes that one of them may have.
const MAX_FRAGMENTS: usize = 100;
const MAX_FRAGMENT: usize = 256 << 10;

impl Runner {
    /// Runs a command of a plugin and returns its exit status, and what it printed to stdout.
    ///
    /// # Errors
    /// [`CallError`]: not loaded, not granted, failed, crashed or stopped.
    pub fn run_command(
        &self,
        plugin: &LayerPlugin,
        command: &str,
        given: &Given,
        zones: &Zones,
    ) -> Result<(u8, Vec<u8>), CallError> {
        let plugin = self.ready(plugin)?;
        let arguments: Vec<_> = given.iter().map(argument).collect();
        let state = self.state(&plugin, zones, given.clone())?;
        self.bounded(&plugin, state, async |store, pre| {
            let instance = CommandPluginPre::new(pre)?.instantiate_async(&mut *store).await?;
            let called = instance.skiff_plugin_commands().call_invoke(&mut *store, command, &arguments).await?;
            Ok(called.map(|status| (status, store.data().stdout())))
        })
    }

    pub(crate) fn run_stage(&self, call: &HookCall, zones: &Zones) -> Result<(), CallError> {
        let plugin = self.ready(&call.plugin)?;
        if !plugin.decl().hooks.contains(&call.stage) {
            return Err(CallError::NoHook { plugin: plugin.id.clone(), stage: call.stage });
        }
        if call.stage == Stage::Configure {
            return Err(CallError::NoHook { plugin: plugin.id.clone(), stage: call.stage });
        }
        let stage = call.stage.to_string();
        let state = self.state(&plugin, zones, Given::default())?;
        self.bounded(&plugin, state, async |store, pre| {
            let instance = HookPluginPre::new(pre)?.instantiate_async(&mut *store).await?;
            let called = instance.skiff_plugin_hooks().call_run(&mut *store, &stage).await?;
            // A hook has no reader of its own.
            store.data_mut().flush_stdout(Level::Info);
            Ok(called)
        })
    }

    pub(crate) fn contributions(&self, call: &HookCall, zones: &Zones) -> Result<Vec<Contribution>, CallError> {
        let plugin = self.ready(&call.plugin)?;
        let state = self.pure_state(&plugin, zones)?;
        let fragments = self.bounded(&plugin, state, async |store, pre| {
            let instance = ConfigurationPluginPre::new(pre)?.instantiate_async(&mut *store).await?;
            let called = instance.skiff_plugin_configuration().call_contribute(&mut *store).await?;
            store.data_mut().flush_stdout(Level::Info);
            Ok(called)
        })?;
        let wrong = |message: &str| CallError::Contribution { plugin: plugin.id.clone(), message: message.to_owned() };
        if fragments.len() > MAX_FRAGMENTS {
            return Err(wrong("there are more than 100"));
        }
        let contribution = |fragment: configuration::Fragment| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if fragment.name.is_empty() || fragment.name.len() > 100 || !fragment.name.chars().all(plain) {
                return Err(wrong("a name is letters, digits, `.`, `_` and `-`"));
            }
            if fragment.text.len() > MAX_FRAGMENT {
                return Err(wrong("one has more than 256 KiB"));
            }
            Ok(Contribution {
                layer: call.plugin.layer.name.clone(),
                plugin: call.plugin.decl.name.clone(),
                kind: kind(fragment.kind),
                name: fragment.name,
                text: fragment.text,
            })
        };
        fragments.into_iter().map(contribution).collect()
    }

    /// Asks a board's plugin for the layout of a medium. No medium can be reached by it.
    ///
    /// # Errors
    /// [`CallError`]: not loaded, not granted, failed, crashed or stopped.
    pub fn layout(
        &self,
        plugin: &LayerPlugin,
        intent: board::Intent,
        medium: skiff_layout::Medium,
        model: &str,
        zones: &Zones,
    ) -> Result<skiff_layout::Layout, CallError> {
        let plugin = self.ready(plugin)?;
        let state = self.state(&plugin, zones, Given::default())?;
        let medium = board::medium(medium, model);
        let layout = self.bounded(&plugin, state, async |store, pre| {
            let instance = BoardPluginPre::new(pre)?.instantiate_async(&mut *store).await?;
            let called = instance.skiff_board_layouts().call_plan(&mut *store, intent.into(), &medium).await?;
            store.data_mut().flush_stdout(Level::Info);
            Ok(called)
        })?;
        let failed = |error: skiff_layout::LayoutError| {
            CallError::Failed(PluginFailure {
                plugin: plugin.id.clone(),
                refused: false,
                message: one_line(&error.to_string()),
                hint: None,
                subject: None,
            })
        };
        board::layout(layout).map_err(failed)
    }
}

fn argument((name, value): (&str, &GivenValue)) -> commands::Argument {
    let value = match value {
        GivenValue::Flag(flag) => commands::Value::Flag(*flag),
        GivenValue::Number(number) => commands::Value::Number(*number),
        GivenValue::Text(text) => commands::Value::Text(text.clone()),
        GivenValue::Many(words) => commands::Value::Many(words.clone()),
    };
    commands::Argument { name: name.to_owned(), value }
}

/// What a plugin says about its failure stands behind skiff's own words: it gets one line of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    const MAX: usize = 2000;
    let text = harmless(text).replace('\n', " ");
    text.get(..text.floor_char_boundary(MAX)).unwrap_or_default().to_owned()
}

/// Makes the error of a failure that a plugin returns.
pub(crate) fn failed(plugin: PluginId, fault: fault::Failure) -> CallError {
    CallError::Failed(PluginFailure {
        plugin,
        refused: matches!(fault.code, fault::Code::Refused),
        message: one_line(&fault.message),
        hint: fault.hint.map(|hint| one_line(&hint)),
        subject: fault.subject.map(|subject| one_line(&subject)),
    })
}

pub(crate) fn kind(kind: context::ConfigKind) -> Kind {
    match kind {
        context::ConfigKind::Buildroot => Kind::Buildroot,
        context::ConfigKind::Kernel => Kind::Kernel,
        context::ConfigKind::Uboot => Kind::Uboot,
        context::ConfigKind::Busybox => Kind::Busybox,
    }
}
