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

/// The interface that plugins with hooks export.
pub mod hook {
    wit_bindgen::generate!({
        path: ["../wit/host", "../wit/plugin"],
        world: "skiff:plugin/hook-plugin",
        pub_export_macro: true,
        export_macro_name: "export_hook_component",
        default_bindings_module: "skiff_sdk::hook_bindings",
        with: {
            "skiff:host/fault@1.0.0": super::imports::skiff::host::fault,
            "skiff:host/report@1.0.0": super::imports::skiff::host::report,
            "skiff:host/context@1.0.0": super::imports::skiff::host::context,
            "skiff:host/tools@1.0.0": super::imports::skiff::host::tools,
        },
    });
}

/// The interface that plugins with commands export.
pub mod command {
    wit_bindgen::generate!({
        path: ["../wit/host", "../wit/plugin"],
        world: "skiff:plugin/command-plugin",
        pub_export_macro: true,
        export_macro_name: "export_command_component",
        default_bindings_module: "skiff_sdk::command_bindings",
        with: {
            "skiff:host/fault@1.0.0": super::imports::skiff::host::fault,
            "skiff:host/report@1.0.0": super::imports::skiff::host::report,
            "skiff:host/context@1.0.0": super::imports::skiff::host::context,
            "skiff:host/tools@1.0.0": super::imports::skiff::host::tools,
        },
    });
}
