//! Boards: what is where on the medium. The plugin proposes; skiff checks, shows, asks and writes.

use crate::Result;

pub use crate::bindings::board::exports::skiff::board::layouts::Attribute;
pub use crate::bindings::board::exports::skiff::board::layouts::Content;
pub use crate::bindings::board::exports::skiff::board::layouts::Edit;
pub use crate::bindings::board::exports::skiff::board::layouts::Format;
pub use crate::bindings::board::exports::skiff::board::layouts::Intent;
pub use crate::bindings::board::exports::skiff::board::layouts::Layout;
pub use crate::bindings::board::exports::skiff::board::layouts::Medium;
pub use crate::bindings::board::exports::skiff::board::layouts::Partition;
pub use crate::bindings::board::exports::skiff::board::layouts::Raw;
pub use crate::bindings::board::exports::skiff::board::layouts::Script;
pub use crate::bindings::board::exports::skiff::board::layouts::Table;

/// A plugin that knows what is where on a board's medium.
pub trait Board {
    /// Returns the layout for a medium. skiff checks it, shows it, asks and writes.
    ///
    /// # Errors
    /// A [`Failure`](crate::Failure) is shown to the user with its hint.
    fn plan(intent: Intent, medium: &Medium) -> Result<Layout>;
}

/// Makes a type that implements [`Board`] the plugin's board.
#[macro_export]
macro_rules! export_board {
    ($plugin:ty) => {
        const _: () = {
            use $crate::board_bindings::exports::skiff::board::layouts as interface;
            struct Component;
            impl interface::Guest for Component {
                fn plan(
                    intent: interface::Intent,
                    medium: interface::Medium,
                ) -> ::core::result::Result<interface::Layout, interface::Failure> {
                    <$plugin as $crate::Board>::plan(intent, &medium).map_err(::core::convert::Into::into)
                }
            }
            // A native build, for unit tests, exports nothing and still uses all of the plugin.
            #[cfg(not(target_family = "wasm"))]
            const _: fn($crate::board::Intent, &$crate::board::Medium) -> $crate::Result<$crate::board::Layout> =
                <$plugin as $crate::Board>::plan;
            #[cfg(target_family = "wasm")]
    $crate::board_bindings::export_board_component!(Component with_types_in $crate::board_bindings);
        };
    };
}
