use crate::Failure;
use crate::FailureCode;
use crate::Result;

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The target tree is complete, the images are not made yet.
    Pre,
    /// The images are made.
    Post,
}

impl Stage {
    #[doc(hidden)]
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "pre" => Ok(Self::Pre),
            "post" => Ok(Self::Post),
            other => Err(Failure::new(
                FailureCode::Unsupported,
                format!("the SDK that this plugin was built with knows no stage `{other}`"),
            )),
        }
    }
}

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
                    stage: ::std::string::String,
                ) -> ::core::result::Result<(), $crate::hook_bindings::exports::skiff::plugin::hooks::Failure> {
                    let stage = $crate::Stage::parse(&stage);
                    stage.and_then(<$plugin as $crate::Hook>::run).map_err(::core::convert::Into::into)
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
