//! What wit-bindgen makes of `wit/`, and nothing else.

#![expect(missing_docs, unreachable_pub, reason = "generated from the WIT, which holds the documentation")]
#![allow(clippy::allow_attributes_without_reason, clippy::indexing_slicing, reason = "generated code")]

/// The interfaces that plugins import.
pub mod imports {
    wit_bindgen::generate!({
        path: ["../wit/host", "../wit/plugin"],
        world: "skiff:plugin/imports",
        generate_all,
    });
}

/// Makes the bindings of a world with one export.
macro_rules! exporting {
    ($(#[$about:meta])* $module:ident, $world:literal, $macro:literal, $path:literal) => {
        $(#[$about])*
        pub mod $module {
            wit_bindgen::generate!({
                path: ["../wit/host", "../wit/plugin", "../wit/board"],
                world: $world,
                pub_export_macro: true,
                export_macro_name: $macro,
                default_bindings_module: $path,
                with: {
                    "skiff:host/fault@1.0.0": super::imports::skiff::host::fault,
                    "skiff:host/report@1.0.0": super::imports::skiff::host::report,
                    "skiff:host/context@1.0.0": super::imports::skiff::host::context,
                    "skiff:host/storage@1.0.0": super::imports::skiff::host::storage,
                    "skiff:host/tools@1.0.0": super::imports::skiff::host::tools,
                    "skiff:host/fetch@1.0.0": super::imports::skiff::host::fetch,
                },
            });
        }
    };
}

exporting!(
    /// The interface that plugins export which contribute to the configuration.
    configuration,
    "skiff:plugin/configuration-plugin",
    "export_configuration_component",
    "skiff_sdk::configuration_bindings"
);
exporting!(
    /// The interface that plugins with hooks export.
    hook,
    "skiff:plugin/hook-plugin",
    "export_hook_component",
    "skiff_sdk::hook_bindings"
);
exporting!(
    /// The interface that plugins with commands export.
    command,
    "skiff:plugin/command-plugin",
    "export_command_component",
    "skiff_sdk::command_bindings"
);
exporting!(
    /// The interface that plugins export which know a board.
    board,
    "skiff:board/board-plugin",
    "export_board_component",
    "skiff_sdk::board_bindings"
);
