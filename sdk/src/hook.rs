use crate::Result;

pub use crate::bindings::hook::exports::skiff::plugin::hooks::Stage;

/// A plugin with hooks.
pub trait Hook {
    /// Does the work of a stage. Called once for each stage that the manifest declares.
    ///
    /// # Errors
    /// A [`Failure`](crate::Failure) ends the build with its message and hint.
    fn run(stage: Stage) -> Result<()>;
}

/// Makes a type that implements [`Hook`] the plugin's hook.
#[macro_export]
macro_rules! export_hook {
    ($plugin:ty) => {
        const _: () = {
            struct Component;
            impl $crate::hook_bindings::exports::skiff::plugin::hooks::Guest for Component {
                fn run(
                    stage: $crate::Stage,
                ) -> ::core::result::Result<(), $crate::hook_bindings::exports::skiff::plugin::hooks::Failure> {
                    <$plugin as $crate::Hook>::run(stage).map_err(::core::convert::Into::into)
                }
            }
            // A native build, for unit tests, exports nothing and still uses all of the plugin.
            #[cfg(not(target_family = "wasm"))]
            const _: fn($crate::Stage) -> $crate::Result<()> = <$plugin as $crate::Hook>::run;
            #[cfg(target_family = "wasm")]
    $crate::hook_bindings::export_hook_component!(Component with_types_in $crate::hook_bindings);
        };
    };
}
