//! What wasmtime's bindgen makes of `wit/`, and nothing else.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::indexing_slicing, reason = "generated from the WIT")]

pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/plugin"],
        world: "skiff:plugin/imports",
        imports: { default: async | trappable },
        with: {
            "skiff:host/report.task": crate::interface::report::GuestTask,
            "skiff:host/storage.blob": crate::capability::files::interface::GuestBlob,
            "skiff:host/storage.tree": crate::capability::files::interface::GuestTree,
        },
        require_store_data_send: true,
    });
}

/// Makes the bindings of a world with one export.
macro_rules! exporting {
    ($module:ident, $world:literal) => {
        pub(crate) mod $module {
            wasmtime::component::bindgen!({
                path: ["../../wit/host", "../../wit/plugin", "../../wit/board"],
                world: $world,
                imports: { default: async | trappable },
                exports: { default: async },
                with: {
                    "skiff:host": crate::bindings::imports::skiff::host,
                },
                require_store_data_send: true,
            });
        }
    };
}

exporting!(configuration, "skiff:plugin/configuration-plugin");
exporting!(hook, "skiff:plugin/hook-plugin");
exporting!(command, "skiff:plugin/command-plugin");
exporting!(board, "skiff:board/board-plugin");
