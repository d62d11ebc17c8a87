//! What wasmtime's bindgen makes of `wit/`, and nothing else.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::indexing_slicing, reason = "generated from the WIT")]

pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/plugin"],
        world: "skiff:plugin/imports",
        imports: { default: async | trappable },
        with: { "skiff:host/report.task": crate::interface::report::GuestTask },
        require_store_data_send: true,
    });
}

pub(crate) mod hook {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/plugin"],
        world: "skiff:plugin/hook-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "skiff:host/fault": crate::bindings::imports::skiff::host::fault,
            "skiff:host/report": crate::bindings::imports::skiff::host::report,
            "skiff:host/context": crate::bindings::imports::skiff::host::context,
            "skiff:host/tools": crate::bindings::imports::skiff::host::tools,
        },
        require_store_data_send: true,
    });
}

pub(crate) mod command {
    wasmtime::component::bindgen!({
        path: ["../../wit/host", "../../wit/plugin"],
        world: "skiff:plugin/command-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "skiff:host/fault": crate::bindings::imports::skiff::host::fault,
            "skiff:host/report": crate::bindings::imports::skiff::host::report,
            "skiff:host/context": crate::bindings::imports::skiff::host::context,
            "skiff:host/tools": crate::bindings::imports::skiff::host::tools,
        },
        require_store_data_send: true,
    });
}
