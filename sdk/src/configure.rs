use crate::Result;

pub use crate::bindings::configuration::exports::skiff::plugin::configuration::Fragment;

/// A plugin that contributes to the configuration.
pub trait Configure {
    /// Returns what to add to the configuration that [`symbols`](crate::symbols) shows: that of all layers, without
    /// contributions. Equal layers must give equal fragments; there are no tools, no downloads and no clock.
    ///
    /// # Errors
    /// A [`Failure`](crate::Failure) ends the making of the plan with its message and hint.
    fn contribute() -> Result<Vec<Fragment>>;
}

/// Makes a type that implements [`Configure`] the plugin's hook `configure`.
#[macro_export]
macro_rules! export_configure {
    ($plugin:ty) => {
        const _: () = {
            use $crate::configuration_bindings::exports::skiff::plugin::configuration as interface;
            struct Component;
            impl interface::Guest for Component {
                fn contribute() -> ::core::result::Result<::std::vec::Vec<interface::Fragment>, interface::Failure> {
                    <$plugin as $crate::Configure>::contribute().map_err(::core::convert::Into::into)
                }
            }
            // A native build, for unit tests, exports nothing and still uses all of the plugin.
            #[cfg(not(target_family = "wasm"))]
            const _: fn() -> $crate::Result<::std::vec::Vec<$crate::Fragment>> =
                <$plugin as $crate::Configure>::contribute;
            #[cfg(target_family = "wasm")]
            $crate::configuration_bindings::export_configuration_component!(
                Component with_types_in $crate::configuration_bindings
            );
        };
    };
}
